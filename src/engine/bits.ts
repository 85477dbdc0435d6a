/** What text can bring into a context, and what brought it: the first two bits of the Rule of Two. */
import type { RunEvent } from "./journal.ts";

export interface Bits {
  /** Words of strangers: whoever wrote them may want the model to do something. */
  readonly untrusted: boolean;
  /** What is not meant for the world. */
  readonly private: boolean;
}

/** One thing that brought them. */
export interface TaintSource extends Bits {
  /** Null for what was there before the first turn. */
  readonly call: string | null;
  readonly tool: string | null;
  /** A path, a host, `message`, `session`: where it comes from. */
  readonly from: string;
}

export const untainted: Bits = { untrusted: false, private: false };

export function join(...all: readonly Bits[]): Bits {
  return { untrusted: all.some((each) => each.untrusted), private: all.some((each) => each.private) };
}

/** What the events of a run say has come into its context. */
export function sourcesIn(events: readonly RunEvent[]): readonly TaintSource[] {
  return events.flatMap((event): readonly TaintSource[] => {
    if (event.type === "start") return (event.taint ?? []).map((each) => ({ call: null, tool: null, ...each }));
    if (event.type !== "taint") return [];
    const { call, tool, from, untrusted, private: isPrivate } = event;
    return [{ call, tool, from, untrusted, private: isPrivate }];
  });
}

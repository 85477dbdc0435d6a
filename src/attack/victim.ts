/** A model that obeys whoever spoke last: it makes the calls it was scripted to make, whatever it is told. */
import type { Json } from "../core/canonical.ts";
import { defineProvider, type ProviderEvent, type ProviderRequest } from "../define/provider.ts";

/** One turn of the victim: calls to make and words to say. A function sees what the model would see. */
export interface Turn {
  readonly say?: string;
  readonly think?: string;
  /** The turn fails with these words. */
  readonly fail?: string;
  /** The words in pieces as they arrive. */
  readonly pieces?: readonly string[];
  readonly calls?: readonly { readonly tool: string; readonly input: Json }[];
}

export type Script = readonly (Turn | ((request: ProviderRequest) => Turn))[];

/** Scripts by the word a message begins with, so that a sub-agent's task can have one of its own. */
export type Scripts = ReadonlyMap<string, Script>;

export const victimName = "victim";

/** `heard` receives every request as it would leave the machine. */
export function victim(scripts: Scripts, heard: (request: ProviderRequest) => void) {
  return defineProvider({
    name: victimName,
    summary: "Obeys.",
    reach: null,
    async *stream(request) {
      heard(request);
      const asked = request.messages.findLast(({ role, content }) => role === "user" && scripts.has(wordOf(content)));
      const script = (asked && scripts.get(wordOf(asked.content))) ?? [];
      const turn = script[request.messages.filter(({ role }) => role === "assistant").length] ?? { say: "done" };
      yield* eventsOf(typeof turn === "function" ? turn(request) : turn);
    },
  });
}

function* eventsOf({ say, think, fail, pieces = [], calls = [] }: Turn): Generator<ProviderEvent> {
  if (think !== undefined) yield { type: "thinking", text: think };
  for (const text of [...pieces, ...(say === undefined ? [] : [say])]) yield { type: "text", text };
  for (const [i, { tool, input }] of calls.entries()) {
    yield { type: "call", call: { id: `victim-${i + 1}`, tool, arguments: input } };
  }
  if (fail !== undefined) yield { type: "error", fault: { code: "unavailable", message: fail } };
  else yield { type: "done" };
}

function wordOf(message: string): string {
  return message.split(/\s/, 1)[0] ?? "";
}

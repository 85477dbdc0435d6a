/** The texts that are in a run's context, each with what it brought: read off the journal, from where it was read up to before. */
import { isJsonObject, type Json } from "../core/canonical.ts";
import { showInvisible } from "../core/invisible.ts";
import type { RunEvent } from "./journal.ts";
import { type Origin, Provenance } from "./provenance.ts";
import { sourcesIn, type TaintSource } from "./bits.ts";

export class ContextTexts {
  readonly #provenance = new Provenance();
  readonly #sources: TaintSource[] = [];
  readonly #tools = new Map<string, string>();
  #read = 0;

  /** Everything up to the end of `events`, which only ever grow. */
  upTo(events: readonly RunEvent[]): Provenance {
    for (const event of events.slice(this.#read)) this.#take(event);
    this.#read = events.length;
    return this.#provenance;
  }

  #take(event: RunEvent): void {
    this.#sources.push(...sourcesIn([event]));
    if (event.type === "start") {
      const typed = event.message.slice(0, event.typed_chars);
      const attached = event.message.slice(typed.length);
      this.#provenance.add({ label: "the message, as typed", untrusted: false, private: false }, typed);
      if (attached !== "") this.#provenance.add(this.#origin("the message, not as typed", "message"), attached);
    } else if (event.type === "prompt") {
      for (const { content } of event.history ?? []) {
        this.#provenance.add(this.#origin("what was said before the message", "session"), content);
      }
    } else if (event.type === "intent") this.#tools.set(event.call, event.tool);
    else if (event.type === "outcome") {
      for (const text of textsIn(event.output)) this.#provenance.add(this.#originOfCall(event.call), text);
    }
  }

  #origin(label: string, from: string): Origin {
    const found = this.#sources.filter((each) => each.call === null && each.from === from);
    return { label, untrusted: found.some((each) => each.untrusted), private: found.some((each) => each.private) };
  }

  #originOfCall(call: string): Origin {
    const brought = this.#sources.filter((each) => each.call === call);
    const places = [...new Set(brought.map(({ from }) => from))].filter(Boolean).slice(0, 3).join(", ");
    const label = `result of ${call} ${this.#tools.get(call) ?? ""}${places ? ` ${places}` : ""}`;
    return {
      label: showInvisible(label).text,
      untrusted: brought.some((each) => each.untrusted),
      private: brought.some((each) => each.private),
    };
  }
}

function textsIn(value: Json): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "number") return [String(value)];
  if (Array.isArray(value)) return value.flatMap((each: Json) => textsIn(each));
  return isJsonObject(value) ? Object.entries(value).flatMap(([key, each]) => [key, ...textsIn(each)]) : [];
}

/**
 * What has come into a run's context: words of strangers, private data. The engine keeps these bits, by what tools declare
 * and by what it sees itself; they only ever grow, and the journal has them, so a run that is taken up again has them too.
 */
import { cut } from "../core/text.ts";
import type { Tool } from "../define/tool.ts";
import { type Bits, join, sourcesIn, type TaintSource, untainted } from "./bits.ts";
import { ContextTexts } from "./context-texts.ts";
import type { Journal, RunEvent } from "./journal.ts";
import type { RunNews } from "./live.ts";
import type { Provenance } from "./provenance.ts";

const maxFromBytes = 300;

export class RunTaint {
  readonly #journal: Journal;
  readonly #tell: (news: RunNews) => void;
  readonly #ts: () => string;
  readonly #sources: TaintSource[];
  #bits: Bits;
  readonly #texts = new ContextTexts();
  /** What the operator wrote. */
  #trusted: readonly string[] = [];
  /** What calls under way have met, beside what their tools declare. */
  readonly #met = new Map<string, (Bits & { readonly from: string })[]>();

  constructor(journal: Journal, tell: (news: RunNews) => void, ts: () => string) {
    this.#journal = journal;
    this.#tell = tell;
    this.#ts = ts;
    this.#sources = [...sourcesIn(journal.events)];
    this.#bits = join(...this.#sources);
  }

  get bits(): Bits {
    return this.#bits;
  }

  /** In the order in which they came. */
  get sources(): readonly TaintSource[] {
    return this.#sources;
  }

  /** Words of the operator in the context, beside the message. */
  trust(texts: readonly string[]): void {
    this.#trusted = texts;
  }

  /** The texts of the context that the person or the operator wrote. */
  get trusted(): readonly string[] {
    const start = this.#journal.events.find((event) => event.type === "start");
    return [...(start ? [start.message.slice(0, start.typed_chars)] : []), ...this.#trusted];
  }

  /** The texts in the context, to trace bytes in. */
  context(): Provenance {
    return this.#texts.upTo(this.#journal.events);
  }

  get events(): readonly RunEvent[] {
    return this.#journal.events;
  }

  /** Something a call comes upon while it runs. */
  met(call: string, bits: Bits, from: string): void {
    if (!bits.untrusted && !bits.private) return;
    this.#met.set(call, [...(this.#met.get(call) ?? []), { ...bits, from }]);
  }

  /**
   * Everything the result of a call brings; written before that result is, and
   * `scrub` takes secrets out of the names of places. Throws when it cannot be written.
   */
  settle(call: string, tool: Tool, input: unknown, place: string, scrub: (text: string) => string): void {
    const met = this.#met.get(call) ?? [];
    this.#met.delete(call);
    const { untrusted, private: isPrivate } = tool.flow(input);
    const own = { untrusted, private: isPrivate, from: place };
    const byPlace = new Map<string, Bits>();
    for (const { from, ...bits } of [own, ...met]) {
      if (bits.untrusted || bits.private) byPlace.set(from, join(byPlace.get(from) ?? untainted, bits));
    }
    for (const [from, bits] of byPlace)
      this.#take({ call, tool: tool.name, from: cut(scrub(from), maxFromBytes).text, ...bits });
  }

  #take({ call, tool, from, ...bits }: TaintSource & { readonly call: string; readonly tool: string }): void {
    this.#journal.append({ type: "taint", ts: this.#ts(), call, tool, from, ...bits }, { durable: false });
    this.#sources.push({ call, tool, from, ...bits });
    const now = join(this.#bits, bits);
    const isNews = now.untrusted !== this.#bits.untrusted || now.private !== this.#bits.private;
    this.#bits = now;
    if (isNews) this.#tell({ type: "taint", call_id: call, tool, from, ...now });
  }
}

/** What both of OpenAI's interfaces stream alike: text with thinking in it, calls written in pieces, all of it bounded. */
import type { Json } from "../../core/canonical.ts";
import { byteLength } from "../../core/text.ts";
import type { ModelNotice, ProviderEvent, ProviderRequest, Usage } from "../../define/provider.ts";
import { failed, jsonOf, quoted } from "./failure.ts";
import { callsIn } from "./textual.ts";
import { ThinkingSplitter } from "./thinking.ts";

const maxArgument_bytes = 4 * 1_048_576;
const maxSpoken_bytes = 8 * 1_048_576;

interface Written {
  id: string;
  tool: string;
  readonly parts: string[];
  bytes: number;
}

export class Spoken {
  isOver = false;
  usage: Usage | undefined;
  readonly #who: string;
  readonly #request: ProviderRequest;
  readonly #aloud = new WellFormed();
  readonly #silent = new WellFormed();
  readonly #splitter = new ThinkingSplitter();
  readonly #calls = new Map<string, Written>();
  readonly #ids = new Set<string>();
  #text = "";
  #thinking = "";
  #spoken_bytes = 0;
  #oversized = 0;

  constructor(who: string, request: ProviderRequest) {
    this.#who = who;
    this.#request = request;
  }

  *text(piece: string): Generator<ProviderEvent> {
    if (yield* this.#exceeds(piece)) return;
    for (const { type, text } of this.#splitter.push(this.#aloud.push(piece))) yield* this.#give(type, text);
  }

  *thinking(piece: string): Generator<ProviderEvent> {
    if (yield* this.#exceeds(piece)) return;
    yield* this.#give("thinking", this.#silent.push(piece));
  }

  /** What is known of a call so far. */
  known(key: string): { readonly id: string; readonly tool: string; readonly bytes: number } | undefined {
    return this.#calls.get(key);
  }

  /** A piece of a call; `key` tells the calls of a turn apart, and a name is given once. */
  *call(
    key: string,
    piece: { readonly id?: string; readonly tool?: string; readonly written?: string },
  ): Generator<ProviderEvent> {
    const call = this.#calls.get(key) ?? { id: "", tool: "", parts: [], bytes: 0 };
    this.#calls.set(key, call);
    if (piece.id) call.id = piece.id;
    if (piece.tool) call.tool = piece.tool;
    if (!piece.written) return;
    call.bytes += byteLength(piece.written);
    if (call.bytes <= maxArgument_bytes) {
      call.parts.push(piece.written);
      return;
    }
    this.#calls.delete(key);
    this.#oversized++;
    yield notice("model.call_oversized", `${quoted(call.tool)}: more than ${maxArgument_bytes} bytes`);
    yield* this.end("length");
  }

  *spent(): Generator<ProviderEvent> {
    if (this.usage) yield { type: "usage", usage: this.usage };
  }

  /** The turn is whole: its calls are given, and what was said is looked through for calls where that is wanted. */
  *end(stop: "end" | "calls" | "length" | "refusal" | undefined, continuation?: Json): Generator<ProviderEvent> {
    if (this.isOver) return;
    yield* this.#give("thinking", this.#silent.end());
    for (const { type, text } of this.#splitter.push(this.#aloud.end())) yield* this.#give(type, text);
    for (const { type, text } of this.#splitter.end()) yield* this.#give(type, text);
    this.isOver = true;
    let count = 0;
    for (const { id, tool, parts } of this.#calls.values()) {
      const written = parts.join("").toWellFormed();
      if (stop === "length" && jsonOf(written) === undefined) {
        yield notice("model.call_malformed", `call ${count + 1} (${quoted(tool)}): cut off at the limit, and dropped`);
      } else yield* this.#whole(id.toWellFormed(), tool.toWellFormed(), written, ++count);
    }
    const { tool_calls, tools } = this.#request;
    if (callsIn(this.#thinking, tools).calls.length > 0) {
      yield notice("model.call_in_thinking", "a call was thought of and not made");
    }
    if (tool_calls !== "native" && count === 0 && stop !== "refusal") {
      const { calls, notices } = callsIn(this.#text, tools);
      yield* notices;
      for (const call of calls) yield { type: "call", call };
      count = calls.length;
    }
    yield* this.spent();
    const reached = this.#oversized > 0 ? "length" : (stop ?? (count > 0 ? "calls" : "end"));
    yield {
      type: "done",
      stop: reached === "end" && count > 0 ? "calls" : reached,
      ...(continuation === undefined ? {} : { continuation }),
    };
  }

  *#whole(id: string, tool: string, written: string, number: number): Generator<ProviderEvent> {
    const input = written.trim() === "" ? {} : jsonOf(written);
    const what = `call ${number} (${quoted(tool)})`;
    if (input === undefined) yield notice("model.call_malformed", `${what}: the arguments are no JSON`);
    if (id !== "" && this.#ids.has(id)) yield notice("model.call_duplicate_id", `${what}: ${quoted(id)}`);
    this.#ids.add(id);
    yield { type: "call", call: { id, tool, arguments: input ?? written } };
  }

  *#give(type: "text" | "thinking", text: string): Generator<ProviderEvent> {
    if (text === "") return;
    if (type === "text") this.#text += text;
    else this.#thinking += text;
    yield { type, text };
  }

  *#exceeds(piece: string): Generator<ProviderEvent, boolean> {
    this.#spoken_bytes += byteLength(piece);
    if (this.#spoken_bytes <= maxSpoken_bytes) return false;
    this.isOver = true;
    yield notice("model.output_endless", `more than ${maxSpoken_bytes} bytes were said in one turn`);
    yield* this.spent();
    yield failed(this.#who, "rejected", "the model did not stop talking");
    return true;
  }
}

/** Text in pieces that end between characters: half of a surrogate pair waits for the other, a lone half is U+FFFD. */
class WellFormed {
  #half = "";

  push(piece: string): string {
    const text = this.#half + piece;
    const isHalf = /[\uD800-\uDBFF]$/.test(text);
    this.#half = isHalf ? text.slice(-1) : "";
    return (isHalf ? text.slice(0, -1) : text).toWellFormed();
  }

  end(): string {
    return this.#half.toWellFormed();
  }
}

export function notice(name: ModelNotice, detail: string): ProviderEvent {
  return { type: "notice", name, detail };
}

export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

export function numberOf(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

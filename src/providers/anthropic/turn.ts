/** One streamed turn of the Messages interface: its blocks put together, its calls given when whole, its size bounded. */
import { isJsonObject, type Json } from "../../core/canonical.ts";
import { byteLength } from "../../core/text.ts";
import type { ModelNotice, ProviderEvent, ProviderRequest, Usage } from "../../define/provider.ts";
import { failed, jsonOf, quoted } from "../wire/failure.ts";
import type { ServerEvent } from "../wire/sse.ts";
import { callsIn } from "../wire/textual.ts";
import { ThinkingSplitter } from "../wire/thinking.ts";
import { streamFailed, who } from "./failure.ts";
import type { Block } from "./history.ts";

const maxArgumentBytes = 4 * 1_048_576;
const maxSpokenBytes = 8 * 1_048_576;

type JsonObject = { readonly [field: string]: Json };

interface Open {
  readonly start: JsonObject;
  /** Tells apart what a model without a thinking block of its own thinks in its text. */
  readonly splitter: ThinkingSplitter;
  readonly parts: string[];
  bytes: number;
  signature: string;
}

/**
 * Reads events one at a time; after `isOver` no more are to be read. `seal` is that of what is being answered, and `asked`
 * says whether calls are to be found in text.
 */
export class Turn {
  isOver = false;
  readonly #seal: string;
  readonly #asked: Pick<ProviderRequest, "tool_calls" | "tools">;
  readonly #said = { text: "", thinking: "" };
  readonly #open = new Map<number, Open>();
  readonly #blocks: Block[] = [];
  readonly #ids = new Set<string>();
  #spoken_bytes = 0;
  #calls = 0;
  #stop = "";
  #usage: { -readonly [name in keyof Usage]: Usage[name] } | undefined;
  #saysInvalid = false;

  constructor(seal: string, asked: Pick<ProviderRequest, "tool_calls" | "tools">) {
    this.#seal = seal;
    this.#asked = asked;
  }

  /** What is known of the use when a turn is cut off. */
  *spent(): Generator<ProviderEvent> {
    if (this.#usage) yield { type: "usage", usage: this.#usage };
  }

  *invalid(): Generator<ProviderEvent> {
    if (this.#saysInvalid) return;
    this.#saysInvalid = true;
    yield notice("model.invalid_utf8", "parts of the answer were no UTF-8 and were replaced");
  }

  *take({ event, data }: ServerEvent): Generator<ProviderEvent> {
    const it = parsed(data);
    if (!it) {
      this.isOver = true;
      yield* this.spent();
      yield failed(who, "cut", "anthropic sent an event that is no JSON");
      return;
    }
    const type = textOf(it["type"]) || event;
    if (type === "message_start") this.#count(objectOf(it["message"])?.["usage"]);
    else if (type === "content_block_start") yield* this.#start(it);
    else if (type === "content_block_delta") yield* this.#delta(it);
    else if (type === "content_block_stop") yield* this.#finish(indexOf(it));
    else if (type === "message_delta") yield* this.#change(it);
    else if (type === "message_stop") yield* this.#end();
    else if (type === "error") {
      this.isOver = true;
      yield* this.spent();
      yield streamFailed(it["error"]);
    }
  }

  *#start(it: JsonObject): Generator<ProviderEvent> {
    const start = objectOf(it["content_block"]) ?? {};
    const signature = textOf(start["signature"]);
    const open = { start, splitter: new ThinkingSplitter(), parts: [], bytes: 0, signature };
    this.#open.set(indexOf(it), open);
    const first = start["type"] === "thinking" ? start["thinking"] : start["text"];
    yield* this.#say(open, textOf(first));
  }

  *#delta(it: JsonObject): Generator<ProviderEvent> {
    const open = this.#open.get(indexOf(it));
    const delta = objectOf(it["delta"]);
    if (!open || !delta) return;
    const { type } = delta;
    if (type === "text_delta") yield* this.#say(open, textOf(delta["text"]));
    else if (type === "thinking_delta") yield* this.#say(open, textOf(delta["thinking"]));
    else if (type === "signature_delta") open.signature = textOf(delta["signature"]);
    else if (type === "input_json_delta") yield* this.#write(open, textOf(delta["partial_json"]), indexOf(it));
  }

  *#say(open: Open, text: string): Generator<ProviderEvent> {
    if (text === "") return;
    this.#spoken_bytes += byteLength(text);
    if (this.#spoken_bytes > maxSpokenBytes) {
      this.isOver = true;
      yield notice("model.output_endless", `more than ${maxSpokenBytes} bytes were said in one turn`);
      yield* this.spent();
      yield failed(who, "rejected", "the model did not stop talking");
      return;
    }
    open.parts.push(text);
    if (open.start["type"] === "thinking") yield* this.#utter([{ type: "thinking", text }]);
    else yield* this.#utter(open.splitter.push(text));
  }

  *#utter(pieces: ReturnType<ThinkingSplitter["push"]>): Generator<ProviderEvent> {
    for (const piece of pieces) {
      this.#said[piece.type] += piece.text;
      yield piece;
    }
  }

  *#write(open: Open, text: string, index: number): Generator<ProviderEvent> {
    open.bytes += byteLength(text);
    if (open.bytes <= maxArgumentBytes) {
      open.parts.push(text);
      return;
    }
    this.#open.delete(index);
    this.#stop = "max_tokens";
    yield notice("model.call_oversized", `${quoted(textOf(open.start["name"]))}: more than ${maxArgumentBytes} bytes`);
    yield* this.#end();
  }

  *#finish(index: number): Generator<ProviderEvent> {
    const open = this.#open.get(index);
    if (!open) return;
    this.#open.delete(index);
    const { start, parts, signature } = open;
    const { type } = start;
    if (type === "text") {
      yield* this.#utter(open.splitter.end());
      this.#blocks.push({ type: "text", text: parts.join("") });
    } else if (type === "thinking") this.#blocks.push({ type: "thinking", thinking: parts.join(""), signature });
    else if (type === "redacted_thinking")
      this.#blocks.push({ type: "redacted_thinking", data: textOf(start["data"]) });
    else if (type === "tool_use") yield* this.#call(start, parts.join(""));
  }

  *#call(start: JsonObject, written: string): Generator<ProviderEvent> {
    const [id, tool] = [textOf(start["id"]), textOf(start["name"])];
    const input = written.trim() === "" ? (start["input"] ?? {}) : jsonOf(written);
    this.#calls++;
    this.#blocks.push({ type: "tool_use", id, name: tool, input: input ?? written });
    const what = `call ${this.#calls} (${quoted(tool)})`;
    if (input === undefined) yield notice("model.call_malformed", `${what}: the arguments are no JSON`);
    if (this.#ids.has(id)) yield notice("model.call_duplicate_id", `${what}: ${quoted(id)}`);
    this.#ids.add(id);
    yield { type: "call", call: { id, tool, arguments: input ?? written } };
  }

  *#change(it: JsonObject): Generator<ProviderEvent> {
    this.#count(it["usage"]);
    const delta = objectOf(it["delta"]);
    this.#stop = textOf(delta?.["stop_reason"]) || this.#stop;
    if (this.#stop !== "refusal") return;
    const details = objectOf(delta?.["stop_details"]);
    const words = [details?.["category"], details?.["explanation"]].map(textOf).filter((each) => each !== "");
    yield notice("model.refusal", quoted(words.join(": ") || "the model declined to answer"));
  }

  *#end(): Generator<ProviderEvent> {
    for (const index of [...this.#open.keys()]) yield* this.#finish(index);
    yield* this.#textual();
    this.isOver = true;
    yield* this.spent();
    const named = stops[this.#stop] ?? "end";
    const stop = named === "end" && this.#calls > 0 ? "calls" : named;
    const isSigned = this.#blocks.some(({ type }) => type === "thinking" || type === "redacted_thinking");
    const continuation = { seal: this.#seal, blocks: this.#blocks };
    yield { type: "done", stop, ...(isSigned ? { continuation } : {}) };
  }

  /** Calls written into the text, where they are asked for that way; those in thinking are never made. */
  *#textual(): Generator<ProviderEvent> {
    const { tool_calls, tools } = this.#asked;
    if (callsIn(this.#said.thinking, tools).calls.length > 0) {
      yield notice("model.call_in_thinking", "a call was thought of and not made");
    }
    if (tool_calls === "native" || this.#calls > 0 || this.#stop === "refusal") return;
    const { calls, notices } = callsIn(this.#said.text, tools);
    yield* notices;
    for (const call of calls) {
      this.#calls++;
      yield { type: "call", call };
    }
  }

  /** Counts are those of the whole turn so far. What is read from or written to the cache is not among `input_tokens`. */
  #count(usage: Json | undefined): void {
    const it = objectOf(usage);
    if (!it) return;
    const input = numberOf(it["input_tokens"]);
    const cached = numberOf(it["cache_read_input_tokens"]) ?? 0;
    const created = numberOf(it["cache_creation_input_tokens"]) ?? 0;
    const known = this.#usage ?? { input_tokens: 0, output_tokens: 0, cached_tokens: 0, cost_usd: null };
    this.#usage = {
      input_tokens: input === undefined ? known.input_tokens : Math.max(known.input_tokens, input + cached + created),
      output_tokens: numberOf(it["output_tokens"]) ?? known.output_tokens,
      cached_tokens: Math.max(known.cached_tokens, cached),
      cost_usd: null,
    };
  }
}

const stops: Readonly<Record<string, "end" | "calls" | "length" | "refusal">> = {
  end_turn: "end",
  stop_sequence: "end",
  tool_use: "calls",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "refusal",
};

function notice(name: ModelNotice, detail: string): ProviderEvent {
  return { type: "notice", name, detail };
}

function parsed(data: string): JsonObject | undefined {
  return objectOf(jsonOf(data));
}

function objectOf(value: Json | undefined): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: Json | undefined): number | undefined {
  return typeof value === "number" && value >= 0 && Number.isSafeInteger(value) ? value : undefined;
}

function indexOf(it: JsonObject): number {
  return numberOf(it["index"]) ?? 0;
}

/**
 * A conversation as the Messages interface wants it: user and assistant in turn, every call answered in the message after
 * it, ids unique. Signed thinking is sent back only where all that came before it is sent back unchanged as well.
 */
import { isJsonObject, type Json } from "../../core/canonical.ts";
import { type Image, type Message, type ToolRequest, wireName } from "../../define/provider.ts";
import { Seal } from "./seal.ts";

export interface CacheMark {
  readonly type: "ephemeral";
}

export type Block = { readonly type: string; readonly cache_control?: CacheMark } & { readonly [field: string]: Json };

export interface WireMessage {
  readonly role: "user" | "assistant";
  readonly content: readonly Block[];
}

export interface History {
  readonly messages: readonly WireMessage[];
  /** Of everything sent; an answer's thinking is good only while this is what comes before it. */
  readonly seal: string;
  /** Whether the last turn that used tools came with its thinking, or there is none. */
  readonly is_continued: boolean;
}

/** What an answer needs when it is sent back: its blocks as they came, and the seal of what they answered. */
export type Continuation = { readonly seal: string; readonly blocks: readonly Block[] };

/** `seed` is everything that comes before the messages; with `is_textual` calls and results are written as text. */
export function historyOf(messages: readonly Message[], seed: Json, is_textual: boolean): History {
  const writer = new Writer(seed);
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i];
    if (!message) continue;
    if (message.role === "assistant") {
      const results: ResultMessage[] = [];
      for (let next = messages[i + 1]; next?.role === "tool"; next = messages[i + 1]) {
        results.push(next);
        i++;
      }
      if (is_textual) writer.written(message, results);
      else writer.answer(message, results);
    } else if (message.role === "tool") writer.user([strayBlock(message)]);
    else writer.user(userBlocks(message));
  }
  return writer.end();
}

type AssistantMessage = Extract<Message, { readonly role: "assistant" }>;
type ResultMessage = Extract<Message, { readonly role: "tool" }>;

class Writer {
  readonly #seal: Seal;
  readonly #messages: { readonly role: "user" | "assistant"; readonly content: Block[] }[] = [];
  #answers = 0;
  #isContinued = true;

  constructor(seed: Json) {
    this.#seal = new Seal(seed);
  }

  user(blocks: readonly Block[]): void {
    this.#push("user", blocks);
  }

  answer(message: AssistantMessage, results: readonly ResultMessage[]): void {
    const number = ++this.#answers;
    const whole = replayed(message, this.#seal.value);
    const ids = whole ? idsOf(whole) : message.calls.map((_, i) => `call_${number}_${i + 1}`);
    const calls = message.calls.map((call, i) => callBlock(call, ids[i] ?? ""));
    this.#push("assistant", whole ?? [...textBlocks(message.content), ...calls]);
    if (message.calls.length > 0) this.#isContinued = whole !== undefined;
    const answered = message.calls.map((call, i) => {
      const result = results.find(({ call_id }) => call_id === call.id);
      return resultBlock(ids[i] ?? "", result);
    });
    const known = new Set(message.calls.map(({ id }) => id));
    const strays = results.filter(({ call_id }) => !known.has(call_id));
    this.user([...answered, ...strays.map(strayBlock)]);
  }

  written({ content, calls }: AssistantMessage, results: readonly ResultMessage[]): void {
    const blocks = content.includes('"tool_name"') ? [] : calls.map(fencedCall);
    this.#push("assistant", textBlocks([content, ...blocks].join("\n")));
    this.user(results.map(({ tool, ok, content }) => textBlock(`${ok ? "Result" : "Failure"} of ${tool}: ${content}`)));
  }

  end(): History {
    return { messages: this.#messages, seal: this.#seal.value, is_continued: this.#isContinued };
  }

  #push(role: "user" | "assistant", blocks: readonly Block[]): void {
    if (blocks.length === 0) return;
    // The interface wants a user's message first.
    if (role === "assistant" && this.#messages.length === 0) this.user([textBlock("(earlier messages are left out)")]);
    const last = this.#messages.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else this.#messages.push({ role, content: [...blocks] });
    for (const block of blocks) this.#seal.add(role, block);
  }
}

/** The very blocks that came, where nothing before them changed and the engine changed nothing in them. */
function replayed(message: AssistantMessage, seal: string): readonly Block[] | undefined {
  const own = message.continuation as Continuation | undefined;
  if (!own || own.seal !== seal) return undefined;
  const said = own.blocks.map(({ type, text }) => (type === "text" && typeof text === "string" ? text : "")).join("");
  const inputs = own.blocks.flatMap(({ type, input }) => (type === "tool_use" ? [JSON.stringify(input)] : []));
  const asked = message.calls.map((call) => JSON.stringify(call.arguments));
  const isSame =
    said === message.content && inputs.length === asked.length && inputs.every((each, i) => each === asked[i]);
  return isSame ? own.blocks.filter(({ type, text }) => type !== "text" || isWorthSending(text)) : undefined;
}

function idsOf(blocks: readonly Block[]): readonly string[] {
  return blocks.flatMap(({ type, id }) => (type === "tool_use" && typeof id === "string" ? [id] : []));
}

function userBlocks(message: Extract<Message, { readonly role: "user" | "system" }>): readonly Block[] {
  const images = message.role === "user" ? (message.images ?? []) : [];
  return [...images.map(imageBlock), ...textBlocks(message.content)];
}

function imageBlock({ media_type, base64 }: Image): Block {
  return { type: "image", source: { type: "base64", media_type, data: base64 } };
}

/** White space alone is refused as content. */
function textBlocks(text: string): readonly Block[] {
  return isWorthSending(text) ? [textBlock(text)] : [];
}

function isWorthSending(text: Json | undefined): boolean {
  return typeof text === "string" && text.trim() !== "";
}

function textBlock(text: string): Block {
  return { type: "text", text };
}

/** Arguments that were no object could not be sent as they were. */
function callBlock(call: ToolRequest, id: string): Block {
  const input = isJsonObject(call.arguments) ? call.arguments : { not_an_object: call.arguments };
  return { type: "tool_use", id, name: toolName(call.tool), input };
}

/** A model's own invention may be any text; the interface takes up to 128 letters, digits, `_` and `-`. */
export function toolName(tool: string): string {
  const name = wireName({ name: tool })
    .replaceAll(/[^a-zA-Z0-9_-]/g, "_")
    .slice(0, 128);
  return name === "" ? "unnamed" : name;
}

function strayBlock({ tool, content }: ResultMessage): Block {
  return textBlock(`Result of an earlier ${tool}: ${content}`);
}

function fencedCall({ tool, arguments: input }: ToolRequest): string {
  return `\`\`\`json\n${JSON.stringify({ tool_name: tool, arguments: input })}\n\`\`\``;
}

function resultBlock(tool_use_id: string, result: ResultMessage | undefined): Block {
  const content = result?.content ?? "no result was kept";
  const is_error = result ? !result.ok : true;
  return { type: "tool_result", tool_use_id, content, ...(is_error ? { is_error } : {}) };
}

/** A Messages endpoint on loopback that answers with exactly the bytes of a test, and what is needed to ask it. */
import type { Json } from "../../../core/canonical.ts";
import type { Message, ProviderContext, ProviderEvent, ProviderRequest } from "../../../define/provider.ts";
import { providerFetch } from "../../../egress/fetch.ts";
import { anthropic } from "../../anthropic.ts";

export interface Asked {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly [field: string]: Json };
}

/** Bytes to send as they are; `pause` never ends by itself; `rest` is repeated until nobody reads. */
export type Piece = string | Uint8Array | { readonly pause: true } | { readonly rest: string };

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly pieces: readonly Piece[];
  /** Never even sends headers. */
  readonly silent?: true;
}

export interface Claude {
  readonly url: string;
  readonly asked: Asked[];
  reply: Reply;
  stop(): Promise<void>;
}

export function startClaude(): Claude {
  const asked: Asked[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: async (request) => {
      const text = await request.text();
      const body = text === "" ? {} : JSON.parse(text);
      asked.push({ path: new URL(request.url).pathname, headers: Object.fromEntries(request.headers), body });
      const { status = 200, headers = {}, pieces, silent } = claude.reply;
      if (silent) return new Promise<Response>(() => undefined);
      return new Response(bodyOf(pieces), { status, headers: { "content-type": "text/event-stream", ...headers } });
    },
  });
  const claude: Claude = {
    url: server.url.href.replace(/\/$/, ""),
    asked,
    reply: { pieces: [] },
    stop: async () => {
      await server.stop(true);
    },
  };
  return claude;
}

function bodyOf(pieces: readonly Piece[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      const piece = pieces[at];
      if (piece === undefined) return controller.close();
      if (typeof piece === "string") controller.enqueue(encoder.encode(piece));
      else if (piece instanceof Uint8Array) controller.enqueue(piece);
      else if ("rest" in piece) {
        await Bun.sleep(1);
        controller.enqueue(encoder.encode(piece.rest));
        return;
      } else await new Promise(() => undefined);
      at++;
    },
  });
}

export function event(type: string, fields: { readonly [field: string]: Json } = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

export function begin(usage: Json = { input_tokens: 10, output_tokens: 1 }): string {
  return event("message_start", { message: { id: "m", role: "assistant", content: [], usage } });
}

/** A block with its deltas. */
export function block(index: number, content_block: Json, ...deltas: readonly Json[]): string {
  return [
    event("content_block_start", { index, content_block }),
    ...deltas.map((delta) => event("content_block_delta", { index, delta })),
    event("content_block_stop", { index }),
  ].join("");
}

export function textBlock(index: number, ...pieces: readonly string[]): string {
  return block(index, { type: "text", text: "" }, ...pieces.map((text) => ({ type: "text_delta", text })));
}

export function thinkingBlock(index: number, thinking: string, signature: string): string {
  const deltas = [
    { type: "thinking_delta", thinking },
    { type: "signature_delta", signature },
  ];
  return block(index, { type: "thinking", thinking: "", signature: "" }, ...deltas);
}

export function callBlock(index: number, id: string, name: string, ...json: readonly string[]): string {
  const deltas = json.map((partial_json) => ({ type: "input_json_delta", partial_json }));
  return block(index, { type: "tool_use", id, name, input: {} }, ...deltas);
}

export function end(
  stop_reason: string,
  usage: Json = { output_tokens: 7 },
  more: { readonly [field: string]: Json } = {},
): string {
  return event("message_delta", { delta: { stop_reason, ...more }, usage }) + event("message_stop");
}

export function requestOf(more: Partial<ProviderRequest> = {}): ProviderRequest {
  return {
    messages: [{ role: "user", content: "hello" }],
    tools: [],
    model: "claude-sonnet-4-5",
    temperature: null,
    max_output_tokens: 8192,
    effort: null,
    tool_calls: "native",
    schema: null,
    ...more,
  };
}

export const secret = "sk-ant-very-secret-0123456789";

export function contextOf(base_url: string, more: Partial<ProviderContext> = {}): ProviderContext {
  return {
    signal: new AbortController().signal,
    rank: () => [],
    fetch: providerFetch(base_url),
    endpoint: { base_url, key: secret, headers: {}, api: null },
    idle_timeout_ms: 30_000,
    ...more,
  };
}

export async function listen(stream: AsyncIterable<ProviderEvent>): Promise<readonly ProviderEvent[]> {
  const events: ProviderEvent[] = [];
  for await (const each of stream) events.push(each);
  return events;
}

export function say(
  claude: Claude,
  request: Partial<ProviderRequest> = {},
  context: Partial<ProviderContext> = {},
): Promise<readonly ProviderEvent[]> {
  return listen(anthropic.stream(requestOf(request), contextOf(claude.url, context)));
}

/** The history after `events` answered `messages` and each call was answered, as the engine writes it. */
export function answered(
  messages: readonly Message[],
  events: readonly ProviderEvent[],
  first_call = 1,
): readonly Message[] {
  const calls = events.flatMap((each) => (each.type === "call" ? [each.call] : []));
  const content = events.map((each) => (each.type === "text" ? each.text : "")).join("");
  const done = events.at(-1);
  const continuation = done?.type === "done" ? done.continuation : undefined;
  const ours = calls.map((call, i) => ({ ...call, id: `call-${first_call + i}`, tool: call.tool.replace("_", ".") }));
  return [
    ...messages,
    { role: "assistant", content, calls: ours, ...(continuation === undefined ? {} : { continuation }) },
    ...ours.map(({ id, tool }): Message => ({ role: "tool", call_id: id, tool, ok: true, content: `result of ${id}` })),
  ];
}

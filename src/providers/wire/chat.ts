/** The chat completions interface, which nearly every provider and local server speaks. */
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { isJsonObject, type Json } from "../../core/canonical.ts";
import {
  type Message,
  type ProviderEvent,
  type ProviderRequest,
  type ToolOffer,
  wireName,
} from "../../define/provider.ts";
import { failed, quoted, streamFailed } from "./failure.ts";
import { notice, numberOf, Spoken, textOf } from "./spoken.ts";
import type { Wire, WireTurn } from "./stream.ts";
import { textualInstructions } from "./textual.ts";

/** Where providers differ from each other. */
export interface ChatDialect {
  /** The name of the output limit. */
  readonly limit: "max_tokens" | "max_completion_tokens";
  /** The way effort is asked for; left out where there is none. */
  readonly effort: "reasoning_effort" | "reasoning" | null;
  /** Fields sent with every request. */
  readonly extra: { readonly [field: string]: Json };
}

export function chat(dialect: ChatDialect): Wire {
  return {
    path: "/chat/completions",
    body: (request) => chatBody(request, dialect),
    turn: (who, request) => chatTurn(who, request),
  };
}

function chatBody(
  request: ProviderRequest,
  { limit, effort, extra }: ChatDialect,
): { readonly [field: string]: unknown } {
  const isTextual = request.tool_calls === "text";
  const tools = isTextual ? [] : request.tools.map(toolOf);
  const { temperature, schema } = request;
  return {
    model: request.model,
    messages: messagesOf(request, isTextual),
    stream: true,
    stream_options: { include_usage: true },
    [limit]: request.max_output_tokens,
    ...(temperature === null ? {} : { temperature }),
    ...(request.effort === null || effort === null ? {} : effortOf(request.effort, effort)),
    ...(tools.length ? { tools, parallel_tool_calls: true } : {}),
    ...(schema === null ? {} : { response_format: { type: "json_schema", json_schema: { name: "answer", schema } } }),
    ...extra,
  };
}

function effortOf(effort: string, field: "reasoning_effort" | "reasoning"): { readonly [field: string]: Json } {
  return field === "reasoning" ? { reasoning: { effort } } : { reasoning_effort: effort };
}

function toolOf({ name, summary, input }: ToolOffer): Json {
  return { type: "function", function: { name: wireName({ name }), description: summary, parameters: input } };
}

function messagesOf({ messages, tools }: ProviderRequest, isTextual: boolean): readonly ChatCompletionMessageParam[] {
  const said = messages.map((message) => messageOf(message, isTextual));
  if (!isTextual || tools.length === 0) return said;
  return [{ role: "system", content: textualInstructions(tools) }, ...said];
}

function messageOf(message: Message, isTextual: boolean): ChatCompletionMessageParam {
  if (message.role === "system") return { role: "system", content: message.content };
  if (message.role === "user") {
    const images = message.images ?? [];
    if (images.length === 0) return { role: "user", content: message.content };
    const parts = images.map(({ media_type, base64 }) => ({
      type: "image_url" as const,
      image_url: { url: `data:${media_type};base64,${base64}` },
    }));
    return { role: "user", content: [{ type: "text", text: message.content }, ...parts] };
  }
  if (message.role === "tool") {
    if (isTextual) return { role: "user", content: message.content };
    return { role: "tool", tool_call_id: message.call_id, content: message.content };
  }
  if (isTextual || message.calls.length === 0) {
    const calls = message.calls.map(({ tool, arguments: input }) => `\n${fenced(tool, input)}`);
    return { role: "assistant", content: `${message.content}${calls.join("")}` };
  }
  return {
    role: "assistant",
    content: message.content === "" ? null : message.content,
    tool_calls: message.calls.map(({ id, tool, arguments: input }) => ({
      id,
      type: "function" as const,
      function: { name: wireName({ name: tool }), arguments: JSON.stringify(input) },
    })),
  };
}

function fenced(tool: string, input: Json): string {
  return `\`\`\`json\n${JSON.stringify({ tool_name: tool, arguments: input })}\n\`\`\``;
}

const stops: Readonly<Record<string, "end" | "calls" | "length" | "refusal">> = {
  stop: "end",
  tool_calls: "calls",
  function_call: "calls",
  length: "length",
  content_filter: "refusal",
};

function chatTurn(who: string, request: ProviderRequest): WireTurn {
  const spoken = new Spoken(who, request);
  let stop: keyof typeof stops | undefined;
  let refused = "";
  let failedAlready = false;
  /** The call last begun under an index, where it is not the first. */
  const places = new Map<string, string>();

  function* choose(choice: Json): Generator<ProviderEvent> {
    if (!isJsonObject(choice)) return;
    const delta = choice["delta"];
    if (isJsonObject(delta)) {
      const thought = textOf(delta["reasoning_content"]) || textOf(delta["reasoning"]);
      if (thought !== "") yield* spoken.thinking(thought);
      const text = textOf(delta["content"]);
      if (text !== "") yield* spoken.text(text);
      refused += textOf(delta["refusal"]);
      const calls = delta["tool_calls"];
      if (Array.isArray(calls)) for (const [i, call] of (calls as readonly Json[]).entries()) yield* piece(call, i);
    }
    const reason = textOf(choice["finish_reason"]);
    if (reason !== "") stop = reason;
  }

  function* piece(call: Json, position: number): Generator<ProviderEvent> {
    if (!isJsonObject(call) || spoken.isOver) return;
    const fn = isJsonObject(call["function"]) ? call["function"] : {};
    const index = String(numberOf(call["index"]) ?? position);
    const [id, tool, written] = [textOf(call["id"]), textOf(fn["name"]), fn["arguments"]];
    const open = spoken.known(places.get(index) ?? index);
    // Some servers number all calls of a turn alike: another id with a name begins another call.
    if (open && id !== "" && tool !== "" && open.id !== id) places.set(index, `${index} ${places.size}`);
    yield* spoken.call(places.get(index) ?? index, {
      id,
      tool,
      written: typeof written === "string" ? written : written == null ? "" : JSON.stringify(written),
    });
  }

  function* whole(): Generator<ProviderEvent> {
    if (refused !== "") yield notice("model.refusal", quoted(refused));
    else if (stop === "content_filter") yield notice("model.refusal", `a filter of ${who} held the answer back`);
    if (refused !== "") yield* spoken.text(refused);
    yield* spoken.end(refused === "" ? stops[stop ?? ""] : "refusal");
  }

  return {
    get isOver() {
      return spoken.isOver || failedAlready;
    },
    spent: () => spoken.spent(),
    *take(data) {
      if (!isJsonObject(data)) return;
      if (data["error"] !== undefined && data["error"] !== null) {
        failedAlready = true;
        yield* spoken.spent();
        yield streamFailed(who, data["error"]);
        return;
      }
      count(spoken, data["usage"]);
      const choices = data["choices"];
      if (Array.isArray(choices) && choices.length > 0) yield* choose(choices[0] as Json);
    },
    *close() {
      if (spoken.isOver) return;
      // Without a reason to finish, the end mark alone does not make a turn whole.
      if (stop === undefined) {
        failedAlready = true;
        yield* spoken.spent();
        yield failed(who, "cut", `the answer of ${who} ended without saying why`);
        return;
      }
      yield* whole();
    },
  };
}

function count(spoken: Spoken, usage: Json | undefined): void {
  if (!isJsonObject(usage)) return;
  const details = isJsonObject(usage["prompt_tokens_details"]) ? usage["prompt_tokens_details"] : {};
  spoken.usage = {
    input_tokens: Math.round(numberOf(usage["prompt_tokens"]) ?? 0),
    output_tokens: Math.round(numberOf(usage["completion_tokens"]) ?? 0),
    cached_tokens: Math.round(numberOf(details["cached_tokens"]) ?? 0),
    cost_usd: numberOf(usage["cost"]) ?? null,
  };
}

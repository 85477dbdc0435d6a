/** OpenAI's responses interface, asked without anything kept at the provider; reasoning goes back sealed by it. */
import type { ResponseInputItem } from "openai/resources/responses/responses";
import { isJsonObject, type Json } from "../../core/canonical.ts";
import { type Message, type ProviderEvent, type ProviderRequest, wireName } from "../../define/provider.ts";
import { failed, quoted, streamFailed } from "./failure.ts";
import { notice, numberOf, Spoken, textOf } from "./spoken.ts";
import type { Wire, WireTurn } from "./stream.ts";

export const responses: Wire = {
  path: "/responses",
  body: responsesBody,
  turn: responsesTurn,
};

function responsesBody(request: ProviderRequest): { readonly [field: string]: unknown } {
  const { messages, temperature, effort, schema } = request;
  const system = messages.flatMap((message) => (message.role === "system" ? [message.content] : []));
  const tools = request.tools.map(({ name, summary, input }) => ({
    type: "function",
    name: wireName({ name }),
    description: summary,
    parameters: input,
    strict: false,
  }));
  return {
    model: request.model,
    instructions: system.join("\n\n"),
    input: messages.flatMap(itemsOf),
    stream: true,
    store: false,
    include: ["reasoning.encrypted_content"],
    max_output_tokens: request.max_output_tokens,
    ...(temperature === null ? {} : { temperature }),
    ...(effort === null ? {} : { reasoning: { effort } }),
    ...(tools.length ? { tools, parallel_tool_calls: true } : {}),
    ...(schema === null ? {} : { text: { format: { type: "json_schema", name: "answer", schema, strict: false } } }),
  };
}

function itemsOf(message: Message): readonly ResponseInputItem[] {
  if (message.role === "system") return [];
  if (message.role === "tool")
    return [{ type: "function_call_output", call_id: message.call_id, output: message.content }];
  if (message.role === "user") {
    const images = (message.images ?? []).map(({ media_type, base64 }) => ({
      type: "input_image" as const,
      detail: "auto" as const,
      image_url: `data:${media_type};base64,${base64}`,
    }));
    return [{ type: "message", role: "user", content: [{ type: "input_text", text: message.content }, ...images] }];
  }
  const text: ResponseInputItem[] = message.content === "" ? [] : [{ role: "assistant", content: message.content }];
  const calls: ResponseInputItem[] = message.calls.map(({ id, tool, arguments: input }) => ({
    type: "function_call",
    call_id: id,
    name: wireName({ name: tool }),
    arguments: JSON.stringify(input),
  }));
  const order = Array.isArray(message.continuation) ? (message.continuation as readonly Json[]) : [];
  const ordered = order.flatMap((each) => {
    if (each === "text") return text.splice(0, 1);
    if (each === "call") return calls.splice(0, 1);
    // It was sealed by the provider itself and goes back as it came.
    return isJsonObject(each) && each["type"] === "reasoning" ? [each as unknown as ResponseInputItem] : [];
  });
  return [...ordered, ...text, ...calls];
}

function responsesTurn(who: string, request: ProviderRequest): WireTurn {
  const spoken = new Spoken(who, request);
  /** Sealed reasoning, and in their places what it led to: the interface refuses it apart from that. */
  const order: Json[] = [];
  let isSealed = false;
  let isFailed = false;
  let refused = "";

  function* finish(response: Json | undefined, isWhole: boolean): Generator<ProviderEvent> {
    const { usage, incomplete_details: details } = isJsonObject(response) ? response : {};
    count(spoken, usage);
    const isFiltered = !isWhole && isJsonObject(details) && details["reason"] === "content_filter";
    const stop = isWhole ? undefined : isFiltered ? "refusal" : "length";
    if (isFiltered && refused === "") yield notice("model.refusal", `a filter of ${who} held the answer back`);
    if (refused !== "") {
      yield notice("model.refusal", quoted(refused));
      yield* spoken.text(refused);
    }
    yield* spoken.end(refused === "" ? stop : "refusal", isSealed ? order : undefined);
  }

  function* item(event: { readonly [key: string]: Json }, isWhole: boolean): Generator<ProviderEvent> {
    const it = event["item"];
    if (!isJsonObject(it)) return;
    const key = String(numberOf(event["output_index"]) ?? textOf(it["id"]));
    if (it["type"] === "function_call") {
      // The arguments come in pieces, or only with the whole.
      const isNew = !spoken.known(key)?.bytes;
      const written = isNew ? textOf(it["arguments"]) : "";
      yield* spoken.call(key, { id: textOf(it["call_id"]), tool: textOf(it["name"]), written });
    }
    if (!isWhole) return;
    if (it["type"] === "reasoning" && typeof it["encrypted_content"] === "string") {
      const { id, summary = [], encrypted_content } = it;
      isSealed = true;
      order.push({ type: "reasoning", ...(id === undefined ? {} : { id }), summary, encrypted_content });
    } else if (it["type"] === "function_call") order.push("call");
    else if (it["type"] === "message") order.push("text");
  }

  function* fail(error: Json | undefined): Generator<ProviderEvent> {
    isFailed = true;
    yield* spoken.spent();
    yield streamFailed(who, error);
  }

  return {
    get isOver() {
      return spoken.isOver || isFailed;
    },
    spent: () => spoken.spent(),
    *take(data) {
      if (!isJsonObject(data)) return;
      const type = textOf(data["type"]);
      const { response } = data;
      if (type === "response.output_text.delta") yield* spoken.text(textOf(data["delta"]));
      else if (type === "response.refusal.delta") refused += textOf(data["delta"]);
      else if (type === "response.refusal.done") refused ||= textOf(data["refusal"]);
      else if (type === "response.reasoning_summary_part.added" && numberOf(data["summary_index"])) {
        yield* spoken.thinking("\n\n");
      } else if (type === "response.reasoning_summary_text.delta" || type === "response.reasoning_text.delta") {
        yield* spoken.thinking(textOf(data["delta"]));
      } else if (type === "response.output_item.added") yield* item(data, false);
      else if (type === "response.output_item.done") yield* item(data, true);
      else if (type === "response.function_call_arguments.delta") {
        const key = String(numberOf(data["output_index"]) ?? textOf(data["item_id"]));
        yield* spoken.call(key, { written: textOf(data["delta"]) });
      } else if (type === "response.completed") yield* finish(response, true);
      else if (type === "response.incomplete") yield* finish(response, false);
      else if (type === "response.failed") yield* fail(isJsonObject(response) ? response["error"] : undefined);
      else if (type === "error") yield* fail(data);
    },
    *close() {
      if (spoken.isOver || isFailed) return;
      isFailed = true;
      yield* spoken.spent();
      yield failed(who, "cut", `the answer of ${who} ended in the middle`);
    },
  };
}

function count(spoken: Spoken, usage: Json | undefined): void {
  if (!isJsonObject(usage)) return;
  const details = isJsonObject(usage["input_tokens_details"]) ? usage["input_tokens_details"] : {};
  spoken.usage = {
    input_tokens: Math.round(numberOf(usage["input_tokens"]) ?? 0),
    output_tokens: Math.round(numberOf(usage["output_tokens"]) ?? 0),
    cached_tokens: Math.round(numberOf(details["cached_tokens"]) ?? 0),
    cost_usd: null,
  };
}

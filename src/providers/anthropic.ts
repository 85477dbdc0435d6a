/** Claude over Anthropic's Messages interface: streamed, cached, with signed thinking kept from turn to turn. */
import { isJsonObject, type Json, parseJson } from "../core/canonical.ts";
import { asFault, Fault, type FaultRecord } from "../core/fault.ts";
import { defineProvider, type ProviderContext, type ProviderEvent, type ProviderRequest } from "../define/provider.ts";
import { reach } from "./anthropic/connection.ts";
import { who } from "./anthropic/failure.ts";
import { newestVersion, prepare } from "./anthropic/request.ts";
import { Turn } from "./anthropic/turn.ts";
import { failed, type Failed } from "./wire/failure.ts";
import { LongLine, type ServerEvent, serverEvents } from "./wire/sse.ts";
import { Watch } from "./wire/watch.ts";

export const anthropic = defineProvider({
  name: "anthropic",
  summary: "Claude, by Anthropic's own interface.",
  reach: {
    base_url: "https://api.anthropic.com",
    key: "required",
    key_env: ["ANTHROPIC_API_KEY"],
    default_model: "claude-sonnet-5-5",
    tool_calls: "native",
    free: false,
  },
  async *stream(request, ctx) {
    const watch = new Watch(ctx.signal, ctx.idle_timeout_ms);
    try {
      yield* answer(request, ctx, watch);
    } catch (thrown) {
      yield ended(ctx, watch) ?? { type: "error", fault: asFault(thrown, "the anthropic provider").toRecord() };
    } finally {
      watch.end();
    }
  },
  async models(ctx) {
    const watch = new Watch(ctx.signal, ctx.idle_timeout_ms);
    try {
      const found = await reach({ method: "get", path: "/v1/models?limit=1000", version: newestVersion }, ctx, watch);
      if ("failed" in found) throw asThrown((ended(ctx, watch) ?? found.failed).fault);
      return namesIn(parseJson(await found.response.text(), "the list of models"));
    } finally {
      watch.end();
    }
  },
});

const maxLineBytes = 16 * 1_048_576;

async function* answer(request: ProviderRequest, ctx: ProviderContext, watch: Watch): AsyncGenerator<ProviderEvent> {
  const { body, version, seal } = prepare(request);
  const found = await reach({ method: "post", path: "/v1/messages", version, body }, ctx, watch);
  if ("failed" in found) {
    yield ended(ctx, watch) ?? found.failed;
    return;
  }
  const { body: stream, headers } = found.response;
  if (!stream || /^text\/html\b/i.test(headers.get("content-type") ?? "")) {
    yield failed(who, "unavailable", "anthropic answered with a web page");
    return;
  }
  const turn = new Turn(seal, request);
  let isInvalid = false;
  const onInvalid = () => {
    isInvalid = true;
  };
  const reading = { onBytes: () => watch.touch(), onInvalid, max_line_bytes: maxLineBytes };
  try {
    for await (const event of serverEvents(stream, reading)) {
      if (!isKeepAlive(event)) watch.advance();
      if (isInvalid) yield* turn.invalid();
      yield* turn.take(event);
      if (turn.isOver) return;
    }
  } catch (thrown) {
    if (thrown instanceof LongLine) {
      yield { type: "notice", name: "model.output_endless", detail: thrown.message };
      yield* turn.spent();
      yield failed(who, "rejected", "the model did not stop talking");
      return;
    }
    yield* turn.spent();
    yield ended(ctx, watch) ?? failed(who, "cut", "anthropic's answer was cut off");
    return;
  }
  yield* turn.spent();
  yield ended(ctx, watch) ?? failed(who, "cut", "anthropic's answer ended in the middle");
}

function isKeepAlive({ event, data }: ServerEvent): boolean {
  return event === "ping" || data === '{"type": "ping"}' || data === '{"type":"ping"}';
}

/** Why an attempt was given up by us, which matters more than what broke by it. */
function ended({ signal, idle_timeout_ms }: ProviderContext, { isExpired }: Watch): Failed | undefined {
  if (signal.aborted) {
    const fault = new Fault("canceled", "the request was canceled", { cause: signal.reason });
    return { type: "error", fault: fault.toRecord() };
  }
  return isExpired ? failed(who, "timeout", `anthropic said nothing for ${idle_timeout_ms} ms`) : undefined;
}

function asThrown({ code, message, hint }: FaultRecord): Fault {
  return new Fault(code, message, hint === undefined ? {} : { hint });
}

function namesIn(list: Json): readonly string[] {
  const items = isJsonObject(list) ? list["data"] : undefined;
  if (!Array.isArray(items)) {
    throw new Fault("unavailable", "anthropic's list of models is none", { hint: "name the model in model.name" });
  }
  return items.flatMap((each: Json) => (isJsonObject(each) && typeof each["id"] === "string" ? [each["id"]] : []));
}

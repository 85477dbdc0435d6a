/** One attempt at an endpoint that speaks OpenAI's interface: request, server-sent events, one turn out of them. */
import { asFault, Fault } from "../../core/fault.ts";
import { isJsonObject, type Json } from "../../core/canonical.ts";
import type { ProviderContext, ProviderEvent, ProviderRequest } from "../../define/provider.ts";
import { reach } from "./connection.ts";
import { failed, type Failed, jsonOf, secretsOf, withoutSecrets } from "./failure.ts";
import { LongLine, serverEvents } from "./sse.ts";
import { Watch } from "./watch.ts";

/** One of the interfaces: what is sent, and how its events become a turn. */
export interface Wire {
  readonly path: string;
  readonly body: (request: ProviderRequest) => { readonly [field: string]: unknown };
  readonly turn: (who: string, request: ProviderRequest) => WireTurn;
}

/** Reads events one at a time; after `isOver` no more are to be read. */
export interface WireTurn {
  readonly isOver: boolean;
  take(data: Json): Iterable<ProviderEvent>;
  /** The stream's own end mark came; a turn that is not whole then is cut. */
  close(): Iterable<ProviderEvent>;
  /** What is known of the use when a turn is cut off. */
  spent(): Iterable<ProviderEvent>;
}

const maxLine_bytes = 16 * 1_048_576;

export async function* streamOver(
  who: string,
  wire: Wire,
  request: ProviderRequest,
  ctx: ProviderContext,
): AsyncGenerator<ProviderEvent> {
  const watch = new Watch(ctx.signal, ctx.idle_timeout_ms);
  try {
    yield* answer(who, wire, request, ctx, watch);
  } catch (thrown) {
    yield ended(who, ctx, watch) ?? { type: "error", fault: asFault(thrown, `the provider ${who}`).toRecord() };
  } finally {
    watch.end();
  }
}

async function* answer(
  who: string,
  wire: Wire,
  request: ProviderRequest,
  ctx: ProviderContext,
  watch: Watch,
): AsyncGenerator<ProviderEvent> {
  const found = await reach({ who, method: "post", path: wire.path, body: wire.body(request) }, ctx, watch);
  if ("failed" in found) {
    yield ended(who, ctx, watch) ?? found.failed;
    return;
  }
  const { body: stream, headers } = found.response;
  if (!stream || /^text\/html\b/i.test(headers.get("content-type") ?? "")) {
    yield failed(who, "unavailable", `${who} answered with a web page`);
    return;
  }
  const turn = wire.turn(who, request);
  const secrets = ctx.endpoint ? secretsOf(ctx.endpoint) : [];
  let isInvalid = false;
  let saidInvalid = false;
  const onInvalid = (): void => {
    isInvalid = true;
  };
  const reading = { onBytes: () => watch.touch(), onInvalid, max_line_bytes: maxLine_bytes };
  try {
    for await (const { data } of serverEvents(stream, reading)) {
      if (isInvalid && !saidInvalid) {
        saidInvalid = true;
        yield {
          type: "notice",
          name: "model.invalid_utf8",
          detail: "parts of the answer were no UTF-8 and were replaced",
        };
      }
      if (data === "[DONE]") {
        yield* turn.close();
        return;
      }
      const value = jsonOf(data);
      if (!isJsonObject(value)) {
        yield* turn.spent();
        yield failed(who, "cut", `${who} sent an event that is no JSON`);
        return;
      }
      watch.advance();
      yield* turn.take(isError(value) ? withoutSecrets(value, secrets) : value);
      if (turn.isOver) return;
    }
  } catch (thrown) {
    yield* turn.spent();
    if (thrown instanceof LongLine) {
      yield { type: "notice", name: "model.output_endless", detail: thrown.message };
      yield failed(who, "rejected", "the model did not stop talking");
      return;
    }
    yield ended(who, ctx, watch) ?? failed(who, "cut", `the answer of ${who} was cut off`);
    return;
  }
  yield* turn.spent();
  yield ended(who, ctx, watch) ?? failed(who, "cut", `the answer of ${who} ended in the middle`);
}

function isError({ type, error }: { readonly [field: string]: Json }): boolean {
  return (error !== undefined && error !== null) || type === "error" || type === "response.failed";
}

/** Why an attempt was given up by us, which matters more than what broke by it. */
function ended(who: string, { signal, idle_timeout_ms }: ProviderContext, { isExpired }: Watch): Failed | undefined {
  if (signal.aborted) {
    const fault = new Fault("canceled", "the request was canceled", { cause: signal.reason });
    return { type: "error", fault: fault.toRecord() };
  }
  return isExpired ? failed(who, "timeout", `${who} said nothing for ${idle_timeout_ms} ms`) : undefined;
}

/** Names of the models an endpoint offers. Throws a Fault. */
export async function modelsOver(who: string, ctx: ProviderContext): Promise<readonly string[]> {
  const watch = new Watch(ctx.signal, ctx.idle_timeout_ms);
  try {
    const found = await reach({ who, method: "get", path: "/models" }, ctx, watch);
    if ("failed" in found) {
      const { code, message, hint } = (ended(who, ctx, watch) ?? found.failed).fault;
      throw new Fault(code, message, hint === undefined ? {} : { hint });
    }
    const list = jsonOf(await found.response.text());
    const items = isJsonObject(list) ? list["data"] : undefined;
    if (!Array.isArray(items)) {
      throw new Fault("unavailable", `the list of models of ${who} is none`, { hint: "name the model in model.name" });
    }
    return items.flatMap((each: Json) => (isJsonObject(each) && typeof each["id"] === "string" ? [each["id"]] : []));
  } finally {
    watch.end();
  }
}

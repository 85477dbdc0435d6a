/**
 * The way to the endpoint over the provider's own package, which builds the requests and decides nothing else: no retry,
 * no time limit, no log, and nothing from the environment. What is sent in the headers is written here.
 */
import { Fault } from "../../core/fault.ts";
import type { Endpoint, ProviderContext, ProviderFetch } from "../../define/provider.ts";
import { failed, type Failed, type Refusal, refusalFailed, secretsOf } from "../wire/failure.ts";
import type { Watch } from "../wire/watch.ts";
import { who } from "./failure.ts";

export interface Call {
  readonly method: "get" | "post";
  readonly path: string;
  readonly version: string;
  readonly body?: { readonly [field: string]: unknown };
}

type Answer = Awaited<ReturnType<ProviderFetch>>;

/** The answer of a success, or why there is none. Never throws. */
export async function reach(
  call: Call,
  ctx: ProviderContext,
  watch: Watch,
): Promise<{ readonly response: Answer } | { readonly failed: Failed }> {
  const { endpoint } = ctx;
  if (!endpoint) return { failed: failed(who, "rejected", `${who} has no endpoint`) };
  let end: Failed | undefined;
  const send: ProviderFetch = async (url, init) => {
    try {
      const response = await ctx.fetch(url, { ...init, headers: headersOf(endpoint, call) });
      if (response.ok) return response;
      end = refusalFailed(who, await refusalOf(response, watch), Date.now(), secretsOf(endpoint));
    } catch (thrown) {
      end = unreached(thrown);
    }
    throw new Error("there is no answer");
  };
  try {
    const client = await openClient(endpoint, send);
    const options = { ...(call.body === undefined ? {} : { body: call.body }), signal: watch.signal };
    return { response: await client[call.method](call.path, options).asResponse() };
  } catch (thrown) {
    return { failed: end ?? failed(who, "rejected", `the request could not be made: ${String(thrown)}`) };
  }
}

async function openClient(endpoint: Endpoint, send: ProviderFetch) {
  const { Anthropic } = await import("@anthropic-ai/sdk");
  return new Anthropic({
    baseURL: endpoint.base_url.replace(/\/v1$/, ""),
    // Never read from the environment or the user's files since one is given; the real one is in our headers.
    apiKey: "none",
    authToken: null,
    webhookKey: null,
    fetch: send,
    maxRetries: 0,
    timeout: longestTimer_ms,
    logLevel: "off",
    logger: { error: mute, warn: mute, info: mute, debug: mute },
    openTelemetry: false,
  });
}

/** The longest a timer can be set to; `watch` is what ends an attempt. */
const longestTimer_ms = 2_147_483_647;

function mute(): void {}

function headersOf({ key, headers }: Endpoint, { version, body }: Call): Headers {
  const own = new Headers({ accept: "application/json", "anthropic-version": version, "user-agent": "reeve" });
  if (body !== undefined) own.set("content-type", "application/json");
  if (key !== null) own.set("x-api-key", key);
  for (const [name, value] of Object.entries(headers)) own.set(name, value);
  return own;
}

const maxRefusalBytes = 65_536;

async function refusalOf(response: Answer, watch: Watch): Promise<Refusal> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let body = "";
  let bytes = 0;
  while (reader && bytes < maxRefusalBytes) {
    const { done, value } = await reader.read();
    if (done) break;
    watch.touch();
    bytes += value.length;
    body += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return {
    status: response.status,
    body,
    retry_after: response.headers.get("retry-after"),
    retry_after_ms: response.headers.get("retry-after-ms"),
  };
}

function unreached(thrown: unknown): Failed {
  if (!(thrown instanceof Fault)) return failed(who, "unavailable", `${who} cannot be reached`);
  const kind = thrown.code === "unavailable" ? "unavailable" : "rejected";
  return { type: "error", kind, fault: thrown.toRecord() };
}

/**
 * The way to an endpoint that speaks OpenAI's interface, over the `openai` package, which builds the requests and decides
 * nothing else: no retry, no time limit, no log, and nothing from the environment. Headers are written here.
 */
import { Fault } from "../../core/fault.ts";
import type { Endpoint, ProviderContext, ProviderFetch } from "../../define/provider.ts";
import { failed, type Failed, type Refusal, refusalFailed, secretsOf } from "./failure.ts";
import type { Watch } from "./watch.ts";

export interface Call {
  readonly who: string;
  readonly method: "get" | "post";
  readonly path: string;
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
  const { who } = call;
  if (!endpoint) return { failed: failed(who, "rejected", `${who} has no endpoint`) };
  const headers = headersOf(endpoint, call);
  if (!headers) return { failed: failed(who, "unauthenticated", `the key or a header of ${who} fits into no header`) };
  let end: Failed | undefined;
  const send: ProviderFetch = async (url, init) => {
    try {
      const response = await ctx.fetch(url, { ...init, headers });
      if (response.ok) return response;
      end = refusalFailed(who, await refusalOf(response, watch), Date.now(), secretsOf(endpoint));
    } catch (thrown) {
      end = unreached(who, thrown);
    }
    throw new Error("there is no answer");
  };
  try {
    const client = await openClient(endpoint, send);
    const options = { ...(call.body === undefined ? {} : { body: call.body }), signal: watch.signal };
    return { response: await client[call.method](call.path, options).asResponse() };
  } catch (thrown) {
    // Its words are not repeated: they may quote a variable of the environment.
    const why = thrown instanceof Error ? thrown.name : "no error";
    return { failed: end ?? failed(who, "rejected", `the request to ${who} could not be made (${why})`) };
  }
}

async function openClient(endpoint: Endpoint, send: ProviderFetch) {
  const { OpenAI } = await import("openai");
  return new OpenAI({
    baseURL: endpoint.base_url,
    // Never read from the environment since each is given; the real key is in our headers.
    apiKey: "none",
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    fetch: send,
    maxRetries: 0,
    timeout: longestTimer_ms,
    logLevel: "off",
    logger: { error: mute, warn: mute, info: mute, debug: mute },
  });
}

/** The longest a timer can be set to; `watch` is what ends an attempt. */
const longestTimer_ms = 2_147_483_647;

function mute(): void {}

/** Undefined when something in them may stand in no header; what it is, the runtime's own words would quote. */
function headersOf({ key, headers }: Endpoint, { body }: Call): Headers | undefined {
  const own = new Headers({ accept: "application/json", "user-agent": "reeve" });
  try {
    if (body !== undefined) own.set("content-type", "application/json");
    if (key !== null) own.set("authorization", `Bearer ${key}`);
    for (const [name, value] of Object.entries(headers)) own.set(name, value);
    return own;
  } catch {
    return undefined;
  }
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

function unreached(who: string, thrown: unknown): Failed {
  if (!(thrown instanceof Fault)) return failed(who, "unavailable", `${who} cannot be reached`);
  const kind = thrown.code === "unavailable" ? "unavailable" : "rejected";
  return { type: "error", kind, fault: thrown.toRecord() };
}

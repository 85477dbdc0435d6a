/**
 * The way to an endpoint that speaks OpenAI's interface. What is sent is held to the types of the `openai` package; its
 * client is not used, which would add 8 ms and 8 MB to every run to build one request, and reads the environment.
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
  try {
    const response = await ctx.fetch(`${endpoint.base_url}${call.path}`, {
      method: call.method.toUpperCase(),
      headers,
      signal: watch.signal,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    if (response.ok) return { response };
    return { failed: refusalFailed(who, await refusalOf(response, watch), Date.now(), secretsOf(endpoint)) };
  } catch (thrown) {
    return { failed: unreached(who, thrown) };
  }
}

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

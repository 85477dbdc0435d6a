/**
 * The one way to a model provider: its own origin and no other, straight to it, whatever the environment says of
 * proxies and certificates, and without following redirects.
 */
import { Fault, systemErrorName } from "../core/fault.ts";
import type { ProviderFetch } from "../define/provider.ts";
import { hostAndPort, providerOrigin } from "./origin.ts";

/** Throws the faults of `providerOrigin`. */
export function providerFetch(base_url: string): ProviderFetch {
  const { origin } = providerOrigin(base_url);
  return async (target, init) => {
    const url = addressOf(target);
    if (url.origin !== origin || url.username !== "" || url.password !== "") {
      throw new Fault("permission_denied", `a request to ${url.host || url.protocol} was held back`, {
        hint: `this provider may reach ${origin} and nothing else`,
      });
    }
    const response = await reach(url, requestOf(target, init));
    if (response.status < 300 || response.status > 399 || response.status === 304) return response;
    await response.body?.cancel();
    throw new Fault("failed_precondition", `${hostAndPort(url)} answered with a redirect, which is not followed`, {
      hint: "configure the address that answers itself",
      data: { status: response.status },
    });
  };
}

function addressOf(target: string | URL | Request): URL {
  const url = URL.parse(target instanceof Request ? target.url : String(target));
  if (url) return url;
  throw new Fault("invalid_argument", "the address of a provider's request is not a URL");
}

/** Only what a request is made of: Bun's own options could name a proxy, a socket or a certificate to trust. */
function requestOf(target: string | URL | Request, init: RequestInit | undefined): RequestInit {
  const own = target instanceof Request ? target : undefined;
  const method = init?.method ?? own?.method ?? "GET";
  const headers = init?.headers ?? own?.headers;
  const body = init?.body ?? own?.body;
  const signal = init?.signal ?? own?.signal;
  return {
    method,
    ...(headers == null ? {} : { headers }),
    ...(body == null ? {} : { body }),
    ...(signal == null ? {} : { signal }),
  };
}

async function reach(url: URL, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...request, ...straight });
  } catch (thrown) {
    if (request.signal?.aborted) throw thrown;
    throw unreachable(url, thrown);
  }
}

/**
 * `proxy: false` is the only value for which Bun asks no variable of the environment; without the others a redirect
 * would be followed, NODE_TLS_REJECT_UNAUTHORIZED=0 obeyed, and a slow model cut off after five minutes.
 */
const straight = {
  proxy: false,
  redirect: "manual",
  timeout: false,
  tls: { rejectUnauthorized: true },
} as unknown as RequestInit;

function unreachable(url: URL, cause: unknown): Fault {
  const place = hostAndPort(url);
  const name = systemErrorName(cause) ?? "";
  const words = connectionWords[name];
  if (words) return new Fault("unavailable", `${place} ${words}`, { hint: "check that the server runs there", cause });
  if (/CERT|TLS|SSL|SIGNATURE|ISSUER|SELF_SIGNED/.test(name)) {
    return new Fault("failed_precondition", `the certificate of ${place} is not to be trusted (${name})`, {
      hint: "check the address; a private authority can be added with NODE_EXTRA_CA_CERTS",
      cause,
    });
  }
  return new Fault("unavailable", `${place} cannot be reached${name ? ` (${name})` : ""}`, {
    hint: "check the address and the network",
    cause,
  });
}

const connectionWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection",
  ECONNRESET: "closed the connection",
  ENOTFOUND: "is not known to the name service",
};

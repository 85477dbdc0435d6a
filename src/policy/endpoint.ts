/** Endpoints: `METHOD HOST:PORT`, or with the path of a request behind it, and the patterns that cover them. */
import { isHostname } from "../core/hostname.ts";
import { urlPathProblem } from "../core/url-path.ts";

interface Endpoint {
  readonly method: string;
  readonly host: string;
  readonly port: string;
  /** Null where none is written: every path. */
  readonly path: string | null;
}

const longest = 2400;

/** The parts of `METHOD HOST:PORT` or `METHOD HOST:PORT/PATH`, or undefined when the text has another shape. */
export function splitEndpoint(text: string): Endpoint | undefined {
  if (text.length > longest) return undefined;
  const [, method, host, port, path = null] =
    /^([^ /]+) (\[[^\] /]*\]|[^ :/[\]]+):([^: /]+)(\/[^ ]*)?$/.exec(text) ?? [];
  return method && host && port ? { method, host, port, path } : undefined;
}

/** Why a text is no endpoint, or with `wild` no pattern of endpoints; undefined when it is one. */
export function endpointProblem(text: string, wild: boolean): string | undefined {
  const parts = splitEndpoint(text);
  if (!parts)
    return "an endpoint is METHOD HOST:PORT, with or without a path, for example GET api.github.com:443/repos";
  const { method, host, port, path } = parts;
  if (!(wild && method === "*") && !/^[A-Z]{1,20}$/.test(method)) return "the method is written in capital letters";
  const isNumber = /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535;
  if (!(wild && port === "*") && !isNumber) return "the port is a number from 1 to 65535";
  return hostProblem(host, wild) ?? (path === null ? undefined : pathProblem(path, wild));
}

function hostProblem(host: string, wild: boolean): string | undefined {
  if (wild && host === "*") return undefined;
  const base = wild && host.startsWith("*.") ? host.slice(2) : host;
  if (!isHostname(base))
    return "the host is a name or address in lower case; a wildcard is a whole first label, as in *.example.com";
  return base !== host && /^\[|(?:^|\.)\d+$/.test(base) ? "an address has no subdomains" : undefined;
}

function pathProblem(path: string, wild: boolean): string | undefined {
  if (!wild) return urlPathProblem(path);
  if (path.includes("*")) return "a path covers everything beneath it; leave the * away";
  return urlPathProblem(path.endsWith("?") ? path.slice(0, -1) : path);
}

/**
 * Whether a pattern covers an endpoint. Of an endpoint without a path, or of a tunnel, nobody can say which paths and
 * methods it will be used for: `unsure` is the answer then, false for a grant and true for a rule.
 */
export function matchesEndpoint(pattern: string, value: string, unsure: boolean): boolean {
  const wanted = splitEndpoint(pattern);
  const asked = splitEndpoint(value);
  if (!wanted || !asked) return false;
  if (!matchesHost(wanted.host, asked.host)) return false;
  if (wanted.port !== "*" && wanted.port !== asked.port) return false;
  if (wanted.method !== "*" && wanted.method !== asked.method) return unsure && asked.method === "CONNECT";
  return wanted.path === null || (asked.path === null ? unsure : matchesPath(wanted.path, asked.path));
}

/** `*.example.com` covers every host below example.com and not example.com itself. */
function matchesHost(pattern: string, host: string): boolean {
  if (pattern === "*") return true;
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length : host === pattern;
}

/** A path covers itself, with or without a slash at its end, and all beneath it; one that ends with `?` only itself. */
function matchesPath(pattern: string, path: string): boolean {
  if (pattern.endsWith("?")) return path === pattern.slice(0, -1);
  const base = pattern.endsWith("/") ? pattern.slice(0, -1) : pattern;
  return path === base || path.startsWith(`${base}/`);
}

/** Where an agent may ask to go: one grammar for hosts, ports and addresses of the web. What was checked is what is dialled. */
import { Fault } from "../core/fault.ts";
import { isHostname } from "../core/hostname.ts";

/** A host in its one spelling and a port. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** The parts of a URL, each as it goes over the wire. There is no fragment: it is never sent. */
export interface Target extends Place {
  readonly scheme: "http" | "https";
  /** Begins with `/`; percent-encoded. */
  readonly path: string;
  /** Empty, or begins with `?`; percent-encoded. */
  readonly query: string;
}

/**
 * Places the operator named one by one (`egress.private_hosts`), as `HOST:PORT`: only these may be addresses, names of
 * one label, or names that public DNS never answers.
 */
export type NamedPlaces = ReadonlySet<string>;

const none: NamedPlaces = new Set();
const maxUrlChars = 8192;

/** Two labels or more, the last of letters or an A-label: what is left over can be neither an address nor a local name. */
const publicName =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9](?:[a-z0-9-]{0,57}[a-z0-9])?)$/;

/** Names that are answered by the machine or its network and by no public server: RFC 6761, 6762, 7686, 8375 and custom. */
const localSuffixes: ReadonlySet<string> = new Set([
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "onion",
  "invalid",
]);

/**
 * The parts of an http or https URL. Throws `invalid_argument` for whatever two parsers could read as two different
 * places, and `permission_denied` for a well-formed place that only the operator can name. The fault repeats neither
 * credentials nor the path.
 */
export function parseTarget(url: string, named: NamedPlaces = none): Target {
  if (url.length > maxUrlChars) throw refused(`the address has more than ${maxUrlChars} characters`);
  if (/[\p{Cc}\p{Cf}\p{Z}\\]/u.test(url) || !url.isWellFormed()) {
    throw refused("the address holds white space, a backslash or a control character");
  }
  const [, scheme = "", authority = ""] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i.exec(url) ?? [];
  const kind = scheme.toLowerCase();
  if (kind !== "http" && kind !== "https") {
    throw refused("the address is not http:// or https://", "write https://HOST/PATH");
  }
  const place = parsePlace(authority, kind === "https" ? 443 : 80, named);
  // The runtime's parser encodes the path; it must have seen the very place that was checked.
  const parsed = URL.parse(url);
  const port = parsed?.port || (kind === "https" ? "443" : "80");
  const host = parsed?.hostname.replace(/\.$/, "");
  if (!parsed || parsed.protocol !== `${kind}:` || host !== place.host || port !== String(place.port)) {
    throw refused("the address can be read in two ways");
  }
  return { scheme: kind, ...place, path: parsed.pathname, query: parsed.search };
}

/** The `HOST:PORT` of a CONNECT request. Throws as `parseTarget` does. */
export function parseAuthority(authority: string, named: NamedPlaces = none): Place {
  return parsePlace(authority, undefined, named);
}

function parsePlace(authority: string, usualPort: number | undefined, named: NamedPlaces): Place {
  if (authority.includes("@")) {
    throw refused("the address holds a user name or password", "keep credentials in the vault and out of addresses");
  }
  const [, written, digits] = /^(\[[0-9A-Fa-f:.]*\]|[A-Za-z0-9.-]*)(?::([1-9]\d{0,4}))?$/.exec(authority) ?? [];
  if (written === undefined) throw refused("the host or port is not written as HOST or HOST:PORT in plain ASCII");
  const port = digits === undefined ? usualPort : Number(digits);
  if (port === undefined) throw refused("the port is missing", "write HOST:PORT");
  if (port > 65_535) throw refused("the port is not a number from 1 to 65535");
  const lower = written.toLowerCase();
  const host = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  if (isPublicName(host)) return { host, port };
  if (!isHostname(host)) {
    throw refused("the host is neither a name nor an address in its usual spelling");
  }
  const place = { host, port };
  if (named.has(placeText(place))) return place;
  throw new Fault("permission_denied", `${placeText(place)} is an address or a local name`, {
    hint: `use the public name, or let the operator add "${placeText(place)}" to egress.private_hosts`,
  });
}

/** Whether `host` is a name of public DNS in its one spelling. */
function isPublicName(host: string): boolean {
  if (!publicName.test(host)) return false;
  if (localSuffixes.has(host.slice(host.lastIndexOf(".") + 1)) || /(?:^|\.)home\.arpa$/.test(host)) return false;
  // An A-label that does not come out of its own decoding is refused by the runtime's parser, or changed by it.
  return !/(?:^|\.)xn--/.test(host) || URL.parse(`https://${host}/`)?.hostname === host;
}

export function placeText({ host, port }: Place): string {
  return `${host}:${port}`;
}

/** `*.example.com` covers the hosts below example.com and not example.com itself; anything else covers itself. */
export function coversHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === host;
  return host.length >= pattern.length && host.endsWith(pattern.slice(1));
}

/** Whether `text` is a host in its one spelling, or `*.` and such a name of at least two labels. */
export function isHostPattern(text: string): boolean {
  return text.startsWith("*.") ? isPublicName(text.slice(2)) : isHostname(text);
}

function refused(message: string, hint = "write https://HOST/PATH with the host's plain name"): Fault {
  return new Fault("invalid_argument", message, { hint });
}

/** The head of a CONNECT request, read by a grammar narrower than the standard's: whatever two readers could differ on is refused. */
import { Fault } from "../core/fault.ts";
import { type NamedPlaces, parseAuthority, type Place, placeText } from "./host.ts";

export interface ConnectRequest {
  readonly place: Place;
  /** Undefined when none was sent. */
  readonly credentials: Credentials | undefined;
}

interface Credentials {
  /** The run the client says it is; undefined for a bearer token alone. */
  readonly run: string | undefined;
  readonly token: string;
}

export const maxHeadBytes = 16_384;
const maxHeaders = 64;

/** What was sent up to and with the empty line, or undefined while that is not here. */
export function headLength(bytes: Buffer): number | undefined {
  const at = bytes.indexOf("\r\n\r\n", 0, "latin1");
  return at < 0 ? undefined : at + 4;
}

/**
 * Throws `unimplemented` for another method than CONNECT, `invalid_argument` for a malformed head, and the faults of
 * `parseAuthority`. No fault repeats what was sent.
 */
export function parseConnect(head: Uint8Array, named: NamedPlaces): ConnectRequest {
  const text = Buffer.from(head).toString("latin1");
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  // Also bare CR and LF, NUL, and everything beyond ASCII.
  if (!text.endsWith("\r\n\r\n") || ![first, ...lines].every((line) => /^[\x20-\x7e\t]*$/.test(line)))
    throw malformed();
  const [, method, target, version] = /^([A-Z]{1,20}) ([^ \t]+) HTTP\/(1\.[01])$/.exec(first) ?? [];
  if (method === undefined || target === undefined) throw malformed();
  if (method !== "CONNECT") {
    throw new Fault("unimplemented", "this proxy opens tunnels and does nothing else", {
      hint: "use https, so that the client sends CONNECT HOST:443; plain http does not go out here",
    });
  }
  const headers = headersOf(lines);
  const place = parseAuthority(target, named);
  for (const name of ["content-length", "transfer-encoding", "upgrade", "expect"]) {
    if (headers.has(name)) throw malformed();
  }
  const host = headers.get("host");
  if (host === undefined ? version === "1.1" : !namesPlace(host, place, named)) {
    throw new Fault("invalid_argument", "the Host header does not name the place of the request");
  }
  return { place, credentials: credentialsOf(headers.get("proxy-authorization")) };
}

function headersOf(lines: readonly string[]): ReadonlyMap<string, string> {
  if (lines.length > maxHeaders) throw malformed();
  const headers = new Map<string, string>();
  const once = new Set(["host", "proxy-authorization", "content-length", "transfer-encoding"]);
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw malformed();
    const lower = name.toLowerCase();
    if (once.has(lower) && headers.has(lower)) throw malformed();
    headers.set(lower, value);
  }
  return headers;
}

/** Some clients leave the port out. */
function namesPlace(host: string, place: Place, named: NamedPlaces): boolean {
  try {
    const hasPort = /:\d+$/.test(host);
    return placeText(parseAuthority(hasPort ? host : `${host}:${place.port}`, named)) === placeText(place);
  } catch {
    return false;
  }
}

function credentialsOf(header: string | undefined): Credentials | undefined {
  if (header === undefined) return undefined;
  const [, scheme = "", value = ""] = /^([A-Za-z]+) ([A-Za-z0-9._~+/=-]+)$/.exec(header) ?? [];
  if (scheme.toLowerCase() === "bearer") return { run: undefined, token: value };
  if (scheme.toLowerCase() !== "basic") throw malformed();
  const decoded = Buffer.from(value, "base64");
  const text = decoded.toString("latin1");
  const colon = text.indexOf(":");
  if (decoded.toString("base64") !== value || colon < 1) throw malformed();
  return { run: text.slice(0, colon), token: text.slice(colon + 1) };
}

function malformed(): Fault {
  return new Fault("invalid_argument", "the request is not a well-formed CONNECT HOST:PORT", {
    hint: "set HTTPS_PROXY and let the client make the request",
  });
}

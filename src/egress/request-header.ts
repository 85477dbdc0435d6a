/** The headers of an agent's request: which may be set, which belong to the connection, and which are nobody's in particular. */
import { Fault } from "../core/fault.ts";
import type { HeaderLine } from "./answer.ts";

const maxHeaders = 64;
const maxHeaderBytes = 16_384;

/** What says where a message goes, where it ends or what the connection becomes; and how the answer is packed. */
const reserved: ReadonlySet<string> = new Set(
  "host connection content-length transfer-encoding te trailer upgrade keep-alive expect accept-encoding http2-settings".split(
    " ",
  ),
);

/** What says how an answer is wanted or what the body is, and never who asks. */
const impersonal: ReadonlySet<string> = new Set(
  "accept accept-language accept-charset user-agent content-type content-language content-encoding cache-control pragma range if-range if-match if-none-match if-modified-since if-unmodified-since prefer dnt".split(
    " ",
  ),
);

/** Names in lower case, in the order given. Throws `invalid_argument`; the fault repeats no value. */
export function requestHeaders(asked: Readonly<Record<string, string>>): readonly HeaderLine[] {
  const lines = Object.entries(asked).map(([name, value]) => [name.toLowerCase(), value] as const);
  if (lines.length > maxHeaders) throw refused(`a request has at most ${maxHeaders} headers`);
  for (const [i, [name, value]] of lines.entries()) {
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]{1,256}$/.test(name)) throw refused("the name of a header cannot be sent");
    if (reserved.has(name) || name.startsWith("proxy-")) {
      throw refused(`the header ${name} belongs to the connection`, "leave it out");
    }
    if (lines.findIndex(([each]) => each === name) !== i) throw refused(`the header ${name} is given twice`);
    checkHeaderValue(name, value);
  }
  if (headerBytes(lines) > maxHeaderBytes) throw refused(`the headers have more than ${maxHeaderBytes} bytes`);
  return lines;
}

/** Throws `invalid_argument` for a value that would end its line, or be read in two ways. */
export function checkHeaderValue(name: string, value: string): void {
  if (/^[\t\x20-\x7e]*$/.test(value)) return;
  throw refused(`the value of the header ${name} holds what cannot be sent`, "write it on one line in plain ASCII");
}

/** Whether a header may go on to a place the agent did not ask: any other could be a credential, whatever it is called. */
export function isImpersonal(name: string): boolean {
  return impersonal.has(name);
}

function headerBytes(lines: readonly HeaderLine[]): number {
  return lines.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
}

/** What is of no use to an agent, or is a credential of its own. */
const unshown =
  /^(?:set-cookie2?|proxy-.*|connection|keep-alive|transfer-encoding|alt-svc|nel|report-to|reporting-endpoints|strict-transport-security|content-security-policy.*|permissions-policy|feature-policy|p3p|expect-ct)$/;
const maxShown = 64;
const maxShownBytes = 16_384;
const maxShownValue = 2048;

/** Headers of an answer as they are given on: one value a name, none of them long. */
export function answerHeaders(lines: readonly HeaderLine[]): Readonly<Record<string, string>> {
  const shown = new Map<string, string>();
  let size = 0;
  for (const [name, value] of lines) {
    if (unshown.test(name) || (shown.size >= maxShown && !shown.has(name))) continue;
    const before = shown.get(name);
    const joined = (before === undefined ? value : `${before}, ${value}`).slice(0, maxShownValue);
    size += name.length + joined.length - (before?.length ?? 0);
    if (size > maxShownBytes) break;
    shown.set(name, joined);
  }
  return Object.fromEntries(shown);
}

function refused(message: string, hint = "correct the headers"): Fault {
  return new Fault("invalid_argument", message, { hint });
}

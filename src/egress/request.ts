/**
 * A request an agent makes to the world. Every hop is parsed, decided, resolved, vetted and written down anew before a byte
 * of it is sent, and goes to the very address that was vetted; a secret goes to the host it was asked for and no further.
 */
import { asFault, Fault } from "../core/fault.ts";
import type { Json } from "../core/canonical.ts";
import type { HttpAnswer, HttpRequest } from "../define/http.ts";
import type { Answer, HeaderLine } from "./answer.ts";
import { contentOf, headerOf, type Scrub } from "./content.ts";
import { endpointText, requestTarget } from "./endpoint.ts";
import { exchange, type Traffic } from "./exchange.ts";
import { type NamedPlaces, placeText, type Target } from "./host.ts";
import { answerHeaders, checkHeaderValue, isImpersonal, requestHeaders } from "./request-header.ts";
import { followed } from "./redirect.ts";
import type { Resolve, VettedPlace } from "./resolve.ts";

const maxRedirects = 5;
const maxAddresses = 4;
/** How long one address of several has to take the connection. */
const connect_timeout_ms = 3000;
const maxBodyBytes = 1_048_576;

/** What a call may do, and what it must tell: minted by the engine from the decision. */
export interface RequestPowers {
  readonly named: NamedPlaces;
  readonly resolve: Resolve;
  /** Whether the call's decision covers one endpoint, such as `GET api.example.org:443/x`. */
  readonly permits: (endpoint: string) => boolean;
  /** Whether the operator named this port for it, so that it may be spoken to in the clear. */
  readonly permitsPlain: (endpoint: string) => boolean;
  /** Names of the secrets a text refers to. */
  readonly secretsIn: (text: string) => readonly string[];
  /** `text` with its secrets put in for one host. Throws when a secret is not bound to it. */
  readonly withSecrets: (text: string, host: string) => string;
  readonly scrub: Scrub;
  /** Durable when it returns; what it throws ends the request. */
  readonly record: (event: RequestEvent) => Promise<unknown>;
  /** Certificate authorities in PEM, besides those of the runtime. */
  readonly authorities: readonly string[];
}

/** What is written of a request: never its path, its query, its headers or its body. */
export interface RequestEvent {
  readonly type: "open" | "closed" | "refused";
  readonly method: string;
  readonly host: string;
  readonly port: number;
  readonly address?: string;
  readonly status?: number;
  readonly bytes_up?: number;
  readonly bytes_down?: number;
  /** A fault's code, of a request that was refused or broke off. */
  readonly reason?: string;
  /** Names of the secrets that are sent. */
  readonly secrets?: readonly string[];
}

/** What a request is put together from. */
export interface RequestSteps {
  readonly target: (url: string, named: NamedPlaces) => Target;
  readonly headers: (asked: Readonly<Record<string, string>>) => readonly HeaderLine[];
  readonly checkValue: (name: string, value: string) => void;
  /** Where an answer leads on to. */
  readonly next: (powers: RequestPowers, hop: Hop, answer: Answer) => Hop | undefined;
  readonly send: typeof exchange;
  readonly content: typeof contentOf;
}

export const requestSteps: RequestSteps = {
  target: requestTarget,
  headers: requestHeaders,
  checkValue: checkHeaderValue,
  next: nextHop,
  send: exchange,
  content: contentOf,
};

type Parts = RequestPowers & RequestSteps;

/** One hop as it stands, its secrets not put in yet. */
interface Hop {
  readonly target: Target;
  readonly method: string;
  readonly headers: readonly HeaderLine[];
  readonly body: Json | undefined;
}

/** Throws only Fault: the refusals of each step, `deadline_exceeded`, or the signal's reason. */
export async function requestFrom(
  powers: RequestPowers,
  asked: HttpRequest,
  callSignal: AbortSignal,
  steps: RequestSteps = requestSteps,
): Promise<HttpAnswer> {
  const deadline = new AbortController();
  const late = () =>
    new Fault("deadline_exceeded", `the request took longer than ${asked.timeout_ms} ms`, {
      hint: "raise timeout_ms, or ask for less",
    });
  const timer = setTimeout(() => deadline.abort(late()), asked.timeout_ms);
  const signal = AbortSignal.any([callSignal, deadline.signal]);
  try {
    return await follow({ ...powers, ...steps }, asked, signal);
  } catch (thrown) {
    throw signal.aborted && signal.reason instanceof Fault ? signal.reason : asFault(thrown, "the request");
  } finally {
    clearTimeout(timer);
  }
}

async function follow(powers: Parts, asked: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  if (powers.secretsIn(decodedOnce(asked.url)).length > 0) {
    throw new Fault("invalid_argument", "the address refers to a secret", {
      hint: "an address is written into records; put the secret into a header or the body",
    });
  }
  let hop = firstHop(powers, asked);
  const redirects: string[] = [];
  for (;;) {
    const { answer } = await sendHop(powers, hop, asked.max_response_bytes, signal);
    const next = await refusalRecorded(powers, hop, () => powers.next(powers, hop, answer));
    if (!next) return await given(powers, hop, answer, redirects, asked.max_response_bytes);
    redirects.push(`${answer.status} ${originText(next.target)}${next.target.path}`);
    if (redirects.length > maxRedirects) {
      throw new Fault("failed_precondition", `${placeText(hop.target)} redirected more than ${maxRedirects} times`, {
        hint: "ask the last address itself",
      });
    }
    hop = next;
  }
}

/** A redirect that is refused before it has a place of its own is written down under the place it came from. */
async function refusalRecorded<T>(powers: RequestPowers, { method, target }: Hop, step: () => T): Promise<T> {
  try {
    return step();
  } catch (thrown) {
    const { host, port } = target;
    await powers.record({ type: "refused", method, host, port, reason: asFault(thrown).code });
    throw thrown;
  }
}

function firstHop(powers: Parts, { url, method, headers, body }: HttpRequest): Hop {
  const lines = powers.headers(headers);
  if (body !== undefined && (method === "GET" || method === "HEAD")) {
    throw new Fault("invalid_argument", `a ${method} request has no body`, { hint: "leave the body out, or use POST" });
  }
  const type = typeof body === "string" ? "text/plain; charset=utf-8" : "application/json";
  const isTyped = body === undefined || headerOf(lines, "content-type") !== undefined;
  const typed = isTyped ? lines : [...lines, ["content-type", type] as const];
  return { target: powers.target(url, powers.named), method, headers: typed, body };
}

/** The hop sent to the first of its addresses that can be reached; its opening and its end are in the ledger. */
async function sendHop(
  powers: Parts,
  hop: Hop,
  max_bytes: number,
  signal: AbortSignal,
): Promise<{ readonly answer: Answer }> {
  const about = { method: hop.method, host: hop.target.host, port: hop.target.port };
  let ready: {
    readonly vetted: VettedPlace;
    readonly headers: readonly HeaderLine[];
    readonly body: Buffer | undefined;
  };
  const secrets = secretsOf(powers, hop);
  try {
    checkAllowed(powers, hop, secrets);
    const headers = headersToSend(powers, hop);
    ready = { headers: headers.lines, body: headers.body, vetted: await powers.resolve(hop.target, signal) };
  } catch (thrown) {
    await powers.record({ type: "refused", ...about, reason: asFault(thrown).code });
    throw thrown;
  }
  let failure: unknown;
  const addresses = ready.vetted.addresses.slice(0, maxAddresses);
  for (const [i, address] of addresses.entries()) {
    await powers.record({ type: "open", ...about, address, ...(secrets.length > 0 ? { secrets } : {}) });
    const traffic: Traffic = { bytes_up: 0, bytes_down: 0 };
    const outcome = await powers
      .send(
        {
          target: hop.target,
          address,
          method: hop.method,
          headers: ready.headers,
          body: ready.body,
          max_bytes,
          authorities: powers.authorities,
          signal,
          connect_timeout_ms: i < addresses.length - 1 ? connect_timeout_ms : null,
        },
        traffic,
      )
      .then(
        (answer) => ({ answer }),
        (thrown: unknown) => ({ thrown }),
      );
    const end = { type: "closed", ...about, address, ...traffic } as const;
    if ("answer" in outcome) {
      await powers.record({ ...end, status: outcome.answer.status });
      return outcome;
    }
    await powers.record({ ...end, reason: asFault(outcome.thrown).code });
    // What was sent once is not sent again: nobody knows what became of it.
    if (signal.aborted || traffic.bytes_up > 0) throw outcome.thrown;
    failure = outcome.thrown;
  }
  throw failure;
}

function checkAllowed(powers: RequestPowers, { target, method }: Hop, secrets: readonly string[]): void {
  const endpoint = endpointText(method, target);
  if (!powers.permits(endpoint)) {
    throw new Fault("permission_denied", `policy does not allow ${method} to ${placeText(target)} at this path`, {
      hint: "the operator may grant http.request for it",
    });
  }
  if (target.scheme === "https" || powers.named.has(placeText(target))) return;
  if (target.port === 443 || !powers.permitsPlain(endpoint)) {
    throw new Fault("permission_denied", `http to ${placeText(target)} is not encrypted`, {
      hint: `write https://, or let the operator grant it with its port: "${method} ${placeText(target)}"`,
    });
  }
  if (secrets.length === 0) return;
  throw new Fault("permission_denied", `a secret is not sent to ${placeText(target)} in the clear`, {
    hint: "write https://",
  });
}

function secretsOf(powers: RequestPowers, { headers, body }: Hop): readonly string[] {
  const texts = [...headers.map(([, value]) => value), ...(body === undefined ? [] : textsOf(body))];
  return [...new Set(texts.flatMap((text) => powers.secretsIn(text)))].sort();
}

/** Everything that is put on the wire for this hop, secrets included: hand it to the connection and to nothing else. */
function headersToSend(
  powers: Parts,
  { target, method, headers, body }: Hop,
): { readonly lines: readonly HeaderLine[]; readonly body: Buffer | undefined } {
  const fill = (text: string) => powers.withSecrets(text, target.host);
  const own = headers.map(([name, value]) => {
    const filled = fill(value);
    powers.checkValue(name, filled);
    return [name, filled] as const;
  });
  const text =
    typeof body === "string" ? fill(body) : body === undefined ? undefined : JSON.stringify(filledIn(body, fill));
  const bytes = text === undefined ? undefined : Buffer.from(text, "utf8");
  if (bytes && bytes.length > maxBodyBytes) {
    throw new Fault("invalid_argument", `the body has more than ${maxBodyBytes} bytes`, { hint: "send less at once" });
  }
  const isUsual = target.port === (target.scheme === "https" ? 443 : 80);
  const given = (name: string, value: string): readonly HeaderLine[] =>
    headerOf(headers, name) === undefined ? [[name, value]] : [];
  const takesBody = method !== "GET" && method !== "HEAD";
  const lines: readonly HeaderLine[] = [
    ["host", isUsual ? target.host : placeText(target)],
    ["connection", "close"],
    ["accept-encoding", "gzip"],
    ...given("user-agent", "reeve"),
    ...given("accept", "*/*"),
    ...own,
    ...(takesBody ? [["content-length", String(bytes?.length ?? 0)] as const] : []),
  ];
  return { lines, body: bytes };
}

/** References in names of fields stay as they are: only values are filled in. */
function filledIn(value: Json, fill: (text: string) => string): Json {
  if (typeof value === "string") return fill(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each: Json) => filledIn(each, fill));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filledIn(each, fill)]));
}

function textsOf(value: Json): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap((each: Json) => textsOf(each)) : [];
}

/** Where an answer leads on to, or undefined when it is the last. Credentials stay behind when the origin changes. */
function nextHop(powers: RequestPowers, hop: Hop, answer: Answer): Hop | undefined {
  const step = followed(hop.target, hop.method, answer);
  if (!step) return undefined;
  const target = requestTarget(step.url, powers.named);
  const body = step.keepsBody ? hop.body : undefined;
  const kept = hop.headers.filter(([name]) => step.keepsBody || !name.startsWith("content-"));
  if (originText(target) === originText(hop.target)) return { target, method: step.method, headers: kept, body };
  if (body !== undefined && textsOf(body).some((text) => powers.secretsIn(text).length > 0)) {
    throw new Fault("permission_denied", `${placeText(hop.target)} redirects a body with a secret to another place`, {
      hint: "ask the other place itself, with a secret that is bound to it",
    });
  }
  const headers = kept.filter(([name, value]) => isImpersonal(name) && powers.secretsIn(value).length === 0);
  return { target, method: step.method, headers, body };
}

async function given(
  powers: Parts,
  { target }: Hop,
  answer: Answer,
  redirects: readonly string[],
  max_bytes: number,
): Promise<HttpAnswer> {
  return {
    url: `${originText(target)}${target.path}${target.query}`,
    status: answer.status,
    headers: answerHeaders(answer.headers),
    ...(await powers.content(answer, max_bytes, powers.scrub)),
    redirects,
  };
}

function originText(target: Target): string {
  return `${target.scheme}://${placeText(target)}`;
}

function decodedOnce(url: string): string {
  return url.replaceAll(/%7[bBdD]|%3[aA]/g, (triple) => String.fromCharCode(Number.parseInt(triple.slice(1), 16)));
}

/** What went wrong at a provider that speaks OpenAI's interface, as an event: its kind, and few of the provider's own words. */
import { isJsonObject, type Json } from "../../core/canonical.ts";
import { Fault, type FaultCode } from "../../core/fault.ts";
import type { Endpoint, FailureKind, ProviderEvent } from "../../define/provider.ts";

export type Failed = Extract<ProviderEvent, { readonly type: "error" }>;

/** An answer that is no success. */
export interface Refusal {
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
  readonly retry_after: string | null;
  readonly retry_after_ms: string | null;
}

/** `secrets` are taken out of the provider's words before these are shortened: half a key is no less of one. */
export function refusalFailed(who: string, refusal: Refusal, now_ms: number, secrets: readonly string[] = []): Failed {
  const { status, body } = refusal;
  const { words, code } = wordsOf(body, secrets);
  const after = retryAfter(refusal, now_ms);
  const said = words === "" ? "" : `: ${words}`;
  return {
    ...failed(who, kindOfStatus(status, code, words), `${who} answered ${status}${said}`, { status }),
    ...(after === undefined ? {} : { retry_after_ms: after }),
  };
}

/** An error in the middle of a stream; its secrets are taken out before. */
export function streamFailed(who: string, error: Json | undefined): Failed {
  const { words, code } = errorIn(error) ?? { words: "", code: "" };
  const kind = isTooLong(code, words) ? "context_length" : kindOfCode(code, words);
  return failed(who, kind, `${who} broke off its answer${words === "" ? "" : `: ${words}`}`, { code: quoted(code) });
}

export function failed(
  who: string,
  kind: FailureKind,
  message: string,
  data?: Readonly<Record<string, unknown>>,
): Failed {
  const [code, hint] = codes[kind];
  const words = hint.replace("PROVIDER", who);
  const fault = new Fault(code, message, { hint: words, ...(data === undefined ? {} : { data }) });
  return { type: "error", kind, fault: fault.toRecord() };
}

const codes: Readonly<Record<FailureKind, readonly [FaultCode, string]>> = {
  rate_limited: ["resource_exhausted", "wait, or name another model in model.fallback"],
  unavailable: ["unavailable", "wait, or name another model in model.fallback"],
  cut: ["unavailable", "try again"],
  timeout: ["deadline_exceeded", "raise model.idle_timeout_ms, or name another model in model.fallback"],
  context_length: ["invalid_argument", "lower model.context_tokens, or ask for less at once"],
  unauthenticated: ["unauthenticated", "check the key: reeve secrets set provider/PROVIDER/api_key"],
  rejected: ["invalid_argument", "check model.name and the other settings of the model"],
};

/** Codes of errors in a stream, where they do not mean `unavailable`. */
const kinds: Readonly<Record<string, FailureKind>> = {
  rate_limit_exceeded: "rate_limited",
  rate_limit_error: "rate_limited",
  insufficient_quota: "rejected",
  invalid_api_key: "unauthenticated",
  authentication_error: "unauthenticated",
  invalid_request_error: "rejected",
  invalid_prompt: "rejected",
};

/** Some say an HTTP status where others say a word. */
function kindOfCode(code: string, words: string): FailureKind {
  return /^[45]\d\d$/.test(code) ? kindOfStatus(Number(code), code, words) : (kinds[code] ?? "unavailable");
}

function kindOfStatus(status: number, code: string, words: string): FailureKind {
  if (code === "insufficient_quota") return "rejected";
  if (status === 429) return "rate_limited";
  if (status === 408 || status >= 500) return "unavailable";
  if (status === 401 || status === 403) return "unauthenticated";
  return status === 413 || isTooLong(code, words) ? "context_length" : "rejected";
}

function isTooLong(code: string, words: string): boolean {
  return (
    code === "context_length_exceeded" ||
    /context (?:window|length|limit)|maximum context|prompt is too long|too many (?:input )?tokens|exceeds? the (?:available )?context/i.test(
      words,
    )
  );
}

function wordsOf(body: string, secrets: readonly string[]): { readonly words: string; readonly code: string } {
  const value = jsonOf(body);
  const error = value === undefined ? undefined : errorIn(withoutSecrets(value, secrets));
  if (error) return error;
  return { words: /^\s*</.test(body) ? "a web page" : quoted(blanked(body, secrets)), code: "" };
}

/** Shorter values are words, not secrets. */
const shortestSecret = 6;

/** The key and the values of the headers, which no event may hold. */
export function secretsOf({ key, headers }: Endpoint): readonly string[] {
  return [...(key === null ? [] : [key]), ...Object.values(headers)]
    .filter((each) => each.length >= shortestSecret)
    .sort((a, b) => b.length - a.length);
}

export function withoutSecrets(value: Json, secrets: readonly string[]): Json {
  if (typeof value === "string") return blanked(value, secrets);
  if (Array.isArray(value)) return value.map((each: Json) => withoutSecrets(each, secrets));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutSecrets(each, secrets)]));
}

function blanked(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, "[key]"), text);
}

/** The error object itself, one under `error`, or a mere text. */
function errorIn(value: Json | undefined): { readonly words: string; readonly code: string } | undefined {
  if (!isJsonObject(value)) return undefined;
  const inner = value["error"] ?? value;
  if (typeof inner === "string") return { words: quoted(inner), code: "" };
  if (!isJsonObject(inner) || typeof inner["message"] !== "string") return undefined;
  const code = inner["code"] ?? inner["type"];
  return {
    words: quoted(inner["message"]),
    code: typeof code === "string" || typeof code === "number" ? String(code) : "",
  };
}

export function jsonOf(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

const maxQuote = 300;

/** At most 300 characters on one line. */
export function quoted(words: string): string {
  const line = words.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length <= maxQuote ? line.toWellFormed() : `${line.slice(0, maxQuote - 3).toWellFormed()}...`;
}

/** RFC 9110 section 10.2.3, in seconds or as a date, or the interface's own header in milliseconds. */
function retryAfter({ retry_after, retry_after_ms }: Refusal, now_ms: number): number | undefined {
  const own = Number(retry_after_ms);
  if (retry_after_ms !== null && retry_after_ms.trim() !== "" && own >= 0) return Math.ceil(own);
  if (retry_after === null || retry_after.trim() === "") return undefined;
  const seconds = Number(retry_after);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.ceil(seconds * 1000) : undefined;
  const at_ms = Date.parse(retry_after);
  return Number.isFinite(at_ms) ? Math.max(0, at_ms - now_ms) : undefined;
}

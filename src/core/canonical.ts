/**
 * RFC 8785 (JSON Canonicalization Scheme) writer and the strict JSON reader that goes with it.
 * What the writer accepts is I-JSON: no lone surrogate, no NaN or Infinity, no undefined, integers within 2^53 - 1.
 */
import { Fault } from "./fault.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const maxDepth = 200;

/**
 * Canonical JSON text of a value (RFC 8785 section 3.2): keys sorted by UTF-16 code units, ECMAScript number form,
 * minimal string escapes, no white space. Throws `invalid_argument` for values that are not I-JSON (RFC 7493).
 */
export function canonicalize(value: Json): string {
  return write(value, 0);
}

function write(value: Json, depth: number): string {
  if (depth > maxDepth) throw notCanonical("nesting is deeper than 200 levels");
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === "string") return writeString(value);
  if (typeof value === "number") return writeNumber(value);
  if (Array.isArray(value)) {
    let out = "[";
    for (let i = 0; i < value.length; i++) out += (i ? "," : "") + write(value[i] as Json, depth + 1);
    return `${out}]`;
  }
  if (typeof value !== "object") throw notCanonical(`${typeof value} is not a JSON value`);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw notCanonical("only plain objects are JSON values");
  const object = value as { readonly [key: string]: Json };
  let out = "{";
  let first = true;
  // Array.prototype.sort without a comparator orders strings by UTF-16 code units, as section 3.2.3 asks.
  for (const key of Object.keys(object).sort()) {
    out += `${first ? "" : ","}${writeString(key)}:${write(object[key] as Json, depth + 1)}`;
    first = false;
  }
  return `${out}}`;
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw notCanonical("a string holds a lone surrogate");
  return JSON.stringify(text);
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw notCanonical("NaN and Infinity are not JSON numbers");
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw notCanonical("an integer is larger than 2^53 - 1");
  }
  return JSON.stringify(value);
}

function notCanonical(why: string): Fault {
  return new Fault("invalid_argument", `value has no canonical JSON form: ${why}`, {
    hint: "write large integers and binary data as strings",
  });
}

/**
 * Parses JSON and accepts it only when it is already in canonical form, so duplicate keys, other key orders, other
 * number spellings and escapes are all refused by one comparison. Throws `invalid_argument` otherwise.
 */
export function parseCanonical(text: string): Json {
  const value = parseJson(text);
  if (canonicalize(value) !== text) {
    throw new Fault("invalid_argument", "text is valid JSON but not in canonical form (RFC 8785)");
  }
  return value;
}

/** `JSON.parse` as a Fault: throws `invalid_argument` naming `what` when the text is not JSON. */
export function parseJson(text: string, what = "text"): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : "malformed";
    throw new Fault("invalid_argument", `${what} is not valid JSON: ${words}`, {
      hint: "check quotes and commas",
      cause,
    });
  }
}

/** A JSON object (not null, not an array). */
export function isJsonObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

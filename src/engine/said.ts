/**
 * Whether everything a call would take out was written by the person or the operator, word for word: such a call tells
 * the outside nothing it was not told to tell. Whatever is not plainly so is not.
 */
import { isJsonObject, type Json } from "../core/canonical.ts";

/** One text of an argument, keys of maps included, and where it stands: `url`, `headers.accept`. */
export interface Leaf {
  readonly field: string;
  readonly value: string | number | boolean;
}

/** Every text, number and truth value of an input; a name the input's schema gives is none of them, a key within is. */
export function leavesOf(input: Json): readonly Leaf[] {
  return isJsonObject(input)
    ? Object.entries(input).flatMap(([key, value]) => leavesIn(value, key))
    : leavesIn(input, "input");
}

function leavesIn(value: Json, field: string): readonly Leaf[] {
  if (value === null) return [];
  if (typeof value !== "object") return [{ field, value }];
  if (Array.isArray(value)) return value.flatMap((each: Json, i) => leavesIn(each, `${field}.${i}`));
  return Object.entries(value).flatMap(([key, each], i) => [
    { field: `${field} key ${i + 1}`, value: key },
    ...leavesIn(each, `${field}.${key}`),
  ]);
}

/** Constants of protocols, few enough that choosing among them says next to nothing. */
const constants: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
  ...["accept", "content-type", "accept-language", "*/*", "text/plain", "text/html", "application/json"],
  ...["application/x-www-form-urlencoded", "json", "text", "utf-8", "utf8", ""],
]);

/** Constants, small numbers and truth values a call may hold that nobody wrote: each is a choice that could be a signal. */
const maxChoices = 8;
const maxUrlParts = 16;
const maxSmallNumber = 9999;

/** How many bits a choice could carry: among what was said, among its words for each part of an address, among constants. */
const cost = { said: 2, part: 6, constant: 3, truth: 1 } as const;

/**
 * How many bits somebody outside could be told by the choice of what a call says, though every word of it was said;
 * undefined where not every one was. `trusted`: the texts the person and the operator wrote.
 */
export function choiceBits(input: Json, trusted: readonly string[]): number | undefined {
  let choices = 0;
  let bits = 0;
  for (const { value } of leavesOf(input)) {
    const own = saidBits(String(value), trusted);
    const chosen = own ?? (++choices <= maxChoices ? constantBits(value) : undefined);
    if (chosen === undefined) return undefined;
    bits += chosen;
  }
  return bits;
}

function constantBits(value: Leaf["value"]): number | undefined {
  if (typeof value === "string") return constants.has(value) ? cost.constant : undefined;
  if (typeof value === "boolean") return cost.truth;
  const size = Math.abs(value);
  return Number.isInteger(value) && size <= maxSmallNumber ? Math.ceil(Math.log2(size + 2)) : undefined;
}

/** Whether a text stands in one of the trusted ones as a whole: as it is, or as an address each part of which does. */
export function isSaid(text: string, trusted: readonly string[]): boolean {
  return saidBits(text, trusted) !== undefined;
}

function saidBits(text: string, trusted: readonly string[]): number | undefined {
  return trusted.some((each) => standsIn(text, each)) ? cost.said : addressBits(text, trusted);
}

function addressBits(text: string, trusted: readonly string[]): number | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const bare = text.replace(/^https?:\/\//, "").replace(/\/$/, "");
  if (trusted.some((each) => standsIn(bare, each))) return cost.said;
  const { host, pathname, search, hash, username, password } = new URL(text);
  if (username !== "" || password !== "" || hash !== "") return undefined;
  if (!trusted.some((each) => standsIn(host, each.toLowerCase()))) return undefined;
  const query = search === "" ? [] : search.slice(1).split(/[&=]/);
  const parts = [...pathname.split("/"), ...query].filter((part) => part !== "").map(withoutPercent);
  const isWhole =
    parts.length <= maxUrlParts && parts.every((part) => part && trusted.some((each) => standsIn(part, each)));
  return isWhole ? cost.said + cost.part * parts.length : undefined;
}

/** Undefined for escapes that are no text. */
function withoutPercent(part: string): string | undefined {
  try {
    return decodeURIComponent(part.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

/** Whether a text stands in another and is not cut out of a longer word, name or number there. */
function standsIn(part: string, whole: string): boolean {
  if (part === "") return false;
  for (let at = whole.indexOf(part); at >= 0; at = whole.indexOf(part, at + 1)) {
    const before = whole.slice(Math.max(0, at - 2), at);
    const after = whole.slice(at + part.length, at + part.length + 2);
    if (!isJoinedBefore(before) && !isJoinedAfter(after)) return true;
  }
  return false;
}

/** Whether what stands before belongs to the same word: `good-evil.com` does not say `evil.com`, nor does `me@evil.com`. */
function isJoinedBefore(before: string): boolean {
  return /[\p{L}\p{N}\p{M}_@%.-]$/u.test(before);
}

/** A full stop that ends a sentence does not join; one before more of a name does. */
function isJoinedAfter(after: string): boolean {
  return /^(?:[\p{L}\p{N}\p{M}_@%-]|\.[\p{L}\p{N}])/u.test(after);
}

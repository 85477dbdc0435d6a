/** The one scrubber: text in which no secret stands, in no form, is what comes out; all else comes out as it went in. */
import type { Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { type Form, formsOf } from "./forms.ts";

export interface Scrubber {
  /** Every secret of at least 4 bytes, exact or encoded, becomes `[secret:NAME]`. */
  text(text: string): string;
  /** The same for every string in a value, keys included; a number that reads exactly as a secret becomes its label. */
  json<T extends Json>(value: T): T;
  /** For text that arrives in pieces; what it has given out so far never holds part of a secret that is still arriving. */
  stream(): ScrubStream;
}

interface ScrubStream {
  /** What can be given out now; joined together, the same as `text` of the whole. */
  push(chunk: string): string;
  end(): string;
}

interface Pattern extends Form {
  readonly label: string;
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** Values by name. Building it costs time and memory in proportion to the values' sizes; using it, to the text's. */
export function createScrubber(secrets: ReadonlyMap<string, Uint8Array>): Scrubber {
  const search = createSearch(labelled(secrets));
  const text = (input: string) => splice(input, search.ranges(input), 0, input.length);
  const whole = (input: string) => {
    const [range] = search.ranges(input);
    return range?.from === 0 && range.to === input.length ? range.label : undefined;
  };
  return { text, json: (value) => scrubJson(value, text, whole) as typeof value, stream: () => scrubStream(search) };
}

/** Each secret's forms with the label that stands in for them. */
function labelled(secrets: ReadonlyMap<string, Uint8Array>): readonly Pattern[] {
  const forms = [...secrets].map(([name, value]) => ({ name, forms: formsOf(value) }));
  const texts = forms.flatMap((each) => each.forms.map(({ text }) => text));
  const plain = forms.every(({ name }) => fits(`[secret:${name}]`, texts));
  const common = plain ? "" : (["[secret]", "[redacted]"].find((label) => fits(label, texts)) ?? rareLabel(texts));
  return forms.flatMap((each) =>
    each.forms.map((form) => ({ ...form, label: plain ? `[secret:${each.name}]` : common })),
  );
}

/** Whether a label, wherever it is put, can never become part of a secret: it shares no text with one, at no end. */
function fits(label: string, texts: readonly string[]): boolean {
  return texts.every((text) => {
    if (label.includes(text) || text.includes(label)) return false;
    for (let n = 1; n < label.length && n < text.length; n++) {
      if (text.startsWith(label.slice(-n)) || text.endsWith(label.slice(0, n))) return false;
    }
    return true;
  });
}

/** A character no secret holds, beginning with U+2588, the full block. */
function rareLabel(texts: readonly string[]): string {
  const used = new Set(texts.flatMap((text) => [...text]));
  for (let code = 0x2588; code < 0xd800; code++) {
    const character = String.fromCharCode(code);
    if (!used.has(character)) return character;
  }
  throw new Fault("resource_exhausted", "the secrets use every character there is");
}

interface Search {
  /** Where secrets stand, overlapping ones merged, in order. */
  ranges(text: string): readonly Range[];
  /** The first place from which the text so far may be the beginning of a form that is not complete yet. */
  pending(text: string): number;
}

const shortText = 4096;

/** One pass over the text: a table of the forms' first characters, then, where it hits, the forms themselves. */
function createSearch(patterns: readonly Pattern[]): Search {
  const gram = patterns.reduce((least, { text }) => Math.min(least, text.length), 4);
  const buckets = new Map<number, Pattern[]>();
  const table = new Uint8Array(patterns.length ? 0x10000 : 0);
  for (const pattern of patterns) {
    const slot = slotAt(pattern.text, 0, gram);
    table[slot] = 1;
    buckets.set(slot, [...(buckets.get(slot) ?? []), pattern]);
  }
  for (const bucket of buckets.values()) bucket.sort((a, b) => b.text.length - a.text.length);
  const beginnings = new Set(
    patterns.flatMap(({ text }) => Array.from({ length: gram - 1 }, (_, i) => text.slice(0, i + 1))),
  );
  const longest = patterns.reduce((most, { text }) => Math.max(most, text.length), 0);

  const ranges = (text: string): readonly Range[] => {
    const found: Range[] = [];
    // Most texts are short and hold no secret, which the runtime's own search finds sooner than the pass below is warm.
    if (text.length < shortText && !patterns.some((pattern) => text.includes(pattern.text))) return found;
    for (let at = 0; at + gram <= text.length; at++) {
      const slot = slotAt(text, at, gram);
      if (table[slot] === 0) continue;
      for (const pattern of buckets.get(slot) ?? []) {
        if (text.startsWith(pattern.text, at)) addRange(found, widen(text, at, pattern));
      }
    }
    return found;
  };

  const pending = (text: string): number => {
    for (let at = Math.max(0, text.length - longest); at < text.length; at++) {
      const tail = text.slice(at);
      if (tail.length < gram) {
        if (beginnings.has(tail)) return at;
        continue;
      }
      const slot = slotAt(text, at, gram);
      if (table[slot] && buckets.get(slot)?.some((pattern) => isUnfinished(tail, pattern))) return at;
    }
    return text.length;
  };
  return { ranges, pending };
}

/** A form cut off by the end of the text, or one whose last, mixed base64 digit has yet to come. */
function isUnfinished(tail: string, pattern: Pattern): boolean {
  if (tail.length < pattern.text.length) return pattern.text.startsWith(tail);
  return pattern.after && tail === pattern.text;
}

/** The first `gram` characters in 16 bits; different texts may share a slot, equal ones always do. */
function slotAt(text: string, at: number, gram: number): number {
  let slot = 0;
  for (let i = 0; i < gram; i++) slot = (Math.imul(slot, 0x9e35) + text.charCodeAt(at + i)) | 0;
  return (slot ^ (slot >>> 15)) & 0xffff;
}

function widen(text: string, at: number, pattern: Pattern): Range {
  const end = at + pattern.text.length;
  return {
    from: pattern.before && isBase64Digit(text.charCodeAt(at - 1)) ? at - 1 : at,
    to: pattern.after && isBase64Digit(text.charCodeAt(end)) ? end + 1 : end,
    label: pattern.label,
  };
}

/** Of either alphabet; false for the NaN beyond the ends of a text. */
function isBase64Digit(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true;
  const folded = code | 0x20;
  return (folded >= 0x61 && folded <= 0x7a) || code === 0x2b || code === 0x2d || code === 0x2f || code === 0x5f;
}

/** Adds a range that begins no earlier than one character before the last one's beginning; the longer one's label stays. */
function addRange(found: Range[], range: Range): void {
  let { from, to, label } = range;
  for (let last = found.at(-1); last && from < last.to; last = found.at(-1)) {
    if (last.to - last.from >= to - from) label = last.label;
    from = Math.min(from, last.from);
    to = Math.max(to, last.to);
    found.pop();
  }
  found.push({ from, to, label });
}

function splice(text: string, ranges: readonly Range[], start: number, end: number): string {
  let out = "";
  let at = start;
  for (const { from, to, label } of ranges) {
    if (from >= end) break;
    out += text.slice(at, from) + label;
    at = to;
  }
  return at === 0 ? text.slice(0, end) : out + text.slice(at, end);
}

function scrubStream(search: Search): ScrubStream {
  let kept = "";
  const flush = (upTo: number, ranges: readonly Range[]) => {
    const out = splice(kept, ranges, 0, upTo);
    kept = kept.slice(upTo);
    return out;
  };
  return {
    push(chunk) {
      kept += chunk;
      const ranges = search.ranges(kept);
      return flush(safeEnd(kept, search.pending(kept), ranges), ranges);
    },
    end: () => flush(kept.length, search.ranges(kept)),
  };
}

/** The last place before `pending` at which the text can be cut: in no range, in no surrogate pair, keeping a digit that a form may claim. */
function safeEnd(text: string, pending: number, ranges: readonly Range[]): number {
  let end = pending;
  if (isBase64Digit(text.charCodeAt(end - 1))) end--;
  if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
  for (const { from, to } of ranges) if (from < end && end < to) return from;
  return end;
}

/** A number in which a secret's digits merely occur stays; one that is the secret, digit for digit, does not. */
function scrubJson(value: Json, text: (input: string) => string, whole: (input: string) => string | undefined): Json {
  if (typeof value === "string") return text(value);
  if (typeof value === "number") return whole(JSON.stringify(value)) ?? value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each: Json) => scrubJson(each, text, whole));
  const out = new Map<string, Json>();
  for (const [key, member] of Object.entries(value))
    out.set(freeKey(out, text(key), text), scrubJson(member, text, whole));
  // fromEntries defines own properties, so a key named __proto__ stays a key.
  return Object.fromEntries(out);
}

/** Two keys that become one would lose a member, so the second gets a number. */
function freeKey(taken: ReadonlyMap<string, Json>, key: string, text: (input: string) => string): string {
  for (let n = 2, candidate = key; ; n++) {
    if (!taken.has(candidate) && text(candidate) === candidate) return candidate;
    candidate = `${key}#${n}`;
  }
}

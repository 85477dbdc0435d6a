/** Ways text can be wrapped on its way out, taken off again: what it says inside, and where in the outer text each part stands. */

export type Wrapping = "percent" | "base64" | "hex";

export interface Unwrapped {
  readonly wrapping: Wrapping;
  /** The text inside. */
  readonly text: string;
  /** Where a range of `text` stands in the outer text. */
  readonly outer: (from: number, to: number) => readonly [from: number, to: number];
}

/** Each reading of a text under some encoding; nothing for text that is in none. */
export function unwrap(text: string): readonly Unwrapped[] {
  const percent = percentIn(text);
  return [...(percent ? [percent] : []), ...runsIn(text), ...labelsIn(text)];
}

/** Percent escapes and `+` for a space, each byte by itself: what is no UTF-8 is read as Latin-1 would. */
function percentIn(text: string): Unwrapped | undefined {
  if (!/%[0-9a-fA-F]{2}/.test(text)) return undefined;
  const bytes: number[] = [];
  const starts: number[] = [];
  const source = Buffer.from(text, "utf8");
  // Offsets are of the outer text's units: bytes that begin a character count one or two of them.
  let unit = 0;
  for (let i = 0; i < source.length;) {
    const escaped = source[i] === 0x25 ? hexAt(source, i + 1) : undefined;
    const byte = source[i] ?? 0;
    bytes.push(escaped ?? (byte === 0x2b ? 0x20 : byte));
    starts.push(unit);
    unit += escaped === undefined ? unitsOf(byte) : 3;
    i += escaped === undefined ? 1 : 3;
  }
  starts.push(unit);
  return { wrapping: "percent", ...decoded(bytes, (from, to) => [starts[from] ?? 0, starts[to] ?? text.length]) };
}

/** How many UTF-16 units the character adds that begins with this byte of UTF-8; none for a byte within one. */
function unitsOf(byte: number): number {
  if ((byte & 0xc0) === 0x80) return 0;
  return byte >= 0xf0 ? 2 : 1;
}

function hexAt(source: Uint8Array, at: number): number | undefined {
  const digits = String.fromCharCode(source[at] ?? 0, source[at + 1] ?? 0);
  return /^[0-9a-fA-F]{2}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

const minRun = 12;

/** Long runs of digits of base64 or base16: what stands before the message may shift its groups, so each shift is read. */
function runsIn(text: string): readonly Unwrapped[] {
  const found: Unwrapped[] = [];
  for (const match of text.matchAll(/[A-Za-z0-9+/_-]{12,}/g)) {
    const [run] = match;
    for (let shift = 0; shift < 4; shift++) {
      const inside = fromBase64(run.slice(shift));
      if (inside) found.push({ wrapping: "base64", ...scaled(inside, match.index + shift, 4 / 3, text.length) });
    }
  }
  for (const match of text.matchAll(/(?:[0-9a-fA-F]{2}[: -]?){6,}/g)) {
    const digits = match[0].replace(/[: -]/g, "");
    for (let shift = 0; shift < 2; shift++) {
      const inside = Buffer.from(digits.slice(shift), "hex");
      const each = match[0].length / Math.max(1, inside.length);
      found.push({ wrapping: "hex", ...scaled(inside, match.index, each, text.length) });
    }
  }
  return found;
}

/** A host's labels are short, so what is carried in them is cut up: read as one. */
function labelsIn(text: string): readonly Unwrapped[] {
  const found: Unwrapped[] = [];
  for (const match of text.matchAll(/[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){2,}/g)) {
    const labels = match[0].split(".");
    // The rest of the name is the carrier's own.
    for (let last = labels.length; last >= 2; last--) {
      const joined = labels.slice(0, last).join("");
      if (joined.length < minRun) continue;
      const whole = () => [match.index, match.index + match[0].length] as const;
      if (/^(?:[0-9a-fA-F]{2})+$/.test(joined)) {
        found.push({ wrapping: "hex", text: legible(Buffer.from(joined, "hex")), outer: whole });
      }
      const inside = fromBase64(joined);
      if (inside) found.push({ wrapping: "base64", text: legible(inside), outer: whole });
      found.push({ wrapping: "percent", text: joined, outer: whole });
    }
  }
  return found;
}

function fromBase64(digits: string): Uint8Array | undefined {
  if (digits.length < minRun || !/^[A-Za-z0-9+/_-]+$/.test(digits)) return undefined;
  return Buffer.from(digits, "base64");
}

/** Bytes read as text, in which a range stands `each` times as wide outside. */
function scaled(bytes: Uint8Array, start: number, each: number, end: number): Pick<Unwrapped, "text" | "outer"> {
  return decoded(bytes, (from, to) => [
    Math.min(end, start + Math.floor(from * each)),
    Math.min(end, start + Math.ceil(to * each)),
  ]);
}

function decoded(
  bytes: ArrayLike<number>,
  outerOfBytes: (from: number, to: number) => readonly [number, number],
): Pick<Unwrapped, "text" | "outer"> {
  const source = Buffer.from(bytes as number[]);
  const text = legible(source);
  const isLatin = text.length === source.length;
  if (isLatin) return { text, outer: outerOfBytes };
  const starts: number[] = [];
  let at = 0;
  for (const character of text) {
    for (let n = 0; n < character.length; n++) starts.push(at);
    at += Buffer.byteLength(character, "utf8");
  }
  starts.push(at);
  return { text, outer: (from, to) => outerOfBytes(starts[from] ?? 0, starts[to] ?? at) };
}

/** UTF-8 where it is that, else one character a byte. */
function legible(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes);
  const text = buffer.toString("utf8");
  return text.includes("\ufffd") ? buffer.toString("latin1") : text;
}

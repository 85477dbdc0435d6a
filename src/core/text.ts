/** Text measured in UTF-8 bytes and cut only between code points. */
import { Fault } from "./fault.ts";

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

export function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** UTF-8 bytes as text, or undefined when they are not well-formed UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The largest n <= max such that the first n bytes end on a code point boundary. */
export function codePointBoundary(bytes: Uint8Array, max: number): number {
  if (bytes.length <= max) return bytes.length;
  let end = max;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return end;
}

/** The longest prefix of at most `maxBytes` UTF-8 bytes that does not split a code point. */
export function cut(text: string, maxBytes: number): { readonly text: string; readonly truncated: boolean } {
  if (text.length * 3 <= maxBytes || byteLength(text) <= maxBytes) return { text, truncated: false };
  const bytes = encoder.encode(text);
  return { text: strict.decode(bytes.subarray(0, codePointBoundary(bytes, maxBytes))), truncated: true };
}

/** Text from outside the process: throws `invalid_argument` when it is not UTF-8 or holds a NUL. */
export function cleanText(bytes: Uint8Array, what: string): string {
  const text = fromUtf8(bytes);
  if (text === undefined) {
    throw new Fault("invalid_argument", `${what} is not valid UTF-8`, { hint: "convert it to UTF-8 first" });
  }
  return refuseNul(text, what);
}

export function refuseNul(text: string, what: string): string {
  if (text.includes("\0")) {
    throw new Fault("invalid_argument", `${what} contains a NUL byte`, { hint: "remove the NUL byte" });
  }
  if (!text.isWellFormed()) {
    throw new Fault("invalid_argument", `${what} is not valid Unicode`, { hint: "remove the lone surrogate" });
  }
  return text;
}

/** SHA-256 (FIPS 180-4), constant-time comparison, and strict base64 (RFC 4648 section 4). */
import { timingSafeEqual } from "node:crypto";
import { Fault } from "../core/fault.ts";

/** SHA-256 of the concatenation of `parts`; 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) {
    const digest = new Uint8Array(32);
    Bun.SHA256.hash(only, digest);
    return digest;
  }
  const hasher = new Bun.CryptoHasher("sha256");
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

/** SHA-256 as 64 lowercase hexadecimal digits. */
export function sha256Hex(...parts: readonly Uint8Array[]): string {
  return Buffer.from(sha256(...parts)).toString("hex");
}

/** Whether two byte strings are equal, in time that depends on their lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Standard base64 with padding. */
export function base64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/**
 * The bytes of a standard base64 text. Throws `invalid_argument` unless it is exactly what `base64` would write:
 * no white space, no missing padding, no URL alphabet, no stray bits after the last byte.
 */
export function fromBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) throw new Fault("invalid_argument", "text is not standard base64");
  return new Uint8Array(bytes);
}

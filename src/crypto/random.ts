/** Randomness from the operating system's generator. */
import { randomFillSync } from "node:crypto";

/** `length_bytes` unpredictable bytes (getrandom(2) through the runtime's CSPRNG). */
export function randomBytes(length_bytes: number): Uint8Array {
  return randomFillSync(new Uint8Array(length_bytes));
}

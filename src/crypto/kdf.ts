/** Key derivation: HMAC-SHA-256 (RFC 2104), HKDF-SHA-256 (RFC 5869) and Argon2id (RFC 9106), all native. */
import { argon2Sync, createHmac, hkdfSync } from "node:crypto";
import { Fault } from "../core/fault.ts";

/** HMAC-SHA-256 over the concatenation of `parts`; 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
}

/** HKDF-SHA-256, extract and expand (RFC 5869 section 2); `length_bytes` at most 255 * 32. */
export function hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length_bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, salt, info, length_bytes));
}

/** What one guess of a passphrase costs. */
export interface Argon2Cost {
  readonly memory_kib: number;
  readonly passes: number;
  readonly lanes: number;
}

/**
 * What is accepted from a file: not below OWASP's minimum, so that nobody weakens a key file unseen, and not above what a
 * machine can give, so that opening one cannot exhaust it.
 */
export const argon2Bounds = {
  memory_kib: { min: 19_456, max: 1_048_576 },
  passes: { min: 2, max: 16 },
  lanes: { min: 1, max: 4 },
} as const;

/** Argon2id of a passphrase with a 16-byte salt; 32 bytes. Throws `invalid_argument` for a cost outside `argon2Bounds`. */
export function argon2id(passphrase: Uint8Array, salt: Uint8Array, cost: Argon2Cost): Uint8Array {
  for (const field of ["memory_kib", "passes", "lanes"] as const) {
    const { min, max } = argon2Bounds[field];
    if (!Number.isInteger(cost[field]) || cost[field] < min || cost[field] > max) {
      throw new Fault("invalid_argument", `argon2id ${field} ${cost[field]} is not within ${min} to ${max}`);
    }
  }
  return argon2idUnbounded(passphrase, salt, cost);
}

/** Argon2id (RFC 9106 section 3) with every input the standard names and no bounds on the cost; 32 bytes. */
export function argon2idUnbounded(
  passphrase: Uint8Array,
  salt: Uint8Array,
  cost: Argon2Cost,
  extra: { readonly secret?: Uint8Array; readonly associated?: Uint8Array } = {},
): Uint8Array {
  const tag = argon2Sync("argon2id", {
    message: passphrase,
    nonce: salt,
    memory: cost.memory_kib,
    passes: cost.passes,
    parallelism: cost.lanes,
    tagLength: 32,
    ...(extra.secret ? { secret: extra.secret } : {}),
    ...(extra.associated ? { associatedData: extra.associated } : {}),
  });
  return new Uint8Array(tag);
}

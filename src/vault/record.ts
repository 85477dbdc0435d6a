/** One secret at rest: XChaCha20-Poly1305 under the epoch's key, with everything about the secret as associated data. */
import * as v from "valibot";
import { canonicalize, parseCanonical } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { check, integer } from "../core/schema.ts";
import { utf8 } from "../core/text.ts";
import { aeadNonceBytes, open, seal } from "../crypto/aead.ts";
import { base64, fromBase64 } from "../crypto/hash.ts";
import { randomBytes } from "../crypto/random.ts";
import { subKey } from "./master-key.ts";

const counter = integer(1, Number.MAX_SAFE_INTEGER);

const storedRecord = v.strictObject({
  v: v.literal(1),
  epoch: counter,
  name: v.string(),
  version: counter,
  /** Destinations the value may be sent to by reference: `host:NAME`, `command:NAME`; sorted. */
  allow: v.array(v.string()),
  created_at: v.string(),
  nonce: v.string(),
  /** base64 of ciphertext and tag. */
  ct: v.string(),
});
export type SecretRecord = v.InferOutput<typeof storedRecord>;

/** What is true of a record beside its value; all of it is authenticated. */
export type RecordFacts = Omit<SecretRecord, "v" | "nonce" | "ct">;

/** The master key and the store it belongs to. */
export interface StoreKey {
  readonly master: Uint8Array;
  readonly store: string;
}

export function sealRecord(key: StoreKey, facts: RecordFacts, value: Uint8Array): SecretRecord {
  const nonce = randomBytes(aeadNonceBytes);
  const ct = withEpochKey(key, facts.epoch, (epochKey) => seal(epochKey, nonce, value, associated(key.store, facts)));
  return { v: 1, ...facts, nonce: base64(nonce), ct: base64(ct) };
}

/** The value. Throws `data_loss` when the record was made for another store, name, version, epoch, time or binding. */
export function openRecord(key: StoreKey, record: SecretRecord): Uint8Array {
  const { v: _, nonce, ct, ...facts } = record;
  const value = withEpochKey(key, facts.epoch, (epochKey) =>
    open(epochKey, fromBase64(nonce), fromBase64(ct), associated(key.store, facts)),
  );
  if (value !== undefined) return value;
  throw new Fault("data_loss", `the record of secret "${facts.name}" does not authenticate`, {
    hint: "restore the vault from a backup, or set the secret again",
  });
}

/** The bytes of a record's file. */
export function writeRecord(record: SecretRecord): string {
  return canonicalize(record);
}

/** Throws `invalid_argument` for anything `writeRecord` would not have written. */
export function parseRecord(text: string): SecretRecord {
  return check(storedRecord, parseCanonical(text), "record");
}

function withEpochKey<T>(key: StoreKey, epoch: number, work: (epochKey: Uint8Array) => T): T {
  const epochKey = subKey(key.master, key.store, `secret/v1/${epoch}`);
  try {
    return work(epochKey);
  } finally {
    epochKey.fill(0);
  }
}

/** Each part behind its length (4 bytes, big endian), so that no two lists of parts give the same bytes. */
function associated(store: string, facts: RecordFacts): Uint8Array {
  const { name, version, epoch, created_at, allow } = facts;
  const parts = ["reeve-secret/v1", store, name, String(version), String(epoch), created_at, canonicalize(allow)].map(
    utf8,
  );
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}

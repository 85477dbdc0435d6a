/** The log's key pair and the identity that follows from it: one Ed25519 and one ML-DSA-44 key under one origin. */
import { Fault } from "../core/fault.ts";
import { utf8 } from "../core/text.ts";
import { sha256 } from "../crypto/hash.ts";
import { randomBytes } from "../crypto/random.ts";
import { ed25519, mldsa44 } from "../crypto/sign.ts";
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from "./note.ts";

/** Seeds of 32 bytes each. */
export interface LogKey {
  readonly ed25519_seed: Uint8Array;
  readonly mldsa44_seed: Uint8Array;
}

export interface LogIdentity {
  /** First line of every checkpoint, name of both keys, and `log` of every entry. */
  readonly origin: string;
  /** C2SP vkey lines: Ed25519, then ML-DSA-44. */
  readonly verifier_keys: readonly string[];
  /** The same two keys as bytes. */
  readonly public_keys: { readonly ed25519: Uint8Array; readonly mldsa44: Uint8Array };
}

export interface PinnedKeys {
  readonly origin: string;
  readonly keys: readonly VerifierKey[];
}

/** Signature types of c2sp.org/signed-note. */
export const noteType = { ed25519: 0x01, mldsa44: 0x06 } as const;

export function newLogKey(): LogKey {
  return { ed25519_seed: randomBytes(32), mldsa44_seed: randomBytes(32) };
}

export function identityOf(key: LogKey): LogIdentity {
  const classic = ed25519.publicKey(key.ed25519_seed);
  const quantum = mldsa44.publicKey(key.mldsa44_seed);
  const origin = originOf(classic);
  return {
    origin,
    public_keys: { ed25519: classic, mldsa44: quantum },
    verifier_keys: [
      formatVerifierKey(origin, noteType.ed25519, classic),
      formatVerifierKey(origin, noteType.mldsa44, quantum),
    ],
  };
}

/**
 * The keys of one log as pinned by its operator: one of each type, both under the origin that the Ed25519 key gives.
 * Blank lines and lines that begin with `#` are skipped. Throws `invalid_argument` for anything else.
 */
export function parsePinnedKeys(lines: readonly string[]): PinnedKeys {
  const keys = lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(parseVerifierKey);
  const classic = keys.find((key) => key.type === noteType.ed25519);
  const quantum = keys.find((key) => key.type === noteType.mldsa44);
  const origin = classic ? originOf(classic.public_key) : "";
  if (keys.length !== 2 || !quantum || keys.some((key) => key.name !== origin)) {
    throw new Fault("invalid_argument", "the key file does not hold the two keys of one ledger", {
      hint: "it holds two lines, as `reeve init` wrote them outside the home",
    });
  }
  return { origin, keys };
}

/** `agent-ledger/` and 26 base32 digits (130 bits) of the hash of the Ed25519 vkey under the name `agent-ledger`. */
function originOf(classic: Uint8Array): string {
  const line = formatVerifierKey("agent-ledger", noteType.ed25519, classic);
  return `agent-ledger/${base32(sha256(utf8(line))).slice(0, 26)}`;
}

/** RFC 4648 section 6 in lowercase, without padding or a last partial digit. */
function base32(bytes: Uint8Array): string {
  let out = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += "abcdefghijklmnopqrstuvwxyz234567"[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return out;
}

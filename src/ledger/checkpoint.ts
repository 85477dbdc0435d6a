/**
 * C2SP tlog-checkpoint: a signed note over origin, size and root. Ours carries two signatures of the log, Ed25519 over the
 * text (type 0x01) and ML-DSA-44 as a timestamped cosignature of the log itself (type 0x06, c2sp.org/tlog-cosignature).
 */
import { Fault } from "../core/fault.ts";
import { byteLength, utf8 } from "../core/text.ts";
import { base64, fromBase64 } from "../crypto/hash.ts";
import { ed25519, mldsa44 } from "../crypto/sign.ts";
import { identityOf, type LogIdentity, type LogKey, noteType } from "./key.ts";
import {
  keyId,
  type NoteSigner,
  type NoteVerifier,
  parseNote,
  signNote,
  type VerifierKey,
  verifyNote,
} from "./note.ts";
import { hash_bytes } from "./tree.ts";

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** The note text: three lines. */
function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${base64(root)}\n`;
}

/**
 * Reads a note text. Refused with `invalid_argument`: other than three lines (extension lines are not covered by the
 * second signature), a size with leading zeros or above 2^53 - 1, a root that is not 32 bytes of standard base64.
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", root = "", rest, ...more] = text.split("\n");
  if (rest !== "" || more.length > 0 || origin === "") throw malformed("it does not have exactly three lines");
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) {
    throw malformed(`its size ${JSON.stringify(size.slice(0, 24))} is not a number of entries`);
  }
  const hash = fromBase64(root);
  if (hash.length !== hash_bytes) throw malformed("its root is not 32 bytes");
  return { origin, size: Number(size), root: hash };
}

/** The checkpoint in a note whose signatures were not looked at. */
export function readCheckpoint(note: string): Checkpoint {
  return parseCheckpoint(parseNote(note).text);
}

/**
 * The checkpoint in a note signed by every one of `verifiers`. Throws `invalid_argument` when it is not a checkpoint and
 * `unauthenticated` when a signature is wrong or missing: a thief of one key cannot speak for the log.
 */
export function openCheckpoint(note: string, verifiers: readonly NoteVerifier[]): Checkpoint {
  const { text, signed } = verifyNote(note, verifiers);
  const checkpoint = parseCheckpoint(text);
  if (signed.length < verifiers.length || verifiers.some((each) => each.name !== checkpoint.origin)) {
    throw new Fault("unauthenticated", "the checkpoint lacks a signature of one of the log's keys", {
      hint: "compare the pinned key with the one the log was created with",
    });
  }
  return checkpoint;
}

/** A note's checkpoint, or the faults of `openCheckpoint`. */
export type OpenNote = (note: string) => Checkpoint;

/** `openCheckpoint` for one log's keys, which looks at the same note once. */
export function noteOpener(verifiers: readonly NoteVerifier[]): OpenNote {
  const opened = new Map<string, Checkpoint>();
  return (note) => {
    const known = opened.get(note) ?? openCheckpoint(note, verifiers);
    opened.set(note, known);
    return known;
  };
}

/** The note of a checkpoint with a line of every signer. */
export function signCheckpoint(checkpoint: Checkpoint, signers: readonly NoteSigner[]): string {
  return signNote(formatCheckpoint(checkpoint), signers);
}

/** The two signers of a log; `now_ms` is asked at each signature. */
export function signersOf(
  key: LogKey,
  now_ms: () => number,
  { origin, public_keys }: LogIdentity = identityOf(key),
): readonly NoteSigner[] {
  const signClassic = ed25519.signer(key.ed25519_seed);
  const signQuantum = mldsa44.signer(key.mldsa44_seed);
  return [
    {
      name: origin,
      id: keyId(origin, noteType.ed25519, public_keys.ed25519),
      sign: (text) => signClassic(utf8(text)),
    },
    {
      name: origin,
      id: keyId(origin, noteType.mldsa44, public_keys.mldsa44),
      sign(text) {
        const timestamp = Buffer.alloc(8);
        timestamp.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(now_ms() / 1000))));
        const message = cosignedMessage(origin, timestamp, parseCheckpoint(text));
        return Buffer.concat([timestamp, signQuantum(message)]);
      },
    },
  ];
}

/** The check that goes with a verifier key. Throws `unimplemented` for other signature types. */
export function verifierOf({ name, id, type, public_key }: VerifierKey): NoteVerifier {
  if (type === noteType.ed25519) {
    return { name, id, verify: (text, signature) => ed25519.verify(public_key, utf8(text), signature) };
  }
  if (type === noteType.mldsa44) {
    return {
      name,
      id,
      verify(text, signature) {
        if (signature.length !== 8 + mldsa44.signature_bytes || (signature[0] ?? 0) > 0x7f) return false;
        const message = cosignedMessage(name, signature.subarray(0, 8), parseCheckpoint(text));
        return mldsa44.verify(public_key, message, signature.subarray(8));
      },
    };
  }
  throw new Fault("unimplemented", `signatures of type 0x${type.toString(16).padStart(2, "0")} are not known`);
}

/** `cosigned_message` of c2sp.org/tlog-cosignature for a whole tree: start 0, end the size. */
function cosignedMessage(cosigner: string, timestamp: Uint8Array, { origin, size, root }: Checkpoint): Uint8Array {
  const range = Buffer.alloc(16);
  range.writeBigUInt64BE(BigInt(size), 8);
  return Buffer.concat([utf8("subtree/v1\n\0"), named(cosigner), timestamp, named(origin), range, root]);
}

/** `opaque<1..2^8-1>` of RFC 8446 section 3.4: one length byte, then the text. */
function named(text: string): Uint8Array {
  const length = byteLength(text);
  if (length < 1 || length > 255) throw malformed("a name in it is not 1 to 255 bytes long");
  return Buffer.concat([Uint8Array.of(length), utf8(text)]);
}

function malformed(why: string): Fault {
  return new Fault("invalid_argument", `not a checkpoint: ${why}`);
}

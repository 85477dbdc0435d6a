/**
 * The master key on disk: `master.key`, either the 32 bytes themselves or, under a passphrase, a wrapped form whose
 * damage (`data_loss`) and whose wrong passphrase (`unauthenticated`) are told apart before anything is decrypted.
 */
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { syncDirectory } from "../core/atomic.ts";
import { canonicalize, parseCanonical } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { check } from "../core/schema.ts";
import { fromUtf8, utf8 } from "../core/text.ts";
import { aeadNonceBytes, open, seal } from "../crypto/aead.ts";
import { base64, equalBytes, fromBase64, sha256 } from "../crypto/hash.ts";
import { type Argon2Cost, argon2Bounds, argon2id, hkdfSha256 } from "../crypto/kdf.ts";
import { randomBytes } from "../crypto/random.ts";
import { checkPrivateDirectory, readOwned } from "./private-file.ts";

const keyBytes = 32;
const maxFileBytes = 4096;

const bounded = ({ min, max }: { readonly min: number; readonly max: number }) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

const wrappedKey = v.strictObject({
  v: v.literal(1),
  kdf: v.literal("argon2id"),
  memory_kib: bounded(argon2Bounds.memory_kib),
  passes: bounded(argon2Bounds.passes),
  lanes: bounded(argon2Bounds.lanes),
  salt: v.string(),
  nonce: v.string(),
  /** Commits to the key-encryption key: Poly1305 alone would let one file open under several passphrases. */
  commit: v.string(),
  ct: v.string(),
  /** SHA-256 of the canonical form of the other members. */
  check: v.string(),
});
type WrappedKey = v.InferOutput<typeof wrappedKey>;

export function masterKeyPath(keys: string): string {
  return join(keys, "master.key");
}

/** Writes a new master key into the directory `keys` (created 0700). Throws `already_exists` when there is one. */
export function createMasterKey(keys: string, passphrase?: string): Uint8Array {
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  checkPrivateDirectory(keys);
  const key = randomBytes(keyBytes);
  publish(masterKeyPath(keys), passphrase === undefined ? key : utf8(wrap(key, passphrase)));
  syncDirectory(keys);
  return key;
}

/** A file that appears whole, under a name nothing had before, or not at all: link(2) fails where rename(2) replaces. */
function publish(path: string, bytes: Uint8Array): void {
  const beside = `${path}.${process.pid}.${Bun.randomUUIDv7().slice(-12)}.tmp`;
  const fd = openSync(beside, "wx", 0o600);
  try {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    linkSync(beside, path);
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Whether opening the vault will ask for a passphrase. Throws as `readMasterKey` does for an unfit file. */
export function isWrapped(keys: string): boolean {
  return read(keys).length !== keyBytes;
}

/**
 * The master key. `ask` is called only for a wrapped key. Throws `not_found` without a file, `failed_precondition` for a
 * link, a foreign owner or group or other permission bits, `unauthenticated` for a wrong or missing passphrase,
 * `data_loss` for a damaged file.
 */
export async function readMasterKey(keys: string, ask?: () => Promise<string | undefined>): Promise<Uint8Array> {
  const bytes = read(keys);
  if (bytes.length === keyBytes) return bytes;
  const path = masterKeyPath(keys);
  const wrapped = parse(bytes, path);
  const passphrase = await ask?.();
  if (passphrase === undefined) {
    throw new Fault("unauthenticated", "the vault's key is protected by a passphrase and none was given", {
      hint: "pass --passphrase-file FILE, or run in a terminal to be asked for it",
    });
  }
  return unwrap(wrapped, passphrase, path);
}

function read(keys: string): Uint8Array {
  checkPrivateDirectory(keys);
  return readOwned(masterKeyPath(keys), { max_bytes: maxFileBytes, private: true });
}

function parse(bytes: Uint8Array, path: string): WrappedKey {
  try {
    const wrapped = check(wrappedKey, parseCanonical(fromUtf8(bytes) ?? ""), "key file");
    const { check: sum, ...rest } = wrapped;
    if (!equalBytes(fromBase64(sum), sha256(utf8(canonicalize(rest))))) throw damaged(path);
    return wrapped;
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause?: unknown): Fault {
  return new Fault("data_loss", `${path} is damaged or half-written`, {
    hint: "restore the file from a backup",
    cause,
  });
}

function wrap(key: Uint8Array, passphrase: string): string {
  const cost = defaultCost();
  const salt = randomBytes(16);
  const nonce = randomBytes(aeadNonceBytes);
  const { secret, commitment } = stretch(passphrase, salt, cost);
  const header = {
    v: 1,
    kdf: "argon2id",
    ...cost,
    salt: base64(salt),
    nonce: base64(nonce),
    commit: base64(commitment),
  };
  const ct = base64(seal(secret, nonce, key, utf8(canonicalize(header))));
  const body = { ...header, ct };
  return canonicalize({ ...body, check: base64(sha256(utf8(canonicalize(body)))) });
}

function unwrap(wrapped: WrappedKey, passphrase: string, path: string): Uint8Array {
  const { check: _, ct, ...header } = wrapped;
  const { memory_kib, passes, lanes } = header;
  const { secret, commitment } = stretch(passphrase, fromBase64(header.salt), { memory_kib, passes, lanes });
  if (!equalBytes(commitment, fromBase64(header.commit))) {
    throw new Fault("unauthenticated", "the passphrase does not open the vault's key", {
      hint: "check the passphrase and try again",
    });
  }
  const key = open(secret, fromBase64(header.nonce), fromBase64(ct), utf8(canonicalize(header)));
  if (key?.length !== keyBytes) throw damaged(path);
  return key;
}

/** Argon2id, then separate keys for sealing and for the commitment. The passphrase counts in NFC, however it was typed. */
function stretch(passphrase: string, salt: Uint8Array, cost: Argon2Cost) {
  if (passphrase === "")
    throw new Fault("invalid_argument", "the passphrase is empty", { hint: "choose one of several words" });
  const root = argon2id(utf8(passphrase.normalize("NFC")), salt, cost);
  const secret = hkdfSha256(root, salt, utf8("reeve-master-key/v1 seal"), 32);
  const commitment = hkdfSha256(root, salt, utf8("reeve-master-key/v1 commit"), 32);
  return { secret, commitment };
}

/** RFC 9106's second choice; OWASP's minimum on boards where 64 MiB would be an eighth of the memory or more. */
function defaultCost(): Argon2Cost {
  const small = totalmem() <= 512 * 1024 * 1024;
  return small ? { memory_kib: 19_456, passes: 2, lanes: 1 } : { memory_kib: 65_536, passes: 3, lanes: 1 };
}

/** A key for one purpose within one store: HKDF-SHA-256 with the store's id as salt. */
export function subKey(master: Uint8Array, store: string, purpose: string): Uint8Array {
  return hkdfSha256(master, utf8(store), utf8(`reeve-vault/${purpose}`), 32);
}

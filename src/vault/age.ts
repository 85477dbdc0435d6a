/** Secrets in and out as an age file (age-encryption.org/v1): one canonical JSON inside, all of it or nothing. */
import * as v from "valibot";
import { canonicalize, parseCanonical } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { check } from "../core/schema.ts";
import { fromUtf8, utf8 } from "../core/text.ts";
import { base64, fromBase64 } from "../crypto/hash.ts";
import { checkBindings, checkSecretName, checkSecretValue, isInternal, type SecretContent } from "./name.ts";

/** A passphrase, or public keys in age's own notation (`age1...`). */
export type AgeTarget = { readonly passphrase: string } | { readonly recipients: readonly string[] };
/** A passphrase, or private keys in age's own notation (`AGE-SECRET-KEY-1...`). */
export type AgeSource = { readonly passphrase: string } | { readonly identities: readonly string[] };

/** scrypt cost, log2: what a small board computes in about a second. */
const workFactor = 15;
/** A file may ask for at most this, 256 MiB; age's own default. */
const maxWorkFactor = 18;
const intro = "age-encryption.org/v1\n";

const payloadSchema = v.strictObject({
  v: v.literal(1),
  secrets: v.array(v.strictObject({ name: v.string(), value: v.string(), allow: v.array(v.string()) })),
});

/** An age file with these secrets. Throws `invalid_argument` for an empty passphrase or a malformed recipient. */
export async function sealAge(secrets: ReadonlyMap<string, SecretContent>, to: AgeTarget): Promise<Uint8Array> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  if ("passphrase" in to) {
    encrypter.setPassphrase(checkPassphrase(to.passphrase));
    encrypter.setScryptWorkFactor(workFactor);
  } else {
    addAll(to.recipients, "recipient", (recipient) => encrypter.addRecipient(recipient));
  }
  const rows = [...secrets].map(([name, { value, allow }]) => ({ name, value: base64(value), allow }));
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  return encrypter.encrypt(utf8(canonicalize({ v: 1, secrets: rows })));
}

/**
 * The secrets of an age file, binary or armored. Throws `unauthenticated` when passphrase or identities do not open it,
 * `data_loss` when it was damaged, `resource_exhausted` when its scrypt cost is out of bounds, and `invalid_argument` when
 * it is no age file, holds anything else than an export, or a single entry is unfit.
 */
export async function openAge(file: Uint8Array, source: AgeSource): Promise<ReadonlyMap<string, SecretContent>> {
  const { Decrypter, armor } = await import("age-encryption");
  const bytes = binary(file, armor.decode);
  checkWorkFactor(bytes);
  const decrypter = new Decrypter();
  if ("passphrase" in source) decrypter.addPassphrase(checkPassphrase(source.passphrase));
  else addAll(source.identities, "identity", (identity) => decrypter.addIdentity(identity));
  const payload = await decrypter.decrypt(bytes).catch((cause: unknown) => {
    throw refused(cause);
  });
  return contents(payload);
}

function checkPassphrase(passphrase: string): string {
  if (passphrase !== "") return passphrase;
  throw new Fault("invalid_argument", "the passphrase is empty", { hint: "choose one of several words" });
}

function addAll(keys: readonly string[], what: string, add: (key: string) => void): void {
  if (keys.length === 0)
    throw new Fault("invalid_argument", `no age ${what} was given`, { hint: `name at least one ${what}` });
  for (const [at, key] of keys.entries()) {
    try {
      add(key);
    } catch (cause) {
      // An identity is itself a secret: it is counted, not shown.
      throw new Fault("invalid_argument", `age ${what} ${at + 1} is malformed`, {
        hint: "copy the whole line age-keygen printed",
        cause,
      });
    }
  }
}

function binary(file: Uint8Array, decode: (text: string) => Uint8Array): Uint8Array {
  const start = fromUtf8(file.subarray(0, intro.length));
  if (start === intro) return file;
  try {
    const bytes = start === undefined ? undefined : decode(fromUtf8(file) ?? "");
    if (bytes && fromUtf8(bytes.subarray(0, intro.length)) === intro) return bytes;
  } catch (cause) {
    throw notAge(cause);
  }
  throw notAge();
}

function notAge(cause?: unknown): Fault {
  return new Fault("invalid_argument", "this is not an age file", {
    hint: "give the file that `reeve secrets export` or age wrote",
    cause,
  });
}

/** Read before any work is done: scrypt at 2^20 would take a gigabyte. */
function checkWorkFactor(bytes: Uint8Array): void {
  const header = Buffer.from(bytes.subarray(0, 200)).toString("latin1");
  const [, factor] = /^-> scrypt \S+ (\d+)$/m.exec(header) ?? [];
  if (factor === undefined || Number(factor) <= maxWorkFactor) return;
  throw new Fault(
    "resource_exhausted",
    `the age file asks for scrypt work factor ${factor}, more than ${maxWorkFactor}`,
    {
      hint: `encrypt it again with a work factor of at most ${maxWorkFactor}`,
    },
  );
}

function refused(cause: unknown): Fault {
  if (cause instanceof Error && cause.message === "no identity matched any of the file's recipients") {
    return new Fault("unauthenticated", "the passphrase or identity does not open the age file", {
      hint: "check it and try again",
      cause,
    });
  }
  return new Fault("data_loss", "the age file is damaged", {
    hint: "get another copy of it; nothing was imported",
    cause,
  });
}

function contents(payload: Uint8Array): ReadonlyMap<string, SecretContent> {
  const rows = check(payloadSchema, parseCanonical(fromUtf8(payload) ?? ""), "age payload").secrets;
  const secrets = new Map<string, SecretContent>();
  for (const row of rows) {
    const name = checkSecretName(row.name);
    if (isInternal(name) || secrets.has(name)) {
      const why = secrets.has(name) ? "stands in it twice" : "belongs to Reeve itself";
      throw new Fault("invalid_argument", `the age file cannot be imported: "${name}" ${why}`, {
        hint: "export the secrets again",
      });
    }
    secrets.set(name, { value: checkSecretValue(name, fromBase64(row.value)), allow: checkBindings(row.allow) });
  }
  return secrets;
}

/** The vault's table of contents: which record file is current for each secret, by hash, under a MAC. Replacing it is the commit. */
import * as v from "valibot";
import { canonicalize, parseCanonical } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { check, integer } from "../core/schema.ts";
import { utf8 } from "../core/text.ts";
import { base64, equalBytes, sha256, sha256Hex } from "../crypto/hash.ts";
import { hmacSha256 } from "../crypto/kdf.ts";
import { randomBytes } from "../crypto/random.ts";
import { subKey } from "./master-key.ts";

const counter = integer(1, Number.MAX_SAFE_INTEGER);

const manifestEntry = v.strictObject({
  name: v.string(),
  /** File name within `records/`. */
  file: v.string(),
  /** base64 SHA-256 of the file's bytes. */
  hash: v.string(),
});

const storedManifest = v.strictObject({
  v: v.literal(1),
  /** The store's random id; part of every key derivation and of every record's associated data. */
  store: v.string(),
  /** Grows by one with every change, so no two states of a store are alike. */
  serial: counter,
  epoch: counter,
  /** Commits to the master key, so that a foreign key is told from a damaged manifest. */
  commit: v.string(),
  /** Sorted by name. */
  records: v.array(manifestEntry),
  mac: v.string(),
});
export type ManifestEntry = v.InferOutput<typeof manifestEntry>;
export type Manifest = Omit<v.InferOutput<typeof storedManifest>, "v" | "commit" | "mac">;

export function newStoreId(): string {
  return base64(randomBytes(16));
}

/** The name of the file that holds a secret as of change `serial`: never derived in a readable way from the secret's name. */
export function recordFile(name: string, serial: number): string {
  return `${sha256Hex(utf8(name))}-${serial}.json`;
}

/** The manifest's file bytes; deterministic. */
export function writeManifest(master: Uint8Array, manifest: Manifest): string {
  const records = manifest.records.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const body = { v: 1, ...manifest, records, commit: base64(subKey(master, manifest.store, "commit/v1")) };
  return canonicalize({ ...body, mac: base64(macOf(master, manifest.store, canonicalize(body))) });
}

/** Throws `data_loss` naming `path` unless the text is a manifest written under this master key. */
export function readManifest(master: Uint8Array, text: string, path: string): Manifest {
  const { v: _, mac, commit, ...manifest } = parse(text, path);
  if (!sameBytes(commit, subKey(master, manifest.store, "commit/v1"))) {
    throw new Fault("data_loss", `${path} was not written with this master key`, {
      hint: "put back the master.key and the vault of the same backup",
    });
  }
  if (!sameBytes(mac, macOf(master, manifest.store, canonicalize({ v: 1, ...manifest, commit })))) throw damaged(path);
  return manifest;
}

/** What the ledger remembers of a state of the vault: base64 SHA-256 of the manifest's file bytes. */
export function manifestDigest(text: string): string {
  return base64(sha256(utf8(text)));
}

function parse(text: string, path: string): v.InferOutput<typeof storedManifest> {
  try {
    return check(storedManifest, parseCanonical(text), "manifest");
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause?: unknown): Fault {
  return new Fault("data_loss", `${path} is damaged or half-written`, {
    hint: "restore the whole vault directory from a backup; nothing was changed",
    cause,
  });
}

function macOf(master: Uint8Array, store: string, body: string): Uint8Array {
  return hmacSha256(subKey(master, store, "manifest/v1"), utf8(body));
}

/** False for text that is not base64 at all. */
function sameBytes(text: string, bytes: Uint8Array): boolean {
  return text.length === base64(bytes).length && equalBytes(utf8(text), utf8(base64(bytes)));
}

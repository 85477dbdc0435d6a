/** One consistent state of a vault as read from disk: the manifest and exactly the records it names. */
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { fromUtf8 } from "../core/text.ts";
import { base64, sha256 } from "../crypto/hash.ts";
import type { VaultPaths } from "./commit.ts";
import { type Manifest, type ManifestEntry, readManifest } from "./manifest.ts";
import { readOwned } from "./private-file.ts";
import { parseRecord, type SecretRecord } from "./record.ts";

/** A record and the line of the manifest that names it. */
export interface Held {
  readonly entry: ManifestEntry;
  readonly record: SecretRecord;
}

export interface Snapshot {
  /** The manifest's file bytes. */
  readonly text: string;
  readonly manifest: Manifest;
  readonly held: ReadonlyMap<string, Held>;
}

const maxManifestBytes = 64 * 1024 * 1024;
const maxRecordBytes = 1024 * 1024;

/** Throws `data_loss` when the manifest is missing or not text. */
export function readManifestText(paths: VaultPaths): string {
  const text = fromUtf8(readOrLost(paths.manifest, maxManifestBytes));
  if (text === undefined) throw lost(paths.manifest, "is damaged or half-written");
  return text;
}

/**
 * Reads manifest and records without a lock: when a record is not the one named, and the manifest has been replaced in the
 * meantime, reading starts again. Otherwise throws `data_loss` naming the file, also when the state on disk is not newer
 * than `known` or belongs to another store.
 */
export function load(paths: VaultPaths, master: Uint8Array, known: Snapshot | undefined): Snapshot {
  for (;;) {
    const text = readManifestText(paths);
    const manifest = readManifest(master, text, paths.manifest);
    if (known && manifest.store !== known.manifest.store) throw lost(paths.manifest, "belongs to another vault");
    if (known && manifest.serial <= known.manifest.serial) throw lost(paths.manifest, "is an older copy");
    try {
      const held = new Map(
        manifest.records.map((entry) => [entry.name, readHeld(paths, entry, manifest.epoch, known)]),
      );
      return { text, manifest, held };
    } catch (cause) {
      if (readManifestText(paths) === text) throw cause;
    }
  }
}

function readHeld(paths: VaultPaths, entry: ManifestEntry, epoch: number, known: Snapshot | undefined): Held {
  const before = known?.held.get(entry.name);
  if (before?.entry.hash === entry.hash) return { entry, record: before.record };
  const path = join(paths.records, entry.file);
  const bytes = readOrLost(path, maxRecordBytes);
  if (base64(sha256(bytes)) !== entry.hash) throw lost(path, "is damaged, half-written, or not the current record");
  const record = parseRecord(fromUtf8(bytes) ?? "");
  if (record.name !== entry.name || record.epoch !== epoch)
    throw lost(path, "is the record of another secret or epoch");
  return { entry, record };
}

function readOrLost(path: string, max_bytes: number): Uint8Array {
  try {
    return readOwned(path, { max_bytes, private: false });
  } catch (cause) {
    if (cause instanceof Fault && cause.code === "not_found") throw lost(path, "is missing", cause);
    throw cause;
  }
}

function lost(path: string, words: string, cause?: unknown): Fault {
  return new Fault("data_loss", `${path} ${words}`, {
    hint: "restore the whole vault directory from a backup; nothing was changed",
    cause,
  });
}

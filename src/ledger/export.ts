/** A ledger as a C2SP tlog-tiles directory (c2sp.org/tlog-tiles): what a stranger needs to verify it without our software. */
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeAtomic } from "../core/atomic.ts";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { base64, equalBytes } from "../crypto/hash.ts";
import { type EntryStore, openEntries } from "../store/entries.ts";
import { storeFault } from "../store/open.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { CompactRange, hash_bytes, leafHash } from "./tree.ts";

const width = 256;

export interface ExportReport {
  readonly dir: string;
  readonly origin: string;
  /** Entries of the newest checkpoint; later ones have no signature yet and are not exported. */
  readonly size: number;
  readonly root: string;
  readonly files: number;
}

/**
 * Writes `checkpoint`, `tile/<level>/...` and `tile/entries/...` of the newest checkpoint into a new or empty directory,
 * the checkpoint last. Payloads kept beside are not part of it. Throws `already_exists` for a directory with something
 * in it, `failed_precondition` for a ledger without a checkpoint, `data_loss` when entries and checkpoint disagree.
 */
export async function exportTiles(ledgerPath: string, dir: string): Promise<ExportReport> {
  const store = openEntries(ledgerPath, { create: false, readonly: true });
  try {
    requireEmpty(dir);
    return store.read(() => writeTiles(store, dir));
  } catch (thrown) {
    throw storeFault(thrown, ledgerPath);
  } finally {
    store.close();
  }
}

function writeTiles(store: EntryStore, dir: string): ExportReport {
  const row = store.checkpointUpTo(store.size());
  if (row === undefined) {
    throw new Fault("failed_precondition", "the ledger has no checkpoint to export", { hint: "make one first" });
  }
  const { origin, size, root } = readCheckpoint(row.note);
  const writer = new TileWriter(dir);
  for (let from = 0; from < size; from += width) {
    const rows = store.entries(from, Math.min(width, size - from));
    for (const [seq, bytes] of rows) writer.add(seq, bytes);
    if (rows.length === 0) break;
  }
  writer.finish();
  if (writer.range.size !== size || !equalBytes(writer.range.root(), root)) {
    throw new Fault("data_loss", `the entries are not those signed in the checkpoint of ${size}`, {
      hint: "run `reeve verify-ledger`",
    });
  }
  writer.put("checkpoint", Buffer.from(row.note, "utf8"));
  return { dir, origin, size, root: base64(root), files: writer.files };
}

/** Rows of hashes that grow level by level; a full one is written and its hash goes to the level above. */
class TileWriter {
  readonly range = new CompactRange();
  files = 0;
  readonly #dir: string;
  #bundle: Buffer[] = [];
  readonly #levels: { tiles: number; hashes: Uint8Array[] }[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  add(seq: number, bytes: Uint8Array): void {
    if (seq !== this.range.size) throw new Fault("data_loss", `entry ${this.range.size} is missing`);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    this.#bundle.push(length, Buffer.from(bytes));
    const leaf = leafHash(bytes);
    this.range.append(leaf);
    if (this.range.size % width === 0) this.#putBundle(Math.floor(seq / width), width);
    this.#addHash(0, leaf);
  }

  /** The partial tiles at the right edge. */
  finish(): void {
    const rest = this.range.size % width;
    if (rest > 0) this.#putBundle(Math.floor(this.range.size / width), rest);
    for (const [level, { tiles, hashes }] of this.#levels.entries()) {
      if (hashes.length > 0) this.put(tilePath(String(level), tiles, hashes.length), Buffer.concat(hashes));
    }
  }

  put(path: string, bytes: Uint8Array): void {
    const file = join(this.#dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeAtomic(file, bytes, 0o644);
    this.files++;
  }

  #putBundle(index: number, count: number): void {
    this.put(tilePath("entries", index, count), Buffer.concat(this.#bundle));
    this.#bundle = [];
  }

  #addHash(level: number, hash: Uint8Array): void {
    const row = this.#levels[level] ?? { tiles: 0, hashes: [] };
    this.#levels[level] = row;
    row.hashes.push(hash);
    if (row.hashes.length < width) return;
    this.put(tilePath(String(level), row.tiles, width), Buffer.concat(row.hashes, width * hash_bytes));
    const tile = new CompactRange();
    for (const each of row.hashes) tile.append(each);
    row.tiles++;
    row.hashes = [];
    this.#addHash(level + 1, tile.root());
  }
}

/** `tile/<L>/x001/x234/067`, with `.p/<W>` for a partial one. */
function tilePath(level: string, index: number, count: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/g) ?? [];
  const name = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join("/");
  return `tile/${level}/${name}${count === width ? "" : `.p/${count}`}`;
}

function requireEmpty(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true });
    if (readdirSync(dir).length === 0) return;
  } catch (thrown) {
    throw systemErrorName(thrown) === undefined ? thrown : asFault(thrown, dir);
  }
  throw new Fault("already_exists", `${dir} is not empty`, { hint: "name a new or empty directory" });
}

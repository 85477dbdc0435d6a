/** Rebuilds a ledger file from entries of the forger's choice, with everything that follows from them computed anew. */
import { rmSync } from "node:fs";
import { canonicalize, type Json } from "../../core/canonical.ts";
import { utf8 } from "../../core/text.ts";
import { openEntries } from "../../store/entries.ts";
import { Chain } from "../chain.ts";
import { signCheckpoint } from "../checkpoint.ts";
import type { NoteSigner } from "../note.ts";

export interface ForgedEntry {
  readonly [field: string]: Json;
}

interface Forgery {
  readonly path: string;
  readonly origin: string;
  readonly keys: readonly string[];
  readonly entries: readonly ForgedEntry[];
  /** Those who sign a checkpoint of the empty and of the whole tree. */
  readonly signers: readonly NoteSigner[];
  /** How an entry's value becomes bytes; canonical JSON unless told. */
  readonly write?: (entry: ForgedEntry) => string;
}

export function forge({ path, origin, keys, entries, signers, write = canonicalize }: Forgery): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  const store = openEntries(path, { create: true, log: { origin, keys: keys.join("\n") } });
  const chain = new Chain(origin);
  const checkpoint = () =>
    store.addCheckpoint({
      size: chain.size,
      note: signCheckpoint({ origin, size: chain.size, root: chain.range.root() }, signers),
      peaks: chain.range.encode(),
    });
  checkpoint();
  for (const entry of entries) {
    const seq = chain.size;
    const bytes = utf8(write({ ...entry, seq, prev: chain.prev }));
    store.addEntry(seq, bytes);
    store.setLatest(String(entry["type"]), seq);
    chain.append(bytes, String(entry["ts"]), (level, position, hash) => store.addNode(level, position, hash));
  }
  if (entries.length > 0) checkpoint();
  store.close();
}

/** The entries of a file as values. */
export function readEntries(path: string): ForgedEntry[] {
  const store = openEntries(path, { create: false });
  const values = store
    .entries(0, 1_000_000)
    .map(([, bytes]) => JSON.parse(Buffer.from(bytes).toString("utf8")) as ForgedEntry);
  store.close();
  return values;
}

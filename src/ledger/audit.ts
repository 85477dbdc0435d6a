/** The walk of a full verification: every entry once, in order, with the checkpoints and witnesses' notes met on the way. */
import { isJsonObject } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { equalBytes } from "../crypto/hash.ts";
import type { CheckpointRow, EntryStore } from "../store/entries.ts";
import { batch_entries, type Chain } from "./chain.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { type Entry, opensCommit, readEntry } from "./entry.ts";
import type { NoteVerifier } from "./note.ts";
import type { HeldNote } from "./push.ts";
import type { NodeListener } from "./tree.ts";

/** Where a verification stopped. `status` is the layer that saw it. */
export type AuditStatus = "damaged" | "signature" | "inconsistent" | "rolled_back";

/** What has been found good so far; it is filled while the walk goes on. */
export interface Progress {
  readonly chain: Chain;
  checkpoints: number;
  signed_entries: number;
}

interface Remembered extends Checkpoint {
  readonly witness: string;
}

/**
 * Walks one snapshot of the file. Throws `data_loss` with `data.status` and `data.seq` at the first thing wrong; what
 * comes from the entries themselves or from SQLite carries no status and means `damaged`.
 */
export function audit(
  store: EntryStore,
  verifiers: readonly NoteVerifier[],
  held: readonly HeldNote[],
  progress: Progress,
): void {
  const { chain } = progress;
  const remembered = held.map((note) => openHeld(note, verifiers));
  const size = store.size();
  const types = new Map<string, number>();
  let payloads = 0;
  let nodes = 0;
  const onNode: NodeListener = (level, position, hash) => {
    nodes++;
    if (equalBytes(store.node(level, position) ?? new Uint8Array(0), hash)) return;
    throw stop("damaged", chain.size, `the stored tree node ${level}/${position} is not the hash of its entries`);
  };
  const checkpoints = checkpointsOf(store, verifiers, progress);
  const arrive = () => {
    checkpoints.visit();
    for (const each of remembered) if (each.size === chain.size) compare(each, chain);
  };
  arrive();
  for (;;) {
    const rows = store.entries(chain.size, batch_entries);
    for (const [seq, bytes] of rows) {
      const entry = chain.accept(seq, bytes, true, onNode);
      types.set(entry.type, seq);
      if (entry.commit !== undefined) {
        payloads++;
        checkPayload(store, entry, entry.commit);
      }
      arrive();
    }
    if (rows.length < batch_entries) break;
  }
  checkpoints.finish();
  for (const each of remembered) {
    if (each.size > size) {
      throw stop(
        "rolled_back",
        size,
        `the ledger has ${size} entries, ${each.witness} holds a checkpoint of ${each.size}`,
      );
    }
  }
  checkDerived(store, types, payloads, nodes);
}

function checkpointsOf(store: EntryStore, verifiers: readonly NoteVerifier[], progress: Progress) {
  const { chain } = progress;
  let rows: readonly CheckpointRow[] = [];
  let at = 0;
  let from = 0;
  let ended = false;
  const next = (): CheckpointRow | undefined => {
    if (at === rows.length && !ended) {
      rows = store.checkpoints(from, batch_entries);
      ended = rows.length < batch_entries;
      at = 0;
    }
    return rows[at];
  };
  return {
    visit(): void {
      const row = next();
      if (row === undefined || row.size !== chain.size) return;
      const root = openStored(row, verifiers, chain.log).root;
      if (!equalBytes(root, chain.range.root()) || !equalBytes(row.peaks, chain.range.encode())) {
        const from_seq = progress.signed_entries;
        throw stop(
          "inconsistent",
          from_seq,
          `the first ${row.size} entries are not those signed in the checkpoint of that size`,
        );
      }
      progress.checkpoints++;
      progress.signed_entries = row.size;
      at++;
      from = row.size + 1;
    },
    finish(): void {
      const row = next();
      if (row) {
        openStored(row, verifiers, chain.log);
        throw stop(
          "inconsistent",
          chain.size,
          `the ledger ends at ${chain.size} entries, but has a checkpoint of ${row.size}`,
        );
      }
      if (progress.checkpoints === 0) throw stop("signature", 0, "no checkpoint of this ledger is signed");
    },
  };
}

function openStored(row: CheckpointRow, verifiers: readonly NoteVerifier[], origin: string): Checkpoint {
  let checkpoint: Checkpoint;
  try {
    checkpoint = openCheckpoint(row.note, verifiers);
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    throw stop(
      "signature",
      null,
      `the checkpoint of size ${row.size} is not signed by the log: ${cause.message}`,
      cause,
    );
  }
  if (checkpoint.origin !== origin)
    throw stop("signature", null, `a checkpoint of ${checkpoint.origin} is among those of ${origin}`);
  if (checkpoint.size !== row.size) {
    throw stop("inconsistent", null, `the checkpoint stored for size ${row.size} is one of size ${checkpoint.size}`);
  }
  return checkpoint;
}

function openHeld({ witness, note }: HeldNote, verifiers: readonly NoteVerifier[]): Remembered {
  try {
    return { witness, ...openCheckpoint(note, verifiers) };
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    throw stop("signature", null, `${witness} holds a note that the log did not sign: ${cause.message}`, cause);
  }
}

function compare({ witness, size, root }: Remembered, chain: Chain): void {
  if (equalBytes(root, chain.range.root())) return;
  throw stop("rolled_back", null, `the first ${size} entries are not those ${witness} holds a checkpoint of`);
}

/** A payload kept beside opens its commitment, or the entry that erased it exists. */
function checkPayload(store: EntryStore, { seq }: Entry, commit: string): void {
  const row = store.payload(seq);
  if (row === undefined) throw stop("damaged", seq, `the payload of entry ${seq} is missing and no entry erased it`);
  if (row.erased_by === null) {
    if (row.salt && row.body && opensCommit(commit, row.salt, row.body)) return;
    throw stop("damaged", seq, `the payload kept for entry ${seq} is not the one it committed to`);
  }
  const bytes = store.entry(row.erased_by);
  const eraser = bytes && readEntry(bytes, false);
  const payload = eraser?.payload;
  const names = isJsonObject(payload) && payload["seq"] === seq;
  if (eraser?.type !== "payload.erased" || eraser.seq <= seq || !names) {
    throw stop("damaged", seq, `the payload of entry ${seq} is gone and entry ${row.erased_by} did not erase it`);
  }
}

/** Rows that nothing in the log accounts for, and an index that names the wrong entry. */
function checkDerived(store: EntryStore, types: ReadonlyMap<string, number>, payloads: number, nodes: number): void {
  if (store.payloadCount() !== payloads)
    throw stop("damaged", null, "a payload is kept for an entry that committed to none");
  if (store.nodeCount() !== nodes) throw stop("damaged", null, "there are tree nodes beyond the end of the log");
  const indexed = store.latestTypes();
  for (const { type, seq } of indexed) {
    if (types.get(type) !== seq) throw stop("damaged", seq, `the index names entry ${seq} as the newest ${type}`);
  }
  if (indexed.length !== types.size) throw stop("damaged", null, "the index of newest entries is not complete");
}

export function stop(status: AuditStatus, seq: number | null, message: string, cause?: unknown): Fault {
  return new Fault("data_loss", message, { data: { status, seq }, ...(cause === undefined ? {} : { cause }) });
}

/** What is checked before the first append: the tail of the file, its last checkpoint, and what the witnesses remember. */
import { Fault } from "../core/fault.ts";
import { equalBytes, base64 } from "../crypto/hash.ts";
import type { CheckpointRow, EntryStore } from "../store/entries.ts";
import { brokenAt, Chain, follow } from "./chain.ts";
import { type Checkpoint, noteOpener, type OpenNote } from "./checkpoint.ts";
import { readEntry } from "./entry.ts";
import type { NoteVerifier } from "./note.ts";
import { checkHeld, type HeldNote } from "./push.ts";
import { CompactRange, leafHash } from "./tree.ts";

/** How many of the newest entries start-up reads; full verification reads all. */
const tail_entries = 64;

/**
 * The chain at the end of a file whose tail follows from a signed checkpoint, leads to every later one, and is not behind
 * what a witness holds. Throws `data_loss` naming the first bad entry or size.
 */
export function checkTail(
  store: EntryStore,
  origin: string,
  verifiers: readonly NoteVerifier[],
  held: readonly HeldNote[],
): Chain {
  if (store.log().origin !== origin) {
    throw new Fault("data_loss", `${store.path} is the ledger of another key (${store.log().origin})`, {
      hint: "restore the ledger or the key that belong together",
    });
  }
  const open = noteOpener(verifiers);
  return store.read(() => {
    const size = store.size();
    const start = store.checkpointUpTo(Math.max(0, size - tail_entries)) ?? store.checkpointUpTo(size);
    if (start === undefined && size > 0) throw brokenAt(0, "the ledger has entries but no checkpoint");
    const chain = start === undefined ? new Chain(origin) : chainAt(store, origin, start, open);
    const checkpoints = checkpointsAfter(store, chain, open);
    const types = new Map<string, number>();
    checkpoints.visit();
    follow(store, chain, false, (entry) => {
      types.set(entry.type, entry.seq);
      checkpoints.visit();
    });
    checkpoints.finish();
    checkLatest(store, types, start?.size ?? 0);
    // A witness that holds our newest checkpoint to the letter holds a tree that was just compared.
    const newest = store.checkpointUpTo(size)?.note;
    for (const each of held) if (each.note !== newest) checkHeld(store, chain.size, each, open);
    return chain;
  });
}

/** The chain as a signed checkpoint describes it. */
function chainAt(store: EntryStore, origin: string, row: CheckpointRow, open: OpenNote): Chain {
  const signed = openStored(row, open);
  const range = CompactRange.decode(row.size, row.peaks);
  if (!equalBytes(range.root(), signed.root))
    throw brokenAt(row.size, `the tree state at size ${row.size} is not the signed one`);
  if (row.size === 0) return new Chain(origin);
  const bytes = store.entry(row.size - 1);
  if (bytes === undefined) throw brokenAt(row.size - 1, `entry ${row.size - 1} is missing`);
  return new Chain(origin, range, base64(leafHash(bytes)), readEntry(bytes, false).ts);
}

function checkpointsAfter(store: EntryStore, chain: Chain, open: OpenNote) {
  let [next, ...rest] = store.checkpoints(chain.size, 1_000_000_000);
  return {
    visit(): void {
      if (next === undefined || next.size !== chain.size) return;
      // The last signature is checked; those before it are implied by its tree.
      const root = rest.length === 0 ? openStored(next, open).root : undefined;
      const range = CompactRange.decode(next.size, next.peaks);
      if (!equalBytes(root ?? range.root(), chain.range.root())) throw differs(next.size);
      [next, ...rest] = rest;
    },
    finish(): void {
      if (next !== undefined) {
        throw brokenAt(chain.size, `the ledger ends at ${chain.size} entries, but holds a checkpoint of ${next.size}`);
      }
    },
  };
}

function openStored(row: CheckpointRow, open: OpenNote): Checkpoint {
  try {
    const checkpoint = open(row.note);
    if (checkpoint.size === row.size) return checkpoint;
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    throw brokenAt(
      row.size,
      `the checkpoint at size ${row.size} is not signed by this ledger's key: ${cause.message}`,
      cause,
    );
  }
  throw brokenAt(row.size, `the checkpoint stored for size ${row.size} is of another size`);
}

/** The index of newest entries must name the newest, or an old record could pass for the current one. */
function checkLatest(store: EntryStore, types: ReadonlyMap<string, number>, from: number): void {
  for (const { type, seq } of store.latestTypes()) {
    const newest = types.get(type);
    if (newest === undefined ? seq >= from : seq !== newest)
      throw brokenAt(newest ?? seq, `the index names entry ${seq} as the newest ${type}`);
  }
  for (const [type, seq] of types) {
    if (store.latest(type) === undefined)
      throw brokenAt(seq, `the index does not name entry ${seq} as the newest ${type}`);
  }
}

function differs(size: number): Fault {
  return brokenAt(
    Math.max(0, size - 1),
    `the entries up to ${size} are not those of the checkpoint signed at that size`,
  );
}

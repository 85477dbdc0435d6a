/** Hands a log's newest checkpoint to its witnesses, whatever other processes of the same home do meanwhile. */
import { Fault } from "../core/fault.ts";
import { equalBytes } from "../crypto/hash.ts";
import type { EntryStore } from "../store/entries.ts";
import { brokenAt, subtrees } from "./chain.ts";
import { type Checkpoint, type OpenNote, readCheckpoint } from "./checkpoint.ts";
import { consistencyProof, rootOf } from "./proof.ts";
import type { Witness } from "./witness.ts";

/** A note a witness holds for this log. */
export interface HeldNote {
  readonly witness: string;
  readonly note: string;
}

const attempts = 8;

/** What the witnesses hold for an origin; a witness that holds nothing is left out. */
export async function heldNotes(witnesses: readonly Witness[], origin: string): Promise<readonly HeldNote[]> {
  const notes = await Promise.all(
    witnesses.map(async (each) => ({ witness: each.name, note: await each.latest(origin) })),
  );
  return notes.flatMap(({ witness, note }) => (note === undefined ? [] : [{ witness, note }]));
}

/**
 * Leaves every witness with the newest checkpoint of the file, or a newer one. All are tried before the first failure is
 * thrown: `data_loss` when one holds a tree that ours does not contain, otherwise what the witness threw.
 */
export async function pushCheckpoint(witnesses: readonly Witness[], store: EntryStore, origin: string): Promise<void> {
  const outcomes = await Promise.allSettled(witnesses.map((each) => bringUpToDate(each, store, origin)));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function bringUpToDate(witness: Witness, store: EntryStore, origin: string): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    // Read before the file: what it holds was in the file first.
    const note = await witness.latest(origin);
    const newest = store.checkpointUpTo(Number.MAX_SAFE_INTEGER);
    if (newest === undefined) return;
    const held = note === undefined ? undefined : readCheckpoint(note);
    const old_size = held?.size ?? 0;
    if (old_size > newest.size) throw rolledBack(newest.size, witness.name, old_size);
    if (held && old_size === newest.size && equalBytes(held.root, readCheckpoint(newest.note).root)) return;
    try {
      return await witness.add(old_size, consistencyProof(subtrees(store), old_size, newest.size), newest.note);
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.code !== "failed_precondition") throw thrown;
      if (thrown.data?.["size"] === undefined) throw replaced(old_size, witness.name, thrown);
      // Another process handed in a checkpoint between the two calls; begin again from what the witness holds now.
    }
  }
  throw new Fault("unavailable", `${witness.name} changed during each of ${attempts} attempts`, { hint: "try again" });
}

/** The checkpoint a witness holds, once it is ours and our first `size` entries contain it; otherwise `data_loss`. */
export function checkHeld(store: EntryStore, size: number, { witness, note }: HeldNote, open: OpenNote): Checkpoint {
  const held = openHeld(witness, note, open);
  if (held.size > size) throw rolledBack(size, witness, held.size);
  if (!equalBytes(rootOf(subtrees(store), 0, held.size), held.root)) throw replaced(held.size, witness);
  return held;
}

function openHeld(witness: string, note: string, open: OpenNote): Checkpoint {
  try {
    return open(note);
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    throw new Fault("data_loss", `${witness} holds a note that this ledger's key did not sign: ${cause.message}`, {
      hint: "restore the witness file from a backup",
      cause,
    });
  }
}

function rolledBack(size: number, witness: string, held_size: number): Fault {
  return brokenAt(
    size,
    `the ledger was rolled back: it has ${size} entries, ${witness} holds a checkpoint of ${held_size}`,
  );
}

function replaced(held_size: number, witness: string, cause?: unknown): Fault {
  const message = `the first ${held_size} entries are not those ${witness} holds a checkpoint of`;
  return brokenAt(Math.max(0, held_size - 1), message, cause);
}

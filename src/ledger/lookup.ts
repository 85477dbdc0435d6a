/** One entry read back, believed only when the tree contains it. */
import type { Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import type { EntryStore } from "../store/entries.ts";
import { brokenAt, payloadOf, subtrees } from "./chain.ts";
import { readEntry } from "./entry.ts";
import { inclusionProof, verifyInclusion } from "./proof.ts";
import { leafHash } from "./tree.ts";

export interface ProvenEntry {
  readonly type: string;
  readonly run: string | null;
  readonly payload: Json;
}

/** Throws `not_found` beyond the tree, `data_loss` when the file holds another entry in its place. */
export function lookUp(
  store: EntryStore,
  seq: number,
  tree: { readonly size: number; readonly root: Uint8Array },
): ProvenEntry {
  if (!(seq >= 0 && seq < tree.size)) throw new Fault("not_found", `the ledger has no entry ${seq}`);
  const bytes = store.entry(seq) ?? new Uint8Array(0);
  const proof = inclusionProof(subtrees(store), seq, tree.size);
  if (!verifyInclusion({ leaf: leafHash(bytes), seq, ...tree }, proof)) {
    throw brokenAt(seq, `entry ${seq} is not the one the tree holds`);
  }
  const entry = readEntry(bytes, true);
  return { type: entry.type, run: entry.run, payload: payloadOf(store, entry) };
}

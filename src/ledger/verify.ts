/**
 * Verification of a whole ledger file, read-only, in memory that does not grow with it: every byte, the chain, the tree,
 * every checkpoint and its signatures, and what the witnesses hold. Trust starts at pinned keys from outside the file.
 */
import { existsSync } from "node:fs";
import { Fault } from "../core/fault.ts";
import { base64 } from "../crypto/hash.ts";
import { type EntryStore, openEntries } from "../store/entries.ts";
import { storeFault } from "../store/open.ts";
import { type AuditStatus, audit, type Progress, stop } from "./audit.ts";
import { Chain } from "./chain.ts";
import { readCheckpoint, verifierOf } from "./checkpoint.ts";
import { type PinnedKeys, parsePinnedKeys } from "./key.ts";
import { type HeldNote, heldNotes } from "./push.ts";
import type { Witness } from "./witness.ts";

/** Outcomes and the exit status each one gives; docs/specs/ledger.md explains them. */
export const verifyStatuses = {
  ok: 0,
  /** An entry, a payload kept beside, or something derived from them is damaged. */
  damaged: 14,
  /** A checkpoint or a witness's note is not signed by the pinned keys. */
  signature: 20,
  /** A signed checkpoint is of another tree, or of a longer one. */
  inconsistent: 21,
  /** A witness holds a checkpoint that this file does not contain. */
  rolled_back: 22,
  /** There is no file, and a witness knows that there should be. */
  missing: 23,
  /** Nothing is wrong inside, but no pinned key was given, so anyone may have written all of it. */
  unpinned: 24,
} as const;

export type VerifyStatus = keyof typeof verifyStatuses;

const hints: Readonly<Record<VerifyStatus, string>> = {
  ok: "",
  damaged: "keep the file as evidence and restore a backup that the witness agrees with",
  signature: "compare the pinned key file with the one written when the log was created; then treat the file as forged",
  inconsistent: "keep the file as evidence: entries were changed or cut off after they were signed",
  rolled_back: "keep the file as evidence and restore a backup of at least the size the witness holds",
  missing: "restore the ledger from a backup of at least the size the witness holds",
  unpinned: "name the key file that was pinned when the log was created with --key",
};

interface VerifyOptions {
  readonly path: string;
  /** Lines of the pinned key file; without them nothing is trusted and the outcome is at best `unpinned`. */
  readonly key?: readonly string[] | undefined;
  readonly witnesses?: readonly Witness[];
}

export interface VerifyReport {
  readonly status: VerifyStatus;
  readonly exit: number;
  readonly ok: boolean;
  readonly origin: string | null;
  readonly pinned: boolean;
  /** Entries found good, also when verification stopped at a bad one. */
  readonly entries: number;
  /** Base64 root over those entries. */
  readonly root: string;
  readonly checkpoints: number;
  /** Entries that the newest checkpoint covers; those after it carry no signature yet. */
  readonly signed_entries: number;
  /** Size each witness holds; null for one that knows nothing of this log. */
  readonly witnesses: readonly { readonly name: string; readonly size: number | null }[];
  readonly problem: { readonly seq: number | null; readonly message: string; readonly hint: string } | null;
}

/**
 * Reports; throws only `not_found` for a missing file nobody knows, `invalid_argument` for a key file that is none, and
 * what a witness throws when it cannot be asked.
 */
export async function verifyLedger(options: VerifyOptions): Promise<VerifyReport> {
  const pinned = options.key === undefined ? undefined : parsePinnedKeys(options.key);
  const witnesses = options.witnesses ?? [];
  const origin = pinned?.origin ?? (existsSync(options.path) ? storedOrigin(options.path) : undefined);
  // Before the file is read: what a witness holds was in the file first.
  const held = origin === undefined ? [] : await heldNotes(witnesses, origin);
  const progress: Progress = { chain: new Chain(origin ?? ""), checkpoints: 0, signed_entries: 0 };
  const problem = findProblem(options.path, { origin, pinned, held }, progress);
  const status = problem?.status ?? (pinned ? "ok" : "unpinned");
  return {
    status,
    exit: verifyStatuses[status],
    ok: status === "ok",
    origin: origin ?? null,
    pinned: pinned !== undefined,
    entries: progress.chain.size,
    root: base64(progress.chain.range.root()),
    checkpoints: progress.checkpoints,
    signed_entries: progress.signed_entries,
    witnesses: witnesses.map(({ name }) => ({ name, size: sizeOf(held.find((each) => each.witness === name)?.note) })),
    problem: problem ? { seq: problem.seq, message: problem.message, hint: hints[problem.status] } : null,
  };
}

interface Trust {
  readonly origin: string | undefined;
  readonly pinned: PinnedKeys | undefined;
  readonly held: readonly HeldNote[];
}

interface Problem {
  readonly status: VerifyStatus;
  readonly seq: number | null;
  readonly message: string;
}

function findProblem(path: string, { origin, pinned, held }: Trust, progress: Progress): Problem | undefined {
  if (!existsSync(path)) {
    const [first] = held;
    if (first === undefined)
      throw new Fault("not_found", `${path}: there is no ledger`, {
        hint: "run `reeve init`, or name the home with --home",
      });
    const message = `${path} is missing, but ${first.witness} holds a checkpoint of ${sizeOf(first.note) ?? "unknown"} entries`;
    return { status: "missing", seq: 0, message };
  }
  try {
    withStore(path, (store) => {
      const stored = store.log();
      if (stored.origin !== origin) {
        throw stop("signature", null, `this is the ledger of ${stored.origin}, the pinned keys are those of ${origin}`);
      }
      audit(store, (pinned ?? keysBeside(stored.keys)).keys.map(verifierOf), held, progress);
    });
    return undefined;
  } catch (thrown) {
    const fault = storeFault(thrown, path);
    if (fault.code !== "data_loss") throw fault;
    const status = fault.data?.["status"] as AuditStatus | undefined;
    const seq = fault.data?.["seq"] as number | null | undefined;
    return { status: status ?? "damaged", seq: seq === undefined ? progress.chain.size : seq, message: fault.message };
  }
}

/** Good for noticing that parts do not fit each other, never for believing them. */
function keysBeside(text: string): PinnedKeys {
  try {
    return parsePinnedKeys(text.split("\n"));
  } catch (cause) {
    throw stop("signature", null, "the keys stored beside the log are damaged", cause);
  }
}

function storedOrigin(path: string): string | undefined {
  try {
    return withStore(path, (store) => store.log().origin);
  } catch (thrown) {
    // Said again, and reported, when the file is opened for the walk.
    if (storeFault(thrown, path).code === "data_loss") return undefined;
    throw thrown;
  }
}

/** One snapshot of the file, also while others write to it. */
function withStore<T>(path: string, work: (store: EntryStore) => T): T {
  const store = openEntries(path, { create: false, readonly: true });
  try {
    return store.read(() => work(store));
  } finally {
    store.close();
  }
}

function sizeOf(note: string | undefined): number | null {
  if (note === undefined) return null;
  try {
    return readCheckpoint(note).size;
  } catch {
    // A note that cannot be read is reported by the walk.
    return null;
  }
}

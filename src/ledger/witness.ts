/** Witnesses remember the newest checkpoint of a log outside its reach and accept only a longer one that contains it. */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import { writeAtomic } from "../core/atomic.ts";
import { canonicalize, parseJson } from "../core/canonical.ts";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { acquire } from "../core/lock.ts";
import { equalBytes } from "../crypto/hash.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import { verifyConsistency } from "./proof.ts";
import { emptyRoot } from "./tree.ts";

/** The client's side of c2sp.org/tlog-witness, whatever carries it. */
export interface Witness {
  readonly name: string;
  /** The newest note it holds for the origin. Whoever asks checks the signatures. */
  latest(origin: string): Promise<string | undefined>;
  /**
   * The add-checkpoint rule: `old_size` must be what the witness holds (0 for nothing) and `proof` must show the held tree
   * to be the beginning of the note's. Persisted before it answers. Throws `failed_precondition`, with the size it holds
   * in `data.size` when only that differed.
   */
  add(old_size: number, proof: readonly Uint8Array[], note: string): Promise<void>;
}

const patience_ms = 10_000;
const fileForm = v.strictObject({ v: v.literal(1), notes: v.record(v.string(), v.string()) });

/**
 * A witness in a file of this machine that other processes and homes may share; it belongs outside the home. It holds one
 * note for each origin. A damaged file is `data_loss`; it is never replaced by an empty one.
 */
export function fileWitness(path: string): Witness {
  return {
    name: `file ${path}`,
    latest: async (origin) => readNotes(path)[origin],
    async add(old_size, proof, note) {
      const offered = readCheckpoint(note);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const lock = await acquire(`${path}.lock`, patience_ms);
      try {
        const notes = readNotes(path);
        const held = notes[offered.origin];
        admit(held === undefined ? undefined : readCheckpoint(held), old_size, proof, offered);
        writeAtomic(path, `${canonicalize({ v: 1, notes: { ...notes, [offered.origin]: note } })}\n`);
      } catch (thrown) {
        throw asFault(thrown, path);
      } finally {
        lock.release();
      }
    },
  };
}

/** The checks of c2sp.org/tlog-witness section add-checkpoint, after the signature. */
function admit(
  held: Checkpoint | undefined,
  old_size: number,
  proof: readonly Uint8Array[],
  offered: Checkpoint,
): void {
  const held_size = held?.size ?? 0;
  if (old_size > offered.size) throw refused(`the old size ${old_size} is above the new size ${offered.size}`);
  if (old_size !== held_size) {
    throw refused(`the witness holds size ${held_size}, not ${old_size}`, { size: held_size });
  }
  if (offered.size === 0 && !equalBytes(offered.root, emptyRoot))
    throw refused("the root is not that of an empty tree");
  if (held_size === 0 || held === undefined) {
    if (proof.length > 0) throw refused("a proof from the empty tree has no hashes");
    return;
  }
  const claim = { old_size, old_root: held.root, new_size: offered.size, new_root: offered.root };
  if (!verifyConsistency(claim, proof)) {
    throw refused(
      `the tree of size ${offered.size} does not contain the one of size ${held_size} that the witness holds`,
    );
  }
}

function readNotes(path: string): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if (systemErrorName(thrown) === "ENOENT") return {};
    throw asFault(thrown, path);
  }
  try {
    return v.parse(fileForm, parseJson(text)).notes;
  } catch (cause) {
    const hint = "restore it from a backup; without it a rolled-back ledger goes unnoticed";
    throw new Fault("data_loss", `the witness file ${path} is damaged`, { hint, cause });
  }
}

function refused(why: string, data?: { readonly size: number }): Fault {
  return new Fault("failed_precondition", `the witness refused the checkpoint: ${why}`, {
    hint: "run `reeve verify-ledger`",
    ...(data === undefined ? {} : { data }),
  });
}

/** Where the config puts a home's workspace and pins. A config that names places a home cannot have is not taken. */
import { copyFileSync, constants, existsSync, lstatSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { Fault, asFault } from "../core/fault.ts";
import { type Home, liesInside } from "../core/home.ts";
import { makePinDirectory, type Pin, pinOf } from "../core/pin.ts";
import type { Config } from "../config/settings.ts";
import { fileWitness } from "../ledger/witness.ts";
import { programUid } from "../workspace/owner.ts";
import { openWorkspace, type Workspace } from "../workspace/workspace.ts";

/** The workspace's absolute path. */
export function workspaceRoot(home: Home, config: Config): string {
  const { root } = config.workspace;
  return isAbsolute(root) ? root : join(home.root, root);
}

/**
 * Throws as `openWorkspace` and `pinOf` do, and for a witness chosen inside the workspace. The witness's own directory,
 * where none was chosen, may lie in a workspace as wide as the user's directory: it is forbidden to agents there.
 */
export function openHomeWorkspace(home: Home, config: Config): Workspace {
  const root = workspaceRoot(home, config);
  const { witness_file } = config.ledger;
  const { witness } = pinOf(home, witness_file);
  if (witness_file !== null) refuseWitnessIn(root, witness);
  const pins = witness_file === null ? [dirname(witness)] : [];
  return openWorkspace({ root, forbidden: [home.state, home.runs, ...pins], undo: home.undo });
}

/**
 * As whom programs of this home run, when that user owns nothing in the workspace because root does; undefined when there
 * is nothing to give, or nobody who could.
 */
export function ungivenWorkspace(home: Home, config: Config): number | undefined {
  const root = workspaceRoot(home, config);
  if (process.geteuid?.() !== 0 || lstatSync(root).uid !== 0) return undefined;
  return programUid(root, config.sandbox.uid).uid;
}

/** Throws `invalid_argument` for a witness that agents could reach. */
export function refuseWitnessIn(workspace: string, witness: string): void {
  if (!liesInside(workspace, witness)) return;
  throw new Fault("invalid_argument", `the witness file ${witness} lies inside the workspace, where agents write`, {
    hint: "choose a path outside it, on another disk if there is one",
  });
}

/**
 * Takes the pinned keys and the witness's note to another place, so that no moment is without them; the old ones stay.
 * A place that knows this log already is left as it is. Throws `already_exists` when another log's keys are there.
 */
export async function carryPin(from: Pin, to: Pin, origin: string): Promise<void> {
  if (existsSync(to.keys) && !readFileSync(to.keys).equals(readFileSync(from.keys))) {
    throw new Fault("already_exists", `${to.keys} pins the keys of another log`, {
      hint: "choose a witness file of this home's own",
    });
  }
  const held = await fileWitness(from.witness).latest(origin);
  const target = fileWitness(to.witness);
  try {
    makePinDirectory(to);
    if (!existsSync(to.keys)) copyFileSync(from.keys, to.keys, constants.COPYFILE_EXCL);
    if (held !== undefined && (await target.latest(origin)) === undefined) await target.add(0, [], held);
  } catch (thrown) {
    throw asFault(thrown, to.witness);
  }
}

/** Where the facts about a home that must survive the home are kept: its pinned log keys and the local witness's note. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { Fault } from "./fault.ts";
import { type Home, liesInside } from "./home.ts";

export interface Pin {
  /** C2SP vkey lines of the log, written once by `init`. */
  readonly keys: string;
  readonly witness: string;
}

/**
 * `$XDG_STATE_HOME/reeve/<hash of the home's path>/`, or beside `witness_file` when the operator chose a path for it.
 * Throws `failed_precondition` when there is no user state directory and no choice, `invalid_argument` for a place that
 * would be rolled back with the home.
 */
export function pinOf(
  home: Home,
  witness_file: string | null,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Pin {
  if (witness_file !== null) {
    if (!isAbsolute(witness_file)) throw new Fault("invalid_argument", `${witness_file} is not an absolute path`);
    refuseInside([home.root], witness_file);
    return { keys: `${witness_file}.vkey`, witness: witness_file };
  }
  const user = env["HOME"] || homedir();
  const state = env["XDG_STATE_HOME"] || (user && isAbsolute(user) ? join(user, ".local", "state") : "");
  if (!isAbsolute(state)) {
    throw new Fault("failed_precondition", "there is no user state directory to keep the local witness in", {
      hint: "set XDG_STATE_HOME, or ledger.witness_file in the config to a path outside the home",
    });
  }
  const directory = join(state, "reeve", createHash("sha256").update(home.root).digest("hex").slice(0, 16));
  const witness = join(directory, "witness.note");
  // The state directory may lie beneath the root, as when the root is the user's own directory.
  refuseInside([home.state, home.runs, join(home.root, "workspace")], witness);
  return { keys: join(directory, "log.vkey"), witness };
}

function refuseInside(directories: readonly string[], witness: string): void {
  if (!directories.some((directory) => liesInside(directory, witness))) return;
  throw new Fault("invalid_argument", `the witness file ${witness} lies inside the home`, {
    hint: "choose a path outside it, on another disk if there is one",
  });
}

export function makePinDirectory(pin: Pin): void {
  mkdirSync(dirname(pin.witness), { recursive: true, mode: 0o700 });
}

/** Puts the pins of an earlier home at the same path aside, never away; returns the new names, the old ones with a dot and `stamp` at their end. */
export function setAsidePins(pin: Pin, stamp: string): readonly string[] {
  return [pin.keys, pin.witness].flatMap((path) => {
    if (!existsSync(path)) return [];
    const aside = `${path}.${stamp}`;
    renameSync(path, aside);
    return [aside];
  });
}

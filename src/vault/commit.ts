/** The steps that carry a vault from one state to the next; a process killed between any two leaves the old state or the new one. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { syncDirectory, writeAtomic } from "../core/atomic.ts";

export interface VaultPaths {
  readonly root: string;
  readonly manifest: string;
  readonly records: string;
  readonly lock: string;
}

export function vaultPaths(dir: string): VaultPaths {
  return { root: dir, manifest: join(dir, "manifest.json"), records: join(dir, "records"), lock: join(dir, "lock") };
}

export interface Change {
  readonly manifest: string;
  /** New record files by name; a file of the current manifest is never overwritten. */
  readonly writes: ReadonlyMap<string, string>;
  /** Every record file the new manifest names. */
  readonly keep: ReadonlySet<string>;
}

type Step = "record" | "manifest" | "swept";

/**
 * Performs the change, yielding after each durable step: new records, then the manifest (the commit), then the removal
 * of records no manifest names, those of interrupted changes included. Run it only while holding the vault's lock.
 */
export function* commitSteps(paths: VaultPaths, change: Change): Generator<Step, void, void> {
  for (const [file, text] of change.writes) {
    writeAtomic(join(paths.records, file), text);
    yield "record";
  }
  writeAtomic(paths.manifest, change.manifest);
  yield "manifest";
  for (const path of leftovers(paths, change.keep)) {
    rmSync(path, { force: true });
    yield "swept";
  }
  syncDirectory(paths.records);
}

const recordName = /^[0-9a-f]{64}-\d+\.json(?:\.\d+\.[0-9a-f]{12}\.tmp)?$/;
const manifestRest = /^manifest\.json\.\d+\.[0-9a-f]{12}\.tmp$/;

/** Files of ours that nothing names any more; whatever else lies in the directories is left alone. */
function leftovers(paths: VaultPaths, keep: ReadonlySet<string>): readonly string[] {
  const records = readdirSync(paths.records).filter((name) => recordName.test(name) && !keep.has(name));
  const rest = readdirSync(paths.root).filter((name) => manifestRest.test(name));
  return [...records.map((name) => join(paths.records, name)), ...rest.map((name) => join(paths.root, name))];
}

/** The adopted skills and their digests: `skills.lock.json` beside their directory; changing it is the operator's act. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { writeAtomic } from "../core/atomic.ts";
import { parseJson } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import { check } from "../core/schema.ts";
import type { SkillFacts } from "../define/handles.ts";
import { describeSkill } from "./skill-file.ts";
import { hashTree, skillFiles } from "./skill-tree.ts";

const lockSchema = v.strictObject({
  version: v.literal(1),
  skills: v.record(v.string(), v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
});

function lockPath(adopted: string): string {
  return join(dirname(adopted), "skills.lock.json");
}

/** Digests by name; none when nothing was adopted. Throws when the file is not as it was written. */
export function readLock(adopted: string): ReadonlyMap<string, string> {
  const path = lockPath(adopted);
  if (!existsSync(path)) return new Map();
  const lock = check(lockSchema, parseJson(readFileSync(path, "utf8"), path), path);
  return new Map(Object.entries(lock.skills));
}

function writeLock(adopted: string, skills: ReadonlyMap<string, string>): void {
  const sorted = Object.fromEntries([...skills].sort(([a], [b]) => (a < b ? -1 : 1)));
  writeAtomic(lockPath(adopted), `${JSON.stringify({ version: 1, skills: sorted }, null, 2)}\n`, 0o600);
}

/**
 * Copies a skill and pins what was copied; one adopted before is replaced. Throws as `describeSkill` does for a directory that
 * is no skill. What was copied is hashed again, so that nothing can slip in between.
 */
export function adoptSkill(adopted: string, from: string, name: string): SkillFacts {
  const facts = describeSkill(from, name, 1);
  const beside = join(adopted, `.${newId().slice(-12)}.new`);
  mkdirSync(beside, { recursive: true, mode: 0o700 });
  try {
    for (const path of skillFiles(from)) {
      mkdirSync(dirname(join(beside, path)), { recursive: true, mode: 0o700 });
      copyFileSync(join(from, path), join(beside, path));
      chmodSync(join(beside, path), 0o600);
    }
    const sha256 = hashTree(beside);
    rmSync(join(adopted, name), { recursive: true, force: true });
    renameSync(beside, join(adopted, name));
    writeLock(adopted, new Map(readLock(adopted)).set(name, sha256));
    return { ...facts, sha256 };
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Throws `not_found` for one that was not adopted. */
export function removeSkill(adopted: string, name: string): void {
  const skills = new Map(readLock(adopted));
  if (!skills.delete(name)) {
    throw new Fault("not_found", `skill ${JSON.stringify(name.slice(0, 64))} was not adopted`, {
      hint: "see reeve skills list",
    });
  }
  writeLock(adopted, skills);
  rmSync(join(adopted, name), { recursive: true, force: true });
}

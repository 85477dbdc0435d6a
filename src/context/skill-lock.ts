/** The adopted skills and their digests: `skills.lock.json` beside their directory; changing it is the operator's act. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { syncDirectory, writeAtomic } from "../core/atomic.ts";
import { parseJson } from "../core/canonical.ts";
import { asFault, Fault } from "../core/fault.ts";
import { acquire } from "../core/lock.ts";
import { check } from "../core/schema.ts";
import type { SkillFacts } from "../define/handles.ts";
import { describeSkill, isSkillName } from "./skill-file.ts";
import { readTree, type SkillTree } from "./skill-tree.ts";

const lockSchema = v.strictObject({
  version: v.literal(1),
  skills: v.record(
    v.pipe(v.string(), v.check(isSkillName, "is no name of a skill")),
    v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  ),
});

const lockWait_ms = 10_000;

function lockPath(adopted: string): string {
  return join(dirname(adopted), "skills.lock.json");
}

/** Digests by name; none when nothing was adopted. Throws `data_loss` when the file is not as it was written. */
export function readLock(adopted: string): ReadonlyMap<string, string> {
  const path = lockPath(adopted);
  if (!existsSync(path)) return new Map();
  const text = textOf(path);
  try {
    return new Map(Object.entries(check(lockSchema, parseJson(text, path), path).skills));
  } catch (cause) {
    throw new Fault("data_loss", `${asFault(cause).message}: the list of adopted skills was changed`, {
      hint: `restore it from a backup, or remove ${path} and adopt the skills again`,
      cause,
    });
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw asFault(thrown, path);
  }
}

function writeLock(adopted: string, skills: ReadonlyMap<string, string>): void {
  const sorted = Object.fromEntries([...skills].sort(([a], [b]) => (a < b ? -1 : 1)));
  writeAtomic(lockPath(adopted), `${JSON.stringify({ version: 1, skills: sorted }, null, 2)}\n`, 0o600);
}

/**
 * Copies a skill and pins what was copied; one adopted before is replaced. `record` writes down what is about to be done;
 * when it fails nothing was. Throws as `readTree` and `describeSkill` do for a directory that is no skill.
 */
export async function adoptSkill(
  adopted: string,
  from: string,
  name: string,
  record: (facts: SkillFacts) => Promise<unknown>,
): Promise<SkillFacts> {
  const tree = readTree(from, from, "trusted");
  if (!tree) throw new Fault("not_found", `${from} is no directory`, { hint: "name the directory with the SKILL.md" });
  const facts = describeSkill(tree, from, name, 1);
  return changeLock(adopted, async (skills) => {
    mkdirSync(adopted, { recursive: true, mode: 0o700 });
    sweep(adopted);
    const [beside, former] = [join(adopted, `.${name}.new`), join(adopted, `.${name}.old`)];
    try {
      writeTree(beside, tree);
      await record(facts);
      if (existsSync(join(adopted, name))) renameSync(join(adopted, name), former);
      renameSync(beside, join(adopted, name));
      syncDirectory(adopted);
      skills.set(name, facts.sha256);
    } catch (thrown) {
      throw asFault(thrown, `cannot adopt ${name}`);
    }
    return facts;
  });
}

/** Throws `not_found` for one that was not adopted. */
export function removeSkill(adopted: string, name: string, record: () => Promise<unknown>): Promise<void> {
  return changeLock(adopted, async (skills) => {
    if (!skills.delete(name)) {
      throw new Fault("not_found", `skill ${JSON.stringify(name.slice(0, 64).toWellFormed())} was not adopted`, {
        hint: "see reeve skills list",
      });
    }
    await record();
    if (existsSync(join(adopted, name))) renameSync(join(adopted, name), join(adopted, `.${name}.old`));
  });
}

/** One process at a time changes the list; what gave way is removed once the new list is on the disk. */
async function changeLock<T>(adopted: string, change: (skills: Map<string, string>) => Promise<T>): Promise<T> {
  const lock = await acquire(`${lockPath(adopted)}.lock`, lockWait_ms);
  try {
    const skills = new Map(readLock(adopted));
    const result = await change(skills);
    writeLock(adopted, skills);
    return result;
  } finally {
    if (existsSync(adopted)) sweep(adopted);
    lock.release();
  }
}

/** Drafts and former copies; no skill's name begins with a dot. */
function sweep(adopted: string): void {
  for (const name of readdirSync(adopted)) {
    if (/^\..+\.(?:new|old)$/.test(name)) rmSync(join(adopted, name), { recursive: true, force: true });
  }
}

function writeTree(root: string, tree: SkillTree): void {
  mkdirSync(root, { mode: 0o700 });
  for (const [path, { bytes, executable }] of tree.files) {
    mkdirSync(dirname(join(root, path)), { recursive: true, mode: 0o700 });
    const fd = openSync(join(root, path), "wx", executable ? 0o700 : 0o600);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

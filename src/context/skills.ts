/**
 * Skills in the agentskills.io format: a directory with a SKILL.md. Adopted ones are pinned by hash and belong to ring 1;
 * those that merely lie in the workspace are anybody's words and belong to ring 2.
 */
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { asFault, Fault } from "../core/fault.ts";
import type { SkillFacts, SkillsHandle } from "../define/handles.ts";
import { readPlainFile } from "./plain-file.ts";
import { describeSkill, maxSkillFile_bytes, skillName, unknownSkill } from "./skill-file.ts";
import { readLock } from "./skill-lock.ts";

/** Where skills lie: `adopted` is the operator's, `workspace` is anybody's. */
export interface SkillPlaces {
  readonly adopted: string;
  readonly workspace: string;
}

export interface SkillList {
  readonly skills: readonly SkillFacts[];
  /** What lies there and is no skill, a sentence each. */
  readonly problems: readonly string[];
}

/** Adopted skills first; one of the workspace never stands in for an adopted one of the same name. */
export function listSkills(places: SkillPlaces): SkillList {
  const problems: string[] = [];
  const adopted = [...readLock(places.adopted).keys()]
    .sort()
    .flatMap((name) => attempt(problems, () => adoptedSkill(places, name)));
  const names = new Set(adopted.map(({ name }) => name));
  const others = directoriesIn(places.workspace)
    .filter((name) => !names.has(name))
    .flatMap((name) => attempt(problems, () => describeSkill(join(places.workspace, name), name, 2)));
  return { skills: [...adopted, ...others], problems };
}

export function skillsHandle(places: SkillPlaces): SkillsHandle {
  return {
    list: async () => listSkills(places).skills,
    read: async (name, file = "SKILL.md") => readSkill(places, name, file),
  };
}

/** Throws as the handle says. */
export function readSkill(
  places: SkillPlaces,
  name: string,
  file: string,
): SkillFacts & { readonly file: string; readonly content: string } {
  const facts = findSkill(places, name);
  const parts = file.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..") || parts.length > 4) {
    throw new Fault("permission_denied", `${JSON.stringify(file)} is no file of a skill`, {
      hint: "name it relative to the skill's directory, without dots",
    });
  }
  const root = join(facts.ring === 1 ? places.adopted : places.workspace, name);
  for (let i = 1; i < parts.length; i++) {
    if (lstatSync(join(root, ...parts.slice(0, i)), { throwIfNoEntry: false })?.isDirectory()) continue;
    throw new Fault("not_found", `skill ${name} has no file ${JSON.stringify(file)}`, { hint: "see its SKILL.md" });
  }
  const found = readPlainFile(join(root, ...parts), maxSkillFile_bytes);
  if (!found)
    throw new Fault("not_found", `skill ${name} has no file ${JSON.stringify(file)}`, { hint: "see its SKILL.md" });
  return { ...facts, file, content: found.text };
}

function findSkill(places: SkillPlaces, name: string): SkillFacts {
  if (!skillName.test(name)) throw unknownSkill(name);
  if (readLock(places.adopted).has(name)) return adoptedSkill(places, name);
  const directory = join(places.workspace, name);
  if (!lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw unknownSkill(name);
  return describeSkill(directory, name, 2);
}

/** Throws `data_loss` when its files are not the ones that were adopted. */
function adoptedSkill(places: SkillPlaces, name: string): SkillFacts {
  const pinned = readLock(places.adopted).get(name);
  const facts = describeSkill(join(places.adopted, name), name, 1);
  if (facts.sha256 === pinned) return facts;
  throw new Fault("data_loss", `skill ${name} is no longer what was adopted`, {
    hint: `look at it and adopt it again, or run: reeve skills remove ${name}`,
  });
}

function directoriesIn(place: string): readonly string[] {
  if (!existsSync(place)) return [];
  const entries = readdirSync(place, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() && skillName.test(entry.name) ? [entry.name] : [])).sort();
}

/** One skill that is broken does not hide the others. */
function attempt(problems: string[], read: () => SkillFacts): readonly SkillFacts[] {
  try {
    return [read()];
  } catch (thrown) {
    problems.push(asFault(thrown).message);
    return [];
  }
}

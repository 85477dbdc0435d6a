/**
 * Skills in the agentskills.io format: a directory with a SKILL.md. Adopted ones are pinned by hash and belong to ring 1;
 * those that merely lie in the workspace are anybody's words and belong to ring 2.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { cleanText } from "../core/text.ts";
import type { SkillFacts, SkillsHandle } from "../define/handles.ts";
import { describeSkill, isSkillName, unknownSkill } from "./skill-file.ts";
import { readLock } from "./skill-lock.ts";
import { readTree, type SkillTree, withDirectory } from "./skill-tree.ts";

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

interface Skill {
  readonly facts: SkillFacts;
  readonly tree: SkillTree;
}

/** Whoever fills the workspace decides how much is read at the start of each run; more than this is not. */
const maxWorkspaceSkills = 64;

/** Adopted skills first; one of the workspace never stands in for an adopted one of the same name, not even a broken one. */
export function listSkills(places: SkillPlaces): SkillList {
  const problems: string[] = [];
  const pinned = [...readLock(places.adopted).keys()].sort();
  const adopted = pinned.flatMap((name) => attempt(problems, () => adoptedSkill(places, name)));
  const names = namesInWorkspace(places, problems).filter((name) => !pinned.includes(name));
  if (names.length > maxWorkspaceSkills) {
    problems.push(`the workspace holds ${names.length} skills; only the first ${maxWorkspaceSkills} are listed`);
  }
  const others = names
    .slice(0, maxWorkspaceSkills)
    .flatMap((name) => attempt(problems, () => workspaceSkill(places, name)));
  return { skills: [...adopted, ...others].map(({ facts }) => facts), problems };
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
  if (!isSkillName(name)) throw unknownSkill(name);
  const isPinned = readLock(places.adopted).has(name);
  const { facts, tree } = isPinned ? adoptedSkill(places, name) : workspaceSkill(places, name);
  if (file.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new Fault("permission_denied", `${JSON.stringify(file)} is no file of a skill`, {
      hint: "name it relative to the skill's directory, without dots",
    });
  }
  const found = tree.files.get(file);
  if (found) return { ...facts, file, content: cleanText(found.bytes, `${name}/${file}`) };
  throw new Fault("not_found", `skill ${name} has no file ${JSON.stringify(file)}`, { hint: "see its SKILL.md" });
}

/** Throws `data_loss` when its files are not the ones that were adopted, whatever it is that became of them. */
function adoptedSkill(places: SkillPlaces, name: string): Skill {
  const pinned = readLock(places.adopted).get(name);
  const path = join(places.adopted, name);
  let cause: unknown;
  try {
    const tree = readTree(path, path, "trusted");
    if (tree && tree.sha256 === pinned) return { tree, facts: describeSkill(tree, path, name, 1) };
  } catch (thrown) {
    // That the disk or the system would not let us look says nothing about the skill.
    if (thrown instanceof Fault && systemErrorName(thrown.cause) !== undefined) throw thrown;
    cause = thrown;
  }
  throw new Fault("data_loss", `skill ${name} is no longer what was adopted`, {
    hint: `look at it and adopt it again, or run: reeve skills remove ${name}`,
    cause,
  });
}

function workspaceSkill(places: SkillPlaces, name: string): Skill {
  let tree: SkillTree | undefined;
  const what = `skills/${name} of the workspace`;
  withDirectory(places.workspace, (place) => {
    tree = readTree(`/proc/self/fd/${place}/${name}`, what, "anyone");
  });
  if (!tree) throw unknownSkill(name);
  return { tree, facts: describeSkill(tree, what, name, 2) };
}

/** Names that could be skills; none where `skills` is no directory of the workspace itself. */
function namesInWorkspace(places: SkillPlaces, problems: string[]): readonly string[] {
  const names: string[] = [];
  try {
    withDirectory(places.workspace, (place) => {
      const entries = readdirSync(`/proc/self/fd/${place}`, { withFileTypes: true });
      for (const entry of entries) if (entry.isDirectory() && isSkillName(entry.name)) names.push(entry.name);
    });
  } catch (thrown) {
    problems.push(asFault(thrown, "the skills of the workspace").message);
  }
  return names.sort();
}

/** One skill that is broken does not hide the others. */
function attempt(problems: string[], read: () => Skill): readonly Skill[] {
  try {
    return [read()];
  } catch (thrown) {
    problems.push(asFault(thrown).message);
    return [];
  }
}

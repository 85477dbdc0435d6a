/** SKILL.md: what a skill says of itself, in the frontmatter of the agentskills.io format. */
import { join } from "node:path";
import * as v from "valibot";
import { Fault } from "../core/fault.ts";
import { check } from "../core/schema.ts";
import type { SkillFacts } from "../define/handles.ts";
import { readPlainFile } from "./plain-file.ts";
import { hashTree } from "./skill-tree.ts";

export const skillName = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
export const maxSkillFile_bytes = 131_072;

const frontmatter = v.looseObject({
  name: v.pipe(v.string(), v.regex(skillName, "must be 1 to 64 lowercase letters, digits or '-'")),
  description: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(1024)),
});

/** What a directory with a SKILL.md says of itself. Throws `invalid_argument` for one that is not as the format wants it. */
export function describeSkill(directory: string, name: string, ring: 1 | 2): SkillFacts {
  if (!skillName.test(name)) throw unknownSkill(name);
  const file = readPlainFile(join(directory, "SKILL.md"), maxSkillFile_bytes);
  if (!file) throw new Fault("not_found", `${directory} has no SKILL.md`, { hint: "every skill has one" });
  const match = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/.exec(file.text);
  if (!match) {
    throw new Fault("invalid_argument", `${directory}/SKILL.md does not begin with frontmatter`, {
      hint: "write name and description between two lines of ---",
    });
  }
  const said = check(frontmatter, parseYaml(match[1] ?? "", directory), `${directory}/SKILL.md`);
  if (said.name !== name) {
    throw new Fault("invalid_argument", `${directory}/SKILL.md is named ${JSON.stringify(said.name)}`, {
      hint: "its name must be that of its directory",
    });
  }
  const description = said.description.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return { name, description, sha256: hashTree(directory), ring };
}

function parseYaml(text: string, directory: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (cause) {
    throw new Fault("invalid_argument", `${directory}/SKILL.md has frontmatter that is no YAML`, { cause });
  }
}

export function unknownSkill(name: string): Fault {
  return new Fault("not_found", `there is no skill named ${JSON.stringify(name.slice(0, 64))}`, {
    hint: "see reeve skills list",
  });
}

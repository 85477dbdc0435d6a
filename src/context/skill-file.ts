/** SKILL.md: what a skill says of itself, in the frontmatter of the agentskills.io format. */
import * as v from "valibot";
import { Fault } from "../core/fault.ts";
import { check } from "../core/schema.ts";
import { cleanText } from "../core/text.ts";
import type { SkillFacts } from "../define/handles.ts";
import { oneLine } from "./line.ts";
import type { SkillTree } from "./skill-tree.ts";

const maxDescription_chars = 1024;

/** 1 to 64 of a-z and 0-9, with single hyphens between. Words that a map's keys cannot be are no names. */
export function isSkillName(name: string): boolean {
  return name.length <= 64 && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) && !["constructor", "prototype"].includes(name);
}

const frontmatter = v.looseObject({
  name: v.pipe(v.string(), v.check(isSkillName, "must be 1 to 64 of a-z and 0-9 with single hyphens between")),
  description: v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1),
    v.check((text) => [...text].length <= maxDescription_chars, "must be at most 1024 characters"),
  ),
});

/** What the skill in the directory `name` says of itself. Throws `invalid_argument` for one that is not as the format wants it. */
export function describeSkill(tree: SkillTree, what: string, name: string, ring: 1 | 2): SkillFacts {
  const file = tree.files.get("SKILL.md");
  if (!file) throw new Fault("not_found", `${what} has no SKILL.md`, { hint: "every skill has one" });
  const match = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/.exec(cleanText(file.bytes, `${what}/SKILL.md`));
  if (!match) {
    throw new Fault("invalid_argument", `${what}/SKILL.md does not begin with frontmatter`, {
      hint: "write name and description between two lines of ---",
    });
  }
  const said = check(frontmatter, parseYaml(match[1] ?? "", what), `${what}/SKILL.md`);
  if (said.name !== name) {
    throw new Fault("invalid_argument", `${what}/SKILL.md is named ${JSON.stringify(said.name)}`, {
      hint: "its name must be that of its directory",
    });
  }
  const description = oneLine(said.description);
  if (description === "") throw new Fault("invalid_argument", `${what}/SKILL.md has a description nobody can see`);
  return { name, description, sha256: tree.sha256, ring };
}

function parseYaml(text: string, what: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (cause) {
    throw new Fault("invalid_argument", `${what}/SKILL.md has frontmatter that is no YAML`, {
      hint: "quote a text with a colon in it",
      cause,
    });
  }
}

export function unknownSkill(name: string): Fault {
  return new Fault("not_found", `there is no skill named ${JSON.stringify(name.slice(0, 64).toWellFormed())}`, {
    hint: "see reeve skills list",
  });
}

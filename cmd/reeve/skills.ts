/** `reeve skills`: what agents can learn here; adopting one is the operator's own act. */
import { basename, join, resolve } from "node:path";
import * as v from "valibot";
import { loadConfig } from "../../src/config/load.ts";
import { adoptSkill, removeSkill } from "../../src/context/skill-lock.ts";
import { listSkills, readSkill, type SkillPlaces } from "../../src/context/skills.ts";
import { type CommandContext, defineCommand, defineGroup, described, option } from "../../src/define/command.ts";
import { workspaceRoot } from "../../src/engine/place.ts";
import { columns } from "./shell/columns.ts";
import { requireAllowed, requireHome } from "./shell/control.ts";
import { withEngine } from "./shell/engine.ts";

const nameField = described(v.string(), "NAME", "the skill");

function placesOf({ home }: CommandContext): SkillPlaces {
  const workspace = workspaceRoot(home, loadConfig(home.config));
  return { adopted: join(home.state, "skills"), workspace: join(workspace, "skills") };
}

const list = defineCommand({
  name: "skills list",
  summary: "List adopted skills, then those of the workspace.",
  input: v.strictObject({}),
  run: (ctx) => {
    requireHome(ctx);
    return listSkills(placesOf(ctx));
  },
  render: ({ skills: found, problems }, paint) => {
    const lines = found.map(({ name, ring, sha256, description }) => [
      name,
      ring === 1 ? "adopted" : "workspace",
      sha256.slice(0, 12),
      description,
    ]);
    const table = columns(lines, ["SKILL", "FROM", "SHA-256", "DESCRIPTION"], paint, "no skills");
    return [table, ...problems.map((words) => `${paint.caution("not a skill:")} ${words}`)].join("\n");
  },
});

const show = defineCommand({
  name: "skills show",
  summary: "Show a skill's SKILL.md or another of its files.",
  positionals: ["name", "file"],
  input: v.strictObject({ name: nameField, file: option(v.string(), "FILE", "relative to the skill's directory") }),
  run: (ctx, { name, file }) => {
    requireHome(ctx);
    return readSkill(placesOf(ctx), name, file ?? "SKILL.md");
  },
  render: ({ content }) => content.trimEnd(),
});

const adopt = defineCommand({
  name: "skills adopt",
  summary: "Copy a skill into the home and pin what was copied.",
  positionals: ["directory"],
  input: v.strictObject({ directory: described(v.string(), "DIR", "the directory with its SKILL.md") }),
  details: `
    Agents are told to trust an adopted skill; read it first. Its files are copied: a later change of DIR changes nothing,
    and a change of the copy is noticed and keeps the skill from being read.`,
  examples: ["reeve skills adopt workspace/skills/release-notes"],
  run: (ctx, { directory }) =>
    withEngine(ctx, async ({ keeper }) => {
      requireAllowed(ctx, "skills.write");
      const from = resolve(ctx.cwd, directory);
      const { name, sha256 } = await adoptSkill(placesOf(ctx).adopted, from, basename(from), (facts) =>
        keeper.ledger.append({
          type: "skill.adopted",
          actor: "operator",
          run: null,
          payload: { name: facts.name, sha256: facts.sha256, from },
        }),
      );
      return { name, sha256 };
    }),
  render: ({ name, sha256 }) => `adopted ${name} (${sha256})`,
});

const remove = defineCommand({
  name: "skills remove",
  summary: "Remove an adopted skill.",
  positionals: ["name"],
  input: v.strictObject({ name: nameField }),
  run: (ctx, { name }) =>
    withEngine(ctx, async ({ keeper }) => {
      requireAllowed(ctx, "skills.write");
      await removeSkill(placesOf(ctx).adopted, name, () =>
        keeper.ledger.append({ type: "skill.removed", actor: "operator", run: null, payload: { name } }),
      );
      return { name };
    }),
  render: ({ name }) => `removed ${name}`,
});

export const skills = defineGroup({
  name: "skills",
  summary: "List, show, adopt and remove skills.",
  commands: [list, show, adopt, remove],
});

/** `reeve agents`: who can be asked, a new one, and which answers when none is named. */
import * as v from "valibot";
import { defineCommand, defineGroup, described } from "../../src/define/command.ts";
import { columns } from "./shell/columns.ts";
import { actAsOperator } from "./shell/control.ts";
import { agentNamed } from "./shell/principal.ts";

const nameField = described(v.string(), "NAME", "the agent");

const agentRow = v.looseObject({
  name: v.string(),
  persona: v.array(v.string()),
  grants: v.number(),
  is_default: v.boolean(),
});

const list = defineCommand({
  name: "agents list",
  summary: "List the agents of this home.",
  input: v.strictObject({}),
  run: (ctx) => actAsOperator(ctx, "agent.list", { limit: 200 }, v.looseObject({ agents: v.array(agentRow) })),
  render: ({ agents: rows }, paint) => {
    const lines = rows.map((row) => [row.name, String(row.grants), row.is_default ? "yes" : "", row.persona.join(" ")]);
    return columns(lines, ["AGENT", "GRANTS", "DEFAULT", "PERSONA"], paint, "no agents");
  },
});

const create = defineCommand({
  name: "agents create",
  summary: "Make an agent that may do nothing yet.",
  positionals: ["name"],
  input: v.strictObject({ name: nameField }),
  details:
    "Its persona files lie in .reeve/agents/NAME and are yours to edit. An agent that is there already is left as it is.",
  run: (ctx, { name }) => {
    const output = v.looseObject({ agent_id: v.string(), seeded_files: v.array(v.string()) });
    return actAsOperator(ctx, "agent.create", { agent_id: agentNamed(name) }, output);
  },
  render: ({ agent_id, seeded_files }) =>
    `agent ${agent_id} created with ${seeded_files.join(", ")}\nnext: reeve policy grant agent:${agent_id} CAPABILITY`,
});

const switchTo = defineCommand({
  name: "agents switch",
  summary: "Make an agent the one that answers when none is named.",
  positionals: ["name"],
  input: v.strictObject({ name: nameField }),
  run: (ctx, { name }) =>
    actAsOperator(ctx, "agent.switch", { agent_id: agentNamed(name) }, v.looseObject({ agent_id: v.string() })),
  render: ({ agent_id }) => `agent ${agent_id} answers when none is named`,
});

export const agents = defineGroup({
  name: "agents",
  summary: "List, create and switch agents.",
  commands: [list, create, switchTo],
});

/** `reeve tools`: everything that can be called, as this binary declares it. */
import { existsSync } from "node:fs";
import * as v from "valibot";
import { loadConfig } from "../../src/config/load.ts";
import { jsonSchema } from "../../src/core/schema.ts";
import { defineCommand, defineGroup, described } from "../../src/define/command.ts";
import { catalogueOf, runsPrograms } from "../../src/engine/catalogue.ts";
import { wallsMissing } from "../../src/engine/walls.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { tools as all } from "../../src/tools/index.ts";
import { columns } from "./shell/columns.ts";

const list = defineCommand({
  name: "tools list",
  summary: "List the tools with their capabilities.",
  input: v.strictObject({}),
  async run({ home }) {
    const tier = existsSync(home.config) ? loadConfig(home.config).sandbox.tier : "auto";
    const missing = wallsMissing(await new Sandbox({ binary: process.execPath, tier }).tier()) ?? null;
    const tools = all.map((tool) => {
      const { name, summary, capability, effect, aliases } = tool;
      return { name, summary, capability, effect, aliases, unavailable: runsPrograms(tool) ? missing : null };
    });
    return { tools };
  },
  render: ({ tools }, paint) => {
    const table = columns(
      tools.map((tool) => [tool.unavailable === null ? tool.name : `${tool.name} *`, tool.effect, tool.summary]),
      ["TOOL", "EFFECT", "SUMMARY"],
      paint,
    );
    const missing = tools.find((tool) => tool.unavailable !== null)?.unavailable;
    return missing == null ? table : `${table}\n* not here: ${missing}`;
  },
});

const show = defineCommand({
  name: "tools show",
  summary: "Show one tool: what it takes, what it returns and what it may touch.",
  positionals: ["name"],
  input: v.strictObject({ name: described(v.string(), "NAME", "the tool, also by an earlier name such as file_read") }),
  run(_, { name }) {
    const catalogue = catalogueOf(all);
    const tool = catalogue.find(name);
    if (!tool) throw catalogue.missing(name);
    const { summary, capability, effect, aliases, examples, input, output } = tool;
    return {
      name: tool.name,
      summary,
      capability,
      effect,
      aliases,
      examples,
      input: jsonSchema(input),
      output: jsonSchema(output),
    };
  },
  render: (tool, paint) =>
    [
      `${paint.strong(tool.name)}: ${tool.summary}`,
      `capability ${tool.capability}, effect ${tool.effect}`,
      tool.aliases.length ? `also named ${tool.aliases.join(", ")}` : "",
      `input ${JSON.stringify(tool.input, null, 2)}`,
      `output ${JSON.stringify(tool.output, null, 2)}`,
      ...tool.examples.map((example) => `example /tool ${tool.name} ${JSON.stringify(example)}`),
    ]
      .filter(Boolean)
      .join("\n"),
});

export const tools = defineGroup({ name: "tools", summary: "List and describe the tools.", commands: [list, show] });

/** `reeve tools`: everything that can be called, as this binary declares it. */
import * as v from "valibot";
import { jsonSchema } from "../../src/core/schema.ts";
import { defineCommand, defineGroup, described } from "../../src/define/command.ts";
import { catalogueOf } from "../../src/engine/catalogue.ts";
import { tools as all } from "../../src/tools/index.ts";
import { columns } from "./shell/columns.ts";

const list = defineCommand({
  name: "tools list",
  summary: "List the tools with their capabilities.",
  input: v.strictObject({}),
  run: () => ({
    tools: all.map(({ name, summary, capability, effect, aliases }) => ({
      name,
      summary,
      capability,
      effect,
      aliases,
    })),
  }),
  render: ({ tools }, paint) =>
    columns(
      tools.map((tool) => [tool.name, tool.effect, tool.summary]),
      ["TOOL", "EFFECT", "SUMMARY"],
      paint,
    ),
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

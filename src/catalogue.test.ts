/** Every noun is one file and one line in its list, under the name of its file; and the generated documents are current. */
import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { join } from "node:path";
import { allCommands } from "../cmd/reeve/index.ts";
import { stale } from "../scripts/docs.ts";
import { annotatedFields, check, jsonSchema } from "./core/schema.ts";
import { flagsOf, isGroup } from "./define/command.ts";
import { wireName } from "./define/provider.ts";
import { controlCapabilities, splitCapability } from "./policy/capability.ts";
import { profiles } from "./policy/profiles.ts";
import { providers } from "./providers/index.ts";
import { tools } from "./tools/index.ts";

const commands = await allCommands();

const root = join(import.meta.dir, "..");

function filesIn(folder: string, pattern: string): readonly string[] {
  const files = [...new Glob(pattern).scanSync(join(root, folder))];
  return files
    .filter((file) => !/(?:\.test\.ts|^index\.ts|^main\.ts)$|^testdata\//.test(file))
    .map((file) => file.replace(/\.ts$/, ""))
    .sort();
}

describe("tools", () => {
  test("each file of an area is a listed tool named after its path", () => {
    const files = filesIn("src/tools", "*/*.ts").map((file) => file.replace("/", ".").replaceAll("-", "_"));
    expect(tools.map((tool) => tool.name).sort()).toEqual([...files]);
  });

  test("a name, an alias and a wire name belong to one tool only", () => {
    const names = tools.flatMap((tool) => [...new Set([tool.name, wireName(tool), ...tool.aliases])]);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test("a summary is one sentence of at most 120 characters", () => {
    expect(tools.filter((tool) => !/^[A-Z][^\n]{1,118}\.$/.test(tool.summary)).map((tool) => tool.name)).toEqual([]);
  });

  test("a capability is spelled area.verb", () => {
    expect(tools.filter((tool) => !/^[a-z]+\.[a-z_]+$/.test(tool.capability)).map((tool) => tool.name)).toEqual([]);
  });

  test("only agents, config, policy, secrets and runs have tools that control Reeve itself", () => {
    const control = tools.filter((tool) => tool.effect === "control").map((tool) => tool.name.split(".")[0]);
    expect([...new Set(control)].sort()).toEqual(["agent", "config", "policy", "run", "secrets"]);
  });

  test("a tool controls Reeve itself exactly when its capability belongs to the operator", () => {
    const control = tools.filter((tool) => tool.effect === "control").map((tool) => tool.name);
    const reserved = tools.filter((tool) => controlCapabilities.has(tool.capability)).map((tool) => tool.name);
    expect(control).toEqual(reserved);
  });

  test("every capability a profile grants is one that some tool asks for, and none is the operator's", () => {
    const asked = new Set(tools.map((tool) => tool.capability));
    const granted = Object.values(profiles).flatMap((profile) => profile.map((each) => splitCapability(each).name));
    expect(granted.filter((name) => !asked.has(name) || controlCapabilities.has(name))).toEqual([]);
  });

  test.each(tools.map((tool) => [tool.name, tool] as const))("%s checks its own examples", (_name, tool) => {
    expect(tool.examples.length).toBeGreaterThan(0);
    for (const example of tool.examples) expect(() => check(tool.input, example, tool.name)).not.toThrow();
  });

  test.each(tools.map((tool) => [tool.name, tool] as const))("%s refuses a field it does not know", (_name, tool) => {
    const stranger = { ...(tool.examples[0] as object), no_such_field: 1 };
    const holdsSecret = annotatedFields(tool.input).some((field) => field.secret);
    const words = holdsSecret ? "there is an unknown key" : "no_such_field: unknown key";
    expect(() => check(tool.input, stranger, tool.name)).toThrow(`${tool.name}: ${words}`);
  });

  test.each(tools.map((tool) => [tool.name, tool] as const))("%s has a closed JSON Schema", (_name, tool) => {
    expect(jsonSchema(tool.input)).toMatchObject({ type: "object", additionalProperties: false });
    expect(jsonSchema(tool.output)).toMatchObject({ type: "object" });
  });
});

describe("providers", () => {
  test("each file is a listed provider of that name", () => {
    expect(providers.map((provider) => provider.name).sort()).toEqual([...filesIn("src/providers", "*.ts")]);
  });
});

describe("commands", () => {
  test("each file is a listed command or group of that name", () => {
    expect(commands.map((entry) => entry.name).sort()).toEqual([...filesIn("cmd/reeve", "*.ts")]);
  });

  test("a command of a group is named after its group", () => {
    for (const group of commands.filter(isGroup)) {
      for (const command of group.commands) expect(command.name).toStartWith(`${group.name} `);
    }
  });

  test("a positional argument is a field of the input", () => {
    for (const command of commands.flatMap((entry) => (isGroup(entry) ? entry.commands : [entry]))) {
      const fields = flagsOf(command).map((flag) => flag.field);
      expect(command.positionals.filter((name) => !fields.includes(name))).toEqual([]);
    }
  });
});

test("the generated documents are current", async () => {
  expect(await stale()).toEqual([]);
});

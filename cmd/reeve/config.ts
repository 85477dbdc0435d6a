/** `reeve config`: the settings, one at a time or all, and whether the file is right. */
import * as v from "valibot";
import { isJsonObject, type Json } from "../../src/core/canonical.ts";
import { Fault } from "../../src/core/fault.ts";
import { didYouMean } from "../../src/core/nearest.ts";
import { loadConfig } from "../../src/config/load.ts";
import { redactConfig } from "../../src/config/redact.ts";
import { defineCommand, defineGroup, described, option, toggle } from "../../src/define/command.ts";
import { actAsOperator, requireHome } from "./shell/control.ts";

const get = defineCommand({
  name: "config get",
  summary: "Show the configuration, or one field of it.",
  positionals: ["field"],
  input: v.strictObject({ field: option(v.string(), "FIELD", "dotted name, such as engine.max_concurrent_runs") }),
  run(ctx, { field }) {
    requireHome(ctx);
    const all = redactConfig(loadConfig(ctx.home.config));
    return { ...(field === undefined ? {} : { field }), value: field === undefined ? all : fieldOf(all, field) };
  },
  render: (result) => text(result.value),
});

const set = defineCommand({
  name: "config set",
  summary: "Change one field; the whole is checked before anything is written.",
  positionals: ["field", "value"],
  input: v.strictObject({
    field: described(v.string(), "FIELD", "dotted name, such as engine.max_concurrent_runs"),
    value: described(v.string(), "VALUE", "JSON, or plain text for a text field"),
    dry_run: toggle("check only"),
  }),
  examples: ["reeve config set engine.max_concurrent_runs 16", "reeve config set agent.default writer"],
  async run(ctx, { field, value, dry_run }) {
    const output = v.looseObject({ updated_fields: v.array(v.string()), dry_run: v.boolean() });
    const input = { updates: { [field]: valueOf(value) }, dry_run };
    const { updated_fields } = await actAsOperator(ctx, "config.set", input, output);
    return { updated_fields, dry_run };
  },
  render: ({ updated_fields, dry_run }) =>
    updated_fields.length ? `${dry_run ? "would change" : "changed"} ${updated_fields.join(", ")}` : "nothing changed",
});

const checkFile = defineCommand({
  name: "config check",
  summary: "Read the configuration file and say what is wrong with it.",
  input: v.strictObject({}),
  run(ctx) {
    requireHome(ctx);
    const { warnings } = loadConfig(ctx.home.config);
    return { path: ctx.home.config, warnings };
  },
  render: ({ path, warnings }) => [`${path} is right`, ...warnings.map((line) => `warning: ${line}`)].join("\n"),
});

const path = defineCommand({
  name: "config path",
  summary: "Print where the configuration file is.",
  input: v.strictObject({}),
  run: (ctx) => ({ path: ctx.home.config }),
  render: (result) => result.path,
});

export const config = defineGroup({
  name: "config",
  summary: "See and change the configuration.",
  commands: [get, set, checkFile, path],
});

function fieldOf(all: Json, field: string): Json {
  let at: Json | undefined = all;
  for (const key of field.split(".")) at = isJsonObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  if (at !== undefined) return at;
  throw new Fault("not_found", `there is no configuration field ${JSON.stringify(field)}`, {
    hint: didYouMean(field, fieldNames(all), "see reeve config get"),
  });
}

function fieldNames(value: Json, prefix = ""): readonly string[] {
  if (!isJsonObject(value)) return [prefix];
  return Object.entries(value).flatMap(([key, member]) => fieldNames(member, prefix ? `${prefix}.${key}` : key));
}

/** JSON where it is JSON: `16`, `true`, `null`, `"text"`; everything else is text as it stands. */
function valueOf(given: string): Json {
  try {
    return JSON.parse(given) as Json;
  } catch {
    return given;
  }
}

function text(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

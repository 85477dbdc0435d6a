/** Every setting, its type, range, default and meaning: the one place they are declared. No setting can hold a secret. */
import { isAbsolute, normalize } from "node:path";
import * as v from "valibot";
import { isJsonObject, type Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { checkAgentName } from "../core/id.ts";
import { integer, jsonSchema, objectEntries } from "../core/schema.ts";

type Settings = v.InferOutput<typeof settingsSchema>;

/** The settings in force, and a sentence for each line of the file that has no effect. */
export type Config = Settings & { readonly warnings: readonly string[] };

/** A setting as documentation and forms need it. */
export interface ConfigField {
  /** Dotted name: `engine.tool_timeout_ms`. */
  readonly field: string;
  /** `integer from 1 to 10000`, `text`, `text or null`. */
  readonly type: string;
  readonly default: Json;
  readonly summary: string;
}

/** What `output.max_message_bytes` can be set to at most; nothing larger need ever be read. */
export const largestMessage_bytes = 67_108_864;

const text = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(4096),
  v.check(isClean, "must not hold control characters"),
);
const word = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,63}$/, "must be a name in lower case"));

export const settingsSchema = v.strictObject({
  workspace: section({
    root: setting(
      v.pipe(text, v.check(isInsideRoot, "must not be the root of the file system")),
      "workspace",
      "Directory that agents work in: absolute, or relative to the home.",
    ),
  }),
  agent: section({
    default: setting(
      v.pipe(v.string(), v.check(isAgentName, "must be an agent name: lowercase letters, digits, '-' or '_'")),
      "default",
      "Agent that `ask` and `run` start when none is named.",
    ),
  }),
  model: section({
    provider: setting(word, "offline", "Provider that answers; `offline` needs no key and no network."),
    name: setting(v.nullable(text), null, "Model of the provider; null for the provider's own choice."),
  }),
  engine: section({
    max_tool_iterations: setting(integer(1, 10_000), 120, "Rounds of tool calls in one run before it is stopped."),
    tool_timeout_ms: setting(
      integer(100, 86_400_000),
      900_000,
      "Milliseconds a tool call may take unless the tool says otherwise.",
    ),
    max_concurrent_runs: setting(integer(1, 10_000), 64, "Runs that may be under way at once."),
  }),
  output: section({
    max_message_bytes: setting(
      integer(1, largestMessage_bytes),
      1_048_576,
      "Bytes of a message; a larger one is refused.",
    ),
  }),
  ledger: section({
    witness_file: setting(
      v.nullable(v.pipe(text, v.check(isAbsolute, "must be an absolute path outside the home"))),
      null,
      "File that remembers the last checkpoint, so that a rollback of the home is noticed; null for the user's state directory.",
    ),
    checkpoint_entries: setting(integer(1, 1_000_000), 256, "Entries after which a checkpoint is signed."),
    checkpoint_interval_ms: setting(
      integer(1000, 86_400_000),
      60_000,
      "Milliseconds after which new entries are under a checkpoint.",
    ),
  }),
});

function setting<const S extends v.GenericSchema, const D extends v.InferInput<S>>(
  schema: S,
  value: D,
  summary: string,
) {
  return v.optional(v.pipe(schema, v.description(summary)), value);
}

function section<const E extends v.ObjectEntries>(entries: E) {
  return v.strictObject(entries);
}

/** The schema of each setting by dotted name, in order. */
export const settingSchemas: ReadonlyMap<string, v.GenericSchema> = new Map(
  Object.entries(objectEntries(settingsSchema)).flatMap(([name, part]) =>
    Object.entries(objectEntries(part)).map(([key, schema]) => [`${name}.${key}`, schema] as const),
  ),
);

/** The settings as a table, in order. */
export function configFields(): readonly ConfigField[] {
  return [...settingSchemas].map(([field, schema]) => {
    const described = jsonSchema(v.strictObject({ it: schema }));
    const properties = isJsonObject(described) ? described["properties"] : undefined;
    const shape = isJsonObject(properties) ? properties["it"] : undefined;
    if (!isJsonObject(shape) || shape["default"] === undefined)
      throw new Fault("internal", `setting ${field} has no description`);
    return { field, type: typeWords(shape), default: shape["default"], summary: String(shape["description"]) };
  });
}

function typeWords(shape: { readonly [key: string]: Json }): string {
  const choices = shape["anyOf"];
  if (Array.isArray(choices))
    return choices.map((each: Json) => (isJsonObject(each) ? typeWords(each) : "")).join(" or ");
  if (shape["type"] === "string") return "text";
  const range = shape["minimum"] === undefined ? "" : ` from ${shape["minimum"]} to ${shape["maximum"]}`;
  return `${shape["type"]}${range}`;
}

function isClean(value: string): boolean {
  return value.isWellFormed() && !/\p{Cc}/u.test(value);
}

function isInsideRoot(path: string): boolean {
  return normalize(path) !== "/";
}

function isAgentName(name: string): boolean {
  try {
    return checkAgentName(name) === name;
  } catch {
    return false;
  }
}

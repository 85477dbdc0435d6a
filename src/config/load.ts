/** Reading the configuration: every mistake at once, each with its place and the nearest name; nothing is guessed or replaced. */
import * as v from "valibot";
import { isJsonObject, type Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { locateJsonc, parseJsonc, readJsonc } from "../core/jsonc.ts";
import { didYouMean } from "../core/nearest.ts";
import { danger, earlierSetting, isEarlierSection, isReference, isSecretName, secretName } from "./earlier.ts";
import { type Config, configFields, settingSchemas, settingsSchema } from "./settings.ts";

/** A mistake in a configuration. */
export interface Issue {
  readonly field: string;
  readonly words: string;
  readonly hint: string;
}

/**
 * The configuration with defaults filled in. Throws the faults of `readJsonc`, and `invalid_argument` naming every
 * setting that is unknown, of the wrong type, out of range, dangerous or a secret.
 */
export function loadConfig(path: string): Config {
  return parseConfig(readJsonc(path).text, path);
}

/** The configuration a text holds; `what` names it in faults. */
export function parseConfig(text: string, what: string): Config {
  const root = parseJsonc(text, what);
  if (!isJsonObject(root)) {
    throw new Fault("invalid_argument", `${what} is not a JSON object`, {
      hint: 'write { "section": { "setting": value } }',
    });
  }
  const found = sort(root);
  if (found.issues.length > 0)
    throw issuesFault(
      what,
      found.issues.map((issue) => locate(issue, text)),
    );
  return { ...v.parse(settingsSchema, nest(found.values)), warnings: found.warnings };
}

/** One fault for all issues; `data.issues` has them one by one. */
export function issuesFault(what: string, issues: readonly Issue[]): Fault {
  const lines = issues.map(({ field, words }) => `${field}: ${words}`);
  return new Fault("invalid_argument", `${what}: ${lines.join("; ")}`, {
    hint: [...new Set(issues.map(({ hint }) => hint))].join("; "),
    data: { issues: lines },
  });
}

/** Why a value is not one of a setting, or undefined. The value itself is shown only when it is not text. */
export function valueIssue(field: string, value: Json): Issue | undefined {
  const schema = settingSchemas.get(field);
  const result = schema && v.safeParse(schema, value);
  if (!result || result.success) return undefined;
  const type = configFields().find((each) => each.field === field)?.type ?? "";
  const isOfType = typeof value === "string" && type.startsWith("text");
  if (isOfType) return { field, words: result.issues[0].message, hint: "docs/specs/config.md says what it may be" };
  const words = `must be ${type.startsWith("integer") ? "an " : ""}${type}, not ${isSecretName(field) ? "that" : shownAs(value)}`;
  return { field, words, hint: "numbers are written without quotes; see docs/specs/config.md" };
}

function shownAs(value: Json): string {
  if (typeof value === "string") return "text";
  if (Array.isArray(value)) return "a list";
  return isJsonObject(value) ? "an object" : String(value);
}

/** What is wrong with a name that is no setting, with the nearest one. */
export function unknownIssue(field: string): Issue {
  const [section = "", ...rest] = field.split(".");
  const all = [...settingSchemas.keys()];
  const inSection = all.filter((each) => each.startsWith(`${section}.`));
  const sections = [...new Set(all.map((each) => each.split(".")[0] ?? ""))];
  const bare = all.find((each) => each.split(".")[1] === field);
  if (bare !== undefined) return { field, words: "unknown key", hint: `did you mean "${bare}"?` };
  const isSection = rest.length > 0 && inSection.length > 0;
  const candidates = isSection ? inSection : rest.length > 0 ? all : sections;
  return { field, words: "unknown key", hint: didYouMean(field, candidates, `known here: ${candidates.join(", ")}`) };
}

interface Sorted {
  readonly values: ReadonlyMap<string, Json>;
  readonly issues: readonly Issue[];
  readonly warnings: readonly string[];
}

/** Each member of the file into settings, settings of the earlier system, and mistakes. */
function sort(root: { readonly [key: string]: Json }): Sorted {
  const values = new Map<string, Json>();
  const issues: Issue[] = [];
  const warnings: string[] = [];
  const accept = (from: string, to: string, value: Json) => {
    const issue = valueIssue(to, value);
    if (issue) issues.push({ ...issue, field: from });
    else values.set(to, value);
  };
  const moved: (readonly [from: string, to: string, value: Json])[] = [];
  for (const [field, value] of members(root)) {
    const earlier = earlierSetting(field);
    const refusal = refuse(field, value);
    if (refusal) issues.push(refusal);
    else if (settingSchemas.has(field)) {
      accept(field, field, value);
      const secret = secretName(field, value);
      if (isReference(value)) warnings.push(`${field} has no effect: keys are taken from the vault by their own names`);
      if (secret !== undefined)
        warnings.push(`${field} stands in the clear: remove it and run: reeve secrets set ${secret}`);
    } else if (!earlier) issues.push(isSection(field) ? sectionIssue(field) : unknownIssue(field));
    else if ("to" in earlier) moved.push([field, earlier.to, value]);
    else warnings.push(`${field} has no effect: ${earlier.without_effect}`);
  }
  for (const [from, to, value] of moved) {
    const isSet = values.has(to);
    warnings.push(isSet ? `${from} has no effect: ${to} is set` : `${from} is now called ${to}`);
    if (!isSet) accept(from, to, value);
  }
  return { values, issues, warnings };
}

function sectionIssue(field: string): Issue {
  return { field, words: "must be an object of settings", hint: `write "${field}": { ... }` };
}

/** Dotted names and values, descending only into the objects that are sections; a key with a dot in it keeps its quotes. */
function members(object: { readonly [key: string]: Json }, prefix = ""): readonly (readonly [string, Json])[] {
  return Object.entries(object).flatMap(([key, value]) => {
    const name = prefix + (key.includes(".") ? JSON.stringify(key) : key);
    return isSection(name) && isJsonObject(value) ? members(value, `${name}.`) : inner(name, value);
  });
}

/** Headers of the earlier system's providers are looked at one by one, for they held keys too. */
function inner(name: string, value: Json): readonly (readonly [string, Json])[] {
  const headers = name.endsWith(".headers") && isJsonObject(value) ? Object.entries(value) : [];
  const secrets = headers.map(([key, each]) => [`${name}.${key}`, each] as const);
  return [[name, value], ...secrets.filter(([field, each]) => secretName(field, each) !== undefined)];
}

function isSection(name: string): boolean {
  return isEarlierSection(name) || [...settingSchemas.keys()].some((each) => each.startsWith(`${name}.`));
}

/** What may not stand in a configuration under any name. */
function refuse(field: string, value: Json): Issue | undefined {
  const secret = secretName(field, value);
  if (secret !== undefined && !settingSchemas.has(field)) {
    return {
      field,
      words: "a secret must not stand in the configuration",
      hint: `remove it and run: reeve secrets set ${secret}`,
    };
  }
  const why = danger(field, value);
  return why === undefined
    ? undefined
    : { field, words: `refused: ${why}`, hint: "remove it; grant what is needed with reeve policy grant" };
}

/** The issue with its place in the text behind the name. */
function locate(issue: Issue, text: string): Issue {
  const at = locateJsonc(text, issue.field.split("."));
  return at === undefined ? issue : { ...issue, words: `${issue.words} (${at})` };
}

interface Nested {
  [key: string]: Json | Nested;
}

/** Every section is there, so that its settings get their defaults. */
function nest(values: ReadonlyMap<string, Json>): Nested {
  const nested: Nested = {};
  for (const field of settingSchemas.keys()) {
    const keys = field.split(".");
    let at = nested;
    for (const key of keys.slice(0, -1)) {
      at[key] ??= {};
      at = at[key] as Nested;
    }
    const value = values.get(field);
    if (value !== undefined) at[keys.at(-1) ?? ""] = value;
  }
  return nested;
}

/** The input fields of an offered tool, read from its JSON schema, and what each is for. */
import { isJsonObject, type Json } from "../../core/canonical.ts";
import type { ToolOffer } from "../../define/provider.ts";
import { isFilePath } from "./paths.ts";

export type Role =
  | "path"
  | "pattern"
  | "count"
  | "first_line"
  | "line_count"
  | "bytes"
  | "least_bytes"
  | "most_bytes"
  | "zone"
  | "extension"
  | "glob"
  | "duration"
  | "setting"
  | "host"
  | "name"
  | "port"
  | "run"
  | "agent"
  | "choice"
  | "flag"
  | "other";

export interface Field {
  readonly name: string;
  readonly role: Role;
  readonly required: boolean;
  /** True when the field takes a list of such values. */
  readonly list: boolean;
  readonly choices: readonly string[];
  readonly minimum: number;
  readonly maximum: number;
  readonly max_length: number;
}

const read = new WeakMap<ToolOffer, readonly Field[]>();

/** In the order of the schema; read once for an offer. */
export function fieldsOf(offer: ToolOffer): readonly Field[] {
  const before = read.get(offer);
  if (before) return before;
  const fields = fieldsIn(offer);
  read.set(offer, fields);
  return fields;
}

function fieldsIn(offer: ToolOffer): readonly Field[] {
  const schema = isJsonObject(offer.input) ? offer.input : {};
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries(properties).map(([name, property]) => fieldOf(name, property, required.includes(name)));
}

/** True when the tool's path is a folder's: it descends, or its first example names no file. */
export function takesFolder(offer: ToolOffer): boolean {
  const fields = fieldsOf(offer);
  if (fields.some((field) => field.name === "recursive")) return true;
  const example = offer.examples[0];
  const path = isJsonObject(example) ? example["path"] : undefined;
  return typeof path === "string"
    ? !isFilePath(path)
    : fields.some((field) => field.role === "path" && !field.required);
}

/** An input that shows how the tool is called: its first example, else its required fields by name. */
export function exampleOf(offer: ToolOffer): Json {
  const [first] = offer.examples;
  if (first !== undefined) return first;
  return Object.fromEntries(fieldsOf(offer).flatMap((field) => (field.required ? [[field.name, sample(field)]] : [])));
}

function sample(field: Field): Json {
  const [choice] = field.choices;
  if (choice !== undefined) return choice;
  if (field.role === "flag") return true;
  if (Number.isFinite(field.minimum)) return field.minimum;
  return field.role === "path" ? "README.md" : field.name.toUpperCase();
}

function fieldOf(name: string, property: Json, required: boolean): Field {
  const outer = resolve(property);
  const list = outer["type"] === "array";
  const inner = list ? resolve(outer["items"] ?? {}) : outer;
  const choices = choicesOf(inner);
  const minimum = numberOr(inner["minimum"], Number.NEGATIVE_INFINITY);
  return {
    name,
    role: roleOf(name, inner, choices),
    required: required && outer["default"] === undefined,
    list,
    choices,
    minimum,
    maximum: numberOr(inner["maximum"], Number.POSITIVE_INFINITY),
    max_length: numberOr(inner["maxLength"], Number.POSITIVE_INFINITY),
  };
}

/** The non-null member of an `anyOf`, else the schema itself. */
function resolve(property: Json): { readonly [key: string]: Json } {
  if (!isJsonObject(property)) return {};
  const members = property["anyOf"] ?? property["oneOf"];
  if (!Array.isArray(members)) return property;
  const constants = members.flatMap((each: Json) =>
    isJsonObject(each) && typeof each["const"] === "string" ? [each["const"]] : [],
  );
  if (constants.length > 0) return { ...property, type: "string", enum: constants };
  const member: unknown = members.find((each: Json) => isJsonObject(each) && each["type"] !== "null");
  return isJsonObject(member) ? { ...property, ...member } : property;
}

function choicesOf(schema: { readonly [key: string]: Json }): readonly string[] {
  const values = schema["enum"] ?? (typeof schema["const"] === "string" ? [schema["const"]] : []);
  return Array.isArray(values) ? values.filter((value: Json): value is string => typeof value === "string") : [];
}

function numberOr(value: Json | undefined, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

const roles: readonly (readonly [role: Role, names: RegExp])[] = [
  ["path", /^(?:paths?|dir|directory|folder|file|root)$/],
  ["least_bytes", /^min(?:imum)?_(?:bytes|size(?:_bytes)?)$/],
  ["most_bytes", /^max(?:imum)?_size(?:_bytes)?$/],
  ["bytes", /^max_bytes$/],
  ["count", /^(?:limit|count|top|n|max_(?:results|entries|matches))$/],
  ["first_line", /^(?:start|first)_line$/],
  ["line_count", /^max_lines$/],
  ["zone", /^(?:time_?zone|zone|tz)$/],
  ["extension", /^(?:ext|extensions?|suffix(?:es)?)$/],
  ["glob", /^(?:globs?|include|files)$/],
  ["duration", /^(?:since|window|period|age)_(?:ms|s)$/],
  ["setting", /^(?:field|setting|key)$/],
  ["host", /^(?:host|hostname|domain)$/],
  ["port", /^port$/],
  ["run", /^(?:run_id|run|id)$/],
  ["agent", /^(?:agent|agent_id|principal)$/],
  ["pattern", /^(?:pattern|query|text|needle|regex)$/],
  ["name", /^(?:name|process|filter)$/],
];

function roleOf(name: string, schema: { readonly [key: string]: Json }, choices: readonly string[]): Role {
  if (choices.length > 0) return "choice";
  if (schema["type"] === "boolean") return "flag";
  const kind = schema["x-resource"];
  if (kind === "path" || kind === "run" || kind === "agent") return kind;
  return roles.find(([, names]) => names.test(name))?.[0] ?? "other";
}

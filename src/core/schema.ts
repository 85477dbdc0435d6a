/**
 * valibot with the annotations Reeve needs: which fields name resources, which hold secrets, and how to say what is wrong.
 * Objects are closed (`v.strictObject`): an unknown key is an error with the nearest known name.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { type Json, isJsonObject } from "./canonical.ts";
import { Fault } from "./fault.ts";
import { didYouMean } from "./nearest.ts";

/**
 * What a resource string names; decides how a grant's pattern is matched against it. `endpoint`: `HOST:PORT` to connect
 * to, or with a `method_field` a URL.
 * `command`: a program, its arguments in the field `args`, or a list of both. `line`: a line of shell, each of whose commands
 * is asked about.
 */
export type ResourceKind = "path" | "name" | "agent" | "run" | "endpoint" | "command" | "line";

export interface ResourceNote {
  readonly kind: ResourceKind;
  /** Capability asked for this field when it is not the tool's own. */
  readonly capability?: string;
  /** Of an endpoint, whose field is a URL: the field that holds the method. */
  readonly method_field?: string;
}

type AnySchema = v.GenericSchema<unknown, unknown>;

/** The metadata key is ours; valibot carries it untouched and the JSON Schema shows it as `x-resource`. */
interface Note {
  readonly resource?: ResourceNote;
  /** `by name`: a map in which the names tell which values are secrets. */
  readonly secret?: true | "by name";
}

/** A string field that names a resource policy must agree to. */
export function resource(kind: ResourceKind, options: Omit<ResourceNote, "kind"> = {}) {
  const note: Note = { resource: { kind, ...options } };
  return v.pipe(v.string(), v.minLength(1), v.maxLength(4096), v.metadata({ reeve: note }));
}

/** A field of another schema that names resources: text, a number, or a list of text each of which is asked about. */
export function resourceOf<const S extends v.GenericSchema>(
  schema: S,
  kind: ResourceKind,
  options: { readonly capability?: string } = {},
) {
  const note: Note = { resource: { kind, ...options } };
  return v.pipe(schema, v.metadata<v.InferOutput<S>, { readonly reeve: Note }>({ reeve: note }));
}

/** A string that must never reach a record: ledger, bundle, log or error. */
export function secretText(max = 65_536) {
  const note: Note = { secret: true };
  return v.pipe(v.string(), v.minLength(1), v.maxLength(max), v.metadata({ reeve: note }));
}

/** A map by name in which some names are those of secrets; their values are held like `secretText`. */
export function secretByName<S extends v.GenericSchema>(schema: S) {
  const note: Note = { secret: "by name" };
  return v.pipe(schema, v.metadata<v.InferOutput<S>, { readonly reeve: Note }>({ reeve: note }));
}

/** An integer within [min, max]; `1e6` is an integer, `1.5` is not, and nothing is replaced by a default. */
export function integer(min: number, max: number) {
  return v.pipe(
    v.number(),
    v.integer((issue) => `expected a whole number but received ${issue.received}`),
    v.minValue(min),
    v.maxValue(max),
  );
}

export interface FieldNote extends Note {
  readonly field: string;
}

/** The annotated fields of an input object, in declaration order. */
export function annotatedFields(schema: AnySchema): readonly FieldNote[] {
  const entries = objectEntries(schema);
  return Object.entries(entries).flatMap(([field, member]) => {
    const note = noteOf(member);
    return note ? [{ field, ...note }] : [];
  });
}

/** The members of an object schema by name; empty for any other schema. */
export function objectEntries(schema: unknown): Readonly<Record<string, AnySchema>> {
  const own = schema as
    { readonly entries?: Readonly<Record<string, AnySchema>>; readonly pipe?: readonly unknown[] } | undefined;
  if (own?.entries) return own.entries;
  const first = own?.pipe?.[0];
  return first && first !== schema ? objectEntries(first) : {};
}

function noteOf(schema: unknown): Note | undefined {
  const own = schema as { readonly pipe?: readonly unknown[]; readonly wrapped?: unknown };
  for (const part of own.pipe ?? []) {
    const action = part as { readonly type?: string; readonly metadata?: { readonly reeve?: Note } };
    if (action.type === "metadata" && action.metadata?.reeve) return action.metadata.reeve;
    const inner = part === schema ? undefined : noteOf(part);
    if (inner) return inner;
  }
  return own.wrapped ? noteOf(own.wrapped) : undefined;
}

export function fits(schema: AnySchema, value: unknown): boolean {
  return !isListForObject(schema, value) && v.is(schema, value);
}

/** valibot takes a list for an object without its fields. */
function isListForObject(schema: AnySchema, value: unknown): boolean {
  return Array.isArray(value) && schema.type.endsWith("object");
}

/**
 * Validated output of `schema`, or an `invalid_argument` fault that lists every issue as `path: message`. Where a field is
 * marked secret the list repeats nothing of the value: not what was received, and no key the schema does not know.
 * `hint` says where the schema can be read; an unknown key near a known one is answered with that instead.
 */
export function check<S extends AnySchema>(
  schema: S,
  value: unknown,
  what: string,
  hint = "check the arguments against the schema",
): v.InferOutput<S> {
  if (isListForObject(schema, value)) {
    throw new Fault("invalid_argument", `${what}: expected an object but received a list`, { hint });
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output as v.InferOutput<S>;
  const discreet = annotatedFields(schema).some((note) => note.secret);
  const lines = result.issues.map((issue) => (discreet ? describeDiscreetly(issue) : describe(issue)));
  throw new Fault("invalid_argument", `${what}: ${lines.join("; ")}`, {
    hint: hintFor(schema, result.issues) ?? hint,
    data: { issues: lines },
  });
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? "";
  if (issue.type === "strict_object" && issue.expected === "never") return `${path}: unknown key`;
  if (issue.type === "strict_object" && issue.received === "undefined") return `${path}: required`;
  const words = issue.message.replace(/^Invalid \w+: /, "").replace(/^(\w)/, (letter) => letter.toLowerCase());
  return path ? `${path}: ${words}` : words;
}

function describeDiscreetly(issue: v.BaseIssue<unknown>): string {
  if (issue.type === "strict_object" && issue.expected === "never") return "there is an unknown key";
  if (issue.type === "strict_object" && issue.received === "undefined") return describe(issue);
  const path = v.getDotPath(issue);
  const words = `expected ${issue.expected ?? "another value"}`;
  return path ? `${path}: ${words}` : words;
}

function hintFor(schema: AnySchema, issues: readonly v.BaseIssue<unknown>[]): string | undefined {
  const issue = issues.find((each) => each.type === "strict_object" && each.expected === "never");
  if (!issue) return undefined;
  const keys = (issue.path ?? []).map((item) => String(item.key));
  const name = keys.at(-1) ?? "";
  let owner: unknown = schema;
  for (const key of keys.slice(0, -1)) owner = memberOf(unwrap(owner), key);
  const known = Object.keys(objectEntries(unwrap(owner)));
  return didYouMean(name, known, `known keys: ${known.join(", ") || "none"}`);
}

/** What a schema says of one member: of a field by its name, of a list's items by any index. */
function memberOf(schema: unknown, key: string): unknown {
  return objectEntries(schema)[key] ?? (schema as { readonly item?: unknown } | undefined)?.item;
}

function unwrap(schema: unknown): unknown {
  const inner = (schema as { readonly wrapped?: unknown } | undefined)?.wrapped;
  return inner ? unwrap(inner) : schema;
}

const converted = new WeakMap<object, Json>();

/** JSON Schema (draft 7) of a schema, converted once. */
export function jsonSchema(schema: AnySchema): Json {
  const known = converted.get(schema);
  if (known !== undefined) return known;
  const { $schema: _, ...body } = toJsonSchema(schema, { errorMode: "ignore" }) as Record<string, Json>;
  const notes = annotatedFields(schema);
  const properties = body["properties"];
  const result: Json =
    notes.length && isJsonObject(properties)
      ? {
          ...body,
          properties: Object.fromEntries(Object.entries(properties).map(([k, s]) => [k, withNote(k, s, notes)])),
        }
      : body;
  converted.set(schema, result);
  return result;
}

function withNote(field: string, schema: Json, notes: readonly FieldNote[]): Json {
  const note = notes.find((each) => each.field === field);
  if (!note || !isJsonObject(schema)) return schema;
  const { reeve: _, ...rest } = schema;
  if (note.secret === true) return { ...rest, writeOnly: true };
  return note.resource ? { ...rest, "x-resource": note.resource.kind } : rest;
}

/** A tool's input from what a clause says: only fields the schema has, only values in its ranges, nothing invented. */
import type { Json } from "../../core/canonical.ts";
import type { ToolOffer } from "../../define/provider.ts";
import type { Details } from "./extract.ts";
import { type Field, type Role, fieldsOf, takesFolder } from "./fields.ts";
import { isFilePath } from "./paths.ts";
import { conceptOfWord, wordsOf } from "./words.ts";

/** `inputs` holds more than one when a field takes one value and the clause names several. */
export type Filled =
  { readonly inputs: readonly Json[]; readonly notes: readonly string[] } | { readonly missing: Field };

/** `concepts` are the clause's topics in order. */
export function fillInput(offer: ToolOffer, details: Details, concepts: readonly string[]): Filled {
  const fields = fieldsOf(offer);
  const notes = unmetNotes(offer, details);
  const open = [...concepts];
  let inputs: Record<string, Json>[] = [{}];
  for (const field of fields) {
    const values = valuesFor(field, offer, details, open, notes);
    if (values.length === 0 && field.required) return { missing: field };
    if (values.length === 0) continue;
    if (field.role === "choice")
      spend(
        open,
        field.choices.filter((choice) => values.includes(choice)),
      );
    inputs = field.list
      ? inputs.map((input) => ({ ...input, [field.name]: [...values] }))
      : values.flatMap((value) => inputs.map((input) => ({ ...input, [field.name]: value })));
  }
  const order = fields.find((field) => field.role === "choice" && field.name === "sort");
  const count = fields.find((field) => field.role === "count");
  if (order && count) inputs = inputs.map((input) => bounded(input, order, count));
  return { inputs, notes };
}

/** How many are shown of what is put in order when the clause does not say. */
const fewest = 10;

/** "The largest" without a number means a few. */
function bounded(input: Record<string, Json>, order: Field, count: Field): Record<string, Json> {
  if (input[order.name] === undefined || input[count.name] !== undefined) return input;
  return { ...input, [count.name]: Math.min(fewest, count.maximum) };
}

/** What a clause holds that a tool should have a field for; a tool without one fits the clause less. */
export function demandsOf(details: Details): readonly Role[] {
  const demands: Role[] = [];
  if (details.paths.some((path) => path !== ".")) demands.push("path");
  if (details.pattern !== undefined) demands.push("pattern");
  if (details.ids.length > 0) demands.push("run");
  if (details.zones.length > 0) demands.push("zone");
  if (details.extensions.length > 0) demands.push("extension");
  return demands;
}

/** A word that settled one choice settles no other: "memory" is a topic or an order, not both. */
function spend(open: string[], choices: readonly string[]): void {
  const meant = new Set(choices.flatMap(conceptsMeant));
  const at = open.findIndex((concept) => meant.has(concept));
  if (at >= 0) open.splice(at, 1);
}

/** What the clause narrows by and the tool has no field for: the answer must not pretend it was narrowed. */
function unmetNotes(offer: ToolOffer, details: Details): string[] {
  const roles = fieldsOf(offer).map((field) => field.role);
  const notes: string[] = [];
  const unmet = (role: Role, what: string) => {
    if (!roles.includes(role)) notes.push(`${offer.name} cannot narrow its result by ${what}`);
  };
  if (details.extensions.length > 0 && !roles.includes("glob"))
    unmet("extension", `file type (${details.extensions.join(", ")})`);
  if (details.globs.length > 0 && details.extensions.length === 0) unmet("glob", `name (${details.globs.join(", ")})`);
  if (details.sizes.some((size) => size.bound === "least")) unmet("least_bytes", "size");
  if (details.duration_ms !== undefined) unmet("duration", "time");
  if (details.count !== undefined && details.count > 1) unmet("count", "number");
  return notes;
}

/** Above 1 when the clause means one choice of the tool, which then answers more to the point than an overview. */
export function focusOf(offer: ToolOffer, concepts: readonly string[]): number {
  const meant = fieldsOf(offer).some(
    (field) => field.role === "choice" && field.name !== "sort" && choicesFor(field, concepts).length > 0,
  );
  return meant ? 1.3 : 1;
}

function valuesFor(
  field: Field,
  offer: ToolOffer,
  details: Details,
  concepts: readonly string[],
  notes: string[],
): readonly Json[] {
  switch (field.role) {
    case "path":
      return pathsFor(field, offer, details);
    case "pattern":
      return details.pattern === undefined
        ? []
        : fitting([takesText(offer) || details.regex ? details.pattern : literal(details.pattern)], field);
    case "zone":
      return fitting(details.zones, field);
    case "extension":
      return fitting(withDots(details.extensions, offer, field.name), field);
    case "glob":
      return fitting(details.globs, field);
    case "setting":
      return fitting(details.settings.slice(0, 1), field);
    case "host":
      return fitting(details.hosts.slice(0, 1), field);
    case "name":
      return fitting(details.names.slice(0, 1), field);
    case "run":
      return fitting(details.ids, field);
    case "agent":
      return fitting(
        details.agents.slice(0, 1).map((name) => (field.name === "principal" ? `agent:${name}` : name)),
        field,
      );
    case "count":
      return within(details.count, field, notes, "");
    case "first_line":
      return within(details.lines?.first === 1 ? undefined : details.lines?.first, field, notes, "");
    case "line_count":
      return within(details.lines?.count, field, notes, "");
    case "bytes":
      return within(details.sizes.find((size) => size.bound === "most")?.bytes, field, notes, " bytes");
    case "least_bytes":
      return within(details.sizes.find((size) => size.bound !== "most")?.bytes, field, notes, " bytes");
    case "most_bytes":
      return within(details.sizes.find((size) => size.bound === "most")?.bytes, field, notes, " bytes");
    case "port":
      return within(details.ports[0], field, notes, "");
    case "duration":
      return within(inUnit(details.duration_ms, field.name), field, notes, "");
    case "choice":
      return choicesFor(field, concepts);
    case "flag":
      return isAsked(field.name, details, concepts) ? [true] : [];
    default:
      return [];
  }
}

function pathsFor(field: Field, offer: ToolOffer, details: Details): readonly string[] {
  const folders = takesFolder(offer);
  if (!folders)
    return fitting(
      details.folder && !details.paths.some(isFilePath) ? [] : details.paths.filter((path) => path !== "."),
      field,
    );
  if (details.paths.length > 0) return fitting(details.paths, field);
  return field.required ? ["."] : [];
}

/** Strings no longer than the field allows. */
function fitting(values: readonly string[], field: Field): readonly string[] {
  return values.filter((value) => value.length > 0 && value.length <= field.max_length);
}

/** A number in range as it is; one out of range becomes the nearest bound, and the answer says so. */
function within(value: number | undefined, field: Field, notes: string[], unit: string): readonly number[] {
  if (value === undefined) return [];
  const nearest = Math.min(Math.max(value, field.minimum), field.maximum);
  if (nearest !== value)
    notes.push(
      `${field.name} was ${value}${unit}; the tool takes ${nearest}${unit} at ${nearest < value ? "most" : "least"}`,
    );
  return [nearest];
}

function inUnit(duration_ms: number | undefined, name: string): number | undefined {
  if (duration_ms === undefined || name.endsWith("_ms")) return duration_ms;
  return Math.ceil(duration_ms / 1000);
}

/** True when the tool reads its pattern as plain text unless told otherwise. */
function takesText(offer: ToolOffer): boolean {
  return fieldsOf(offer).some((field) => field.role === "flag" && field.name === "regex");
}

/** Plain text as a regular expression that matches exactly it. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/gu, "\\$&");
}

function withDots(extensions: readonly string[], offer: ToolOffer, field: string): readonly string[] {
  const dotted =
    JSON.stringify(offer.examples).includes(`"${field}":["."`) ||
    JSON.stringify(offer.examples).includes(`"${field}":"."`);
  return dotted ? extensions.map((extension) => `.${extension}`) : extensions;
}

/** What besides its own name makes someone mean a choice. */
const choiceConcepts: Readonly<Record<string, readonly string[]>> = {
  size: ["large"],
  modified: ["new", "modify"],
  mtime: ["new"],
  newest: ["new"],
  time: ["new"],
  ports: ["listen", "port"],
  desc: ["large"],
  asc: ["small"],
  completed: ["success", "successful", "succeed", "finish", "done"],
  failed: ["unsuccessful"],
};

function conceptsMeant(choice: string): readonly string[] {
  return [...wordsOf(choice).map(conceptOfWord), ...(choiceConcepts[choice] ?? [])];
}

function choicesFor(field: Field, concepts: readonly string[]): readonly string[] {
  const order = (choice: string): number => {
    const positions = conceptsMeant(choice)
      .map((concept) => concepts.indexOf(concept))
      .filter((position) => position >= 0);
    return positions.length > 0 ? Math.min(...positions) : Number.POSITIVE_INFINITY;
  };
  const ordered = field.choices
    .map((choice) => ({ choice, at: order(choice) }))
    .filter(({ at }) => Number.isFinite(at));
  const [first] = ordered.sort((a, b) => a.at - b.at);
  return first ? [first.choice] : [];
}

function isAsked(name: string, details: Details, concepts: readonly string[]): boolean {
  if (name === "recursive") {
    const ordered = ["large", "small", "new", "source"].some((concept) => concepts.includes(concept));
    const deep = /\b(?:recursive(?:ly)?|everywhere|whole|entire|all|every|tree|beneath|nested|sub-?folders?|deep)\b/iu;
    return ordered || details.extensions.length > 0 || details.sizes.length > 0 || deep.test(details.rest);
  }
  if (name === "regex") return details.regex;
  if (name === "ignore_case") return details.ignore_case;
  const words = wordsOf(name.replace(/_only$|^only_|^include_|^with_/u, "")).map(conceptOfWord);
  return words.length > 0 && words.every((word) => concepts.includes(word));
}

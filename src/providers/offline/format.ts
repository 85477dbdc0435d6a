/** Values as people read them: human units, aligned tables, fences; control characters never reach the terminal. */
import { isJsonObject, type Json } from "../../core/canonical.ts";

export type JsonObject = { readonly [key: string]: Json };

/** Binary units with one decimal below 10: `512 B`, `4.0 KiB`, `23 GiB`. */
export function byteText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const rounded = unit > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0);
  return `${rounded} ${units[unit]}`;
}

export function percentText(percent: number): string {
  return `${percent < 9.95 && percent !== 0 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

/** The two largest units of a duration: `3 days 4 hours`, `12 minutes`, `0 seconds`. */
export function durationText(seconds: number): string {
  const units = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ] as const;
  const parts: string[] = [];
  let rest = Math.max(0, Math.floor(seconds));
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(plural(count, name));
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 seconds";
}

export function plural(count: number, noun: string): string {
  const many = /(?:s|sh|ch|x)$/u.test(noun) ? `${noun}es` : noun.replace(/([^aeiou])y$/u, "$1ie").concat("s");
  return `${count} ${count === 1 ? noun : many}`;
}

/** `2026-11-20T08:00:00.000Z` as `2026-11-20 08:00:00 UTC`; any other text as it is. */
export function momentText(text: string): string {
  return text.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/u, "$1 $2 UTC");
}

/** One line: control, bidirectional and line breaking characters are written as `\u{…}`. */
export function line(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, escapeCharacter);
}

/** Several lines: like `line`, but tabs and line feeds stay and CRLF becomes LF. */
function lines(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((each) => each.split("\t").map(line).join("\t"))
    .join("\n");
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Text in a fence longer than any run of backticks in it. */
export function fence(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/gu)].map((run) => run[0].length));
  const mark = "`".repeat(Math.max(3, longest + 1));
  return `${mark}\n${lines(text).replace(/\n$/u, "")}\n${mark}`;
}

export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** A Markdown table whose columns are aligned, so that it also reads well as plain text. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => columns.map((_, i) => line(row[i] ?? "").replaceAll("|", "\\|")));
  const widths = columns.map((column, i) =>
    Math.max(3, column.title.length, ...cells.map((row) => (row[i] ?? "").length)),
  );
  const pad = (text: string, i: number) =>
    columns[i]?.right ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0);
  const row = (texts: readonly string[]) => `| ${texts.map(pad).join(" | ")} |`;
  const rule = columns.map((column, i) =>
    column.right ? `${"-".repeat((widths[i] ?? 3) - 1)}:` : "-".repeat(widths[i] ?? 3),
  );
  return [row(columns.map((column) => column.title)), `| ${rule.join(" | ")} |`, ...cells.map(row)].join("\n");
}

export function textAt(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === "string" ? value : undefined;
}

export function numberAt(object: JsonObject, key: string): number | undefined {
  const value = object[key];
  return typeof value === "number" ? value : undefined;
}

export function objectAt(object: JsonObject, key: string): JsonObject | undefined {
  const value = object[key];
  return isJsonObject(value) ? value : undefined;
}

/** The objects of a list field; undefined when the field is not a list. */
export function objectsAt(object: JsonObject, key: string): readonly JsonObject[] | undefined {
  const value = object[key];
  return Array.isArray(value) ? value.filter(isJsonObject) : undefined;
}

export function textsAt(object: JsonObject, key: string): readonly string[] {
  const value = object[key];
  return Array.isArray(value) ? value.filter((each: Json): each is string => typeof each === "string") : [];
}

const mostLines = 60;

/** Any value as `key: value` lines, nested names joined by dots; long results are cut at a line and say so. */
export function keyValues(value: Json): string {
  const all = flatten(value, "");
  const shown = all.slice(0, mostLines).map((each) => `- ${line(each)}`);
  return [...shown, ...(all.length > mostLines ? [`- … and ${all.length - mostLines} more`] : [])].join("\n");
}

function flatten(value: Json, prefix: string): readonly string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${prefix || "result"}: none`];
    if (value.every((each) => typeof each !== "object" || each === null))
      return [`${prefix || "result"}: ${value.map(scalar).join(", ")}`];
    return value.flatMap((each: Json, i) => flatten(each, `${prefix}[${i + 1}]`));
  }
  if (isJsonObject(value)) {
    const entries = Object.entries(value);
    if (entries.length === 0) return [`${prefix || "result"}: none`];
    return entries.flatMap(([key, member]) => flatten(member, prefix ? `${prefix}.${key}` : key));
  }
  return [`${prefix || "result"}: ${unitText(prefix, value as null | boolean | number | string)}`];
}

function scalar(value: Json): string {
  return value === null ? "none" : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

/** A number whose name ends in a unit, in human units. */
function unitText(name: string, value: null | boolean | number | string): string {
  if (typeof value !== "number") return scalar(value);
  if (/(?:_bytes|\bsize|\btotal_bytes)$/u.test(name)) return byteText(value);
  if (/_percent$/u.test(name)) return percentText(value);
  if (/_s$/u.test(name)) return durationText(value);
  if (/_ms$/u.test(name) && Math.abs(value) < 1e11) return `${Math.round(value * 10) / 10} ms`;
  return scalar(value);
}

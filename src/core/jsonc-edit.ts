/** Small edits of a JSONC text that leave every comment, and the layout of all that does not change, where they are. */
import type { Node } from "jsonc-parser";
import { findNodeAtLocation, parseTree } from "jsonc-parser/lib/esm/impl/parser.js";
import { createScanner } from "jsonc-parser/lib/esm/impl/scanner.js";
import type { Json } from "./canonical.ts";
import { Fault } from "./fault.ts";
import type { JsoncPath } from "./jsonc.ts";

/**
 * The text with the member at `path` replaced, added or, for `undefined`, removed. Missing parents are created; in an
 * array the index one past the end appends. The text must be valid JSONC; throws `invalid_argument` when a parent of
 * the path is not a container. Comments behind a removed member on its line go with it.
 */
export function editJsonc(text: string, path: JsoncPath, value: Json | undefined): string {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const exists = root && findNodeAtLocation(root, [...path]);
  if (exists && value === undefined) return remove(text, exists.parent?.type === "property" ? exists.parent : exists);
  if (exists)
    return (
      text.slice(0, exists.offset) +
      layout(value as Json, indentAt(text, exists.offset)) +
      text.slice(exists.offset + exists.length)
    );
  if (!root || value === undefined) return text;
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const parent = findNodeAtLocation(root, path.slice(0, depth));
    if (parent) return append(text, parent, path[depth], wrap(path.slice(depth + 1), value));
  }
  return text;
}

/** Without a member and one comma next to it, and without its line when nothing else stands there. */
function remove(text: string, member: Node): string {
  const siblings = member.parent?.children ?? [];
  const before = siblings[siblings.indexOf(member) - 1];
  const after = commaBehind(text, member);
  const comma = after === undefined && before ? commaBehind(text, before) : undefined;
  const end = after === undefined ? member.offset + member.length : after + 1;
  const line = restOfLine(text, end);
  const start = line === undefined ? member.offset : startOfLine(text, member.offset);
  const rest = text.slice(line ?? end);
  return comma === undefined ? text.slice(0, start) + rest : text.slice(0, comma) + text.slice(comma + 1, start) + rest;
}

/** Where the comma behind a member stands, comments skipped; undefined when the next token is another. */
function commaBehind(text: string, member: Node): number | undefined {
  const scanner = createScanner(text, true);
  scanner.setPosition(member.offset + member.length);
  scanner.scan();
  const at = scanner.getTokenOffset();
  return text[at] === "," ? at : undefined;
}

/** Where the line break is, when only blanks and comments stand before it. */
function restOfLine(text: string, at: number): number | undefined {
  const blank = /[ \t]*(?:\/\*[^\n]*?\*\/[ \t]*)*(?:\/\/[^\r\n]*)?(?=\r?\n)/y;
  blank.lastIndex = at;
  return blank.test(text) ? blank.lastIndex : undefined;
}

/** Before the line break ahead of `at`, when only blanks stand between; else `at` itself. */
function startOfLine(text: string, at: number): number {
  const blanks = /(?:\r?\n)?[ \t]*$/.exec(text.slice(0, at));
  return blanks?.[0].includes("\n") ? blanks.index : at;
}

/** The value under the parents that do not exist yet. */
function wrap(missing: JsoncPath, value: Json): Json {
  return missing.reduceRight<Json>((inner, key) => (typeof key === "number" ? [inner] : { [key]: inner }), value);
}

function append(text: string, parent: Node, key: string | number | undefined, value: Json): string {
  const isKeyed = typeof key === "string";
  if (parent.type !== (isKeyed ? "object" : "array")) {
    throw new Fault("invalid_argument", `${JSON.stringify(key)} cannot be added to a JSON ${parent.type}`);
  }
  const inner = `${indentAt(text, parent.offset)}  `;
  const member = (isKeyed ? `${JSON.stringify(key)}: ` : "") + layout(value, inner);
  const last = parent.children?.at(-1);
  const close = parent.offset + parent.length - 1;
  const body = text.slice(0, close).trimEnd();
  const head = last && commaBehind(text, last) === undefined ? insert(body, last.offset + last.length, ",") : body;
  return `${head}\n${inner}${member}\n${inner.slice(2)}${text.slice(close)}`;
}

function insert(text: string, at: number, what: string): string {
  return text.slice(0, at) + what + text.slice(at);
}

/** The white space that begins the line holding `offset`. */
function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? "";
}

const lineWidth = 100;

/** Two-space JSON in which whatever fits on a line stays on one. */
function layout(value: Json, indent: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const isArray = Array.isArray(value);
  const members = isArray
    ? value.map((each: Json) => ["", each] as const)
    : Object.entries(value).map(([key, each]) => [`${JSON.stringify(key)}: `, each] as const);
  const [open, close] = isArray ? "[]" : "{}";
  if (members.length === 0) return `${open}${close}`;
  const pad = isArray ? "" : " ";
  const line = `${open}${pad}${members.map(([key, each]) => key + layout(each, "")).join(", ")}${pad}${close}`;
  if (!line.includes("\n") && indent.length + line.length <= lineWidth) return line;
  const rows = members.map(([key, each]) => `${indent}  ${key}${layout(each, `${indent}  `)}`);
  return `${open}\n${rows.join(",\n")}\n${indent}${close}`;
}

/**
 * Strict reading of JSONC files that people edit: comments and trailing commas are allowed, everything else that RFC 8259
 * leaves open is not. A duplicate key, a number that a double cannot hold and a half-written file are faults, never a guess.
 */
import { readFileSync, statSync } from "node:fs";
import type { Node, ParseError } from "jsonc-parser";
import { findNodeAtLocation, parseTree } from "jsonc-parser/lib/esm/impl/parser.js";
import { createScanner } from "jsonc-parser/lib/esm/impl/scanner.js";
import type { Json } from "./canonical.ts";
import { asFault, Fault } from "./fault.ts";
import { readQuickly } from "./jsonc-quick.ts";
import { fromUtf8 } from "./text.ts";

export type JsoncPath = readonly (string | number)[];

const maxDepth = 64;
const maxFileBytes = 4_194_304;

/**
 * The file's text and value. Throws `not_found` and the other system faults naming the file, `data_loss` when it is
 * empty, ends early or holds bytes that no editor writes, `failed_precondition` for any other mistake in it.
 */
export function readJsonc(path: string): { readonly text: string; readonly value: Json } {
  const text = readText(path);
  return { text, value: parseJsonc(text, path) };
}

function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    const facts = statSync(path);
    if (!facts.isFile()) {
      throw new Fault("failed_precondition", `${path} is not a regular file`, { hint: "put the file itself there" });
    }
    if (facts.size > maxFileBytes) {
      throw new Fault("failed_precondition", `${path} is larger than ${maxFileBytes} bytes`, {
        hint: "check that this is the right file",
      });
    }
    bytes = readFileSync(path);
  } catch (cause) {
    throw asFault(cause, path);
  }
  const text = fromUtf8(bytes);
  if (text === undefined) throw damaged(path, "is not valid UTF-8");
  if (text.includes("\0")) throw damaged(path, "contains NUL bytes");
  return text;
}

/**
 * The value of a JSONC text; `what` names it in faults, which say line and column (both from 1, columns in UTF-16 units).
 * Objects are plain; `__proto__`, NUL and lone surrogates are refused.
 */
export function parseJsonc(text: string, what: string): Json {
  return readQuickly(text) ?? readStrictly(text, what);
}

/** As `parseJsonc`, token by token: the reader whose faults know the place. */
export function readStrictly(text: string, what: string): Json {
  // The parser recurses, so a text with enough brackets to nest too deep is measured before it is parsed.
  if (countBrackets(text) > maxDepth) refuseUnclosed(text, what);
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first) {
    refuseUnclosed(text, what);
    throw mistake(what, text, first.offset, parseErrors[first.error] ?? "it is malformed");
  }
  if (!tree) throw damaged(what, "is empty");
  return valueOf(tree, text, what);
}

/** `line 3 column 5` of the member at `path` (its key, for a member of an object), or undefined when it is not there. */
export function locateJsonc(text: string, path: JsoncPath): string | undefined {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  const node = tree && findNodeAtLocation(tree, [...path]);
  if (!node) return undefined;
  return place(text, node.parent?.type === "property" ? node.parent.offset : node.offset);
}

function countBrackets(text: string): number {
  return text.split("{").length + text.split("[").length - 2;
}

function refuseUnclosed(text: string, what: string): void {
  const open = unclosed(text, what);
  if (open) throw damaged(what, open);
}

/** Where the text stops in the middle of something, or undefined when every bracket, string and comment is closed. */
function unclosed(text: string, what: string): string | undefined {
  const scanner = createScanner(text, false);
  const opened: number[] = [];
  let empty = true;
  while (scanner.scan() !== tokens.end) {
    const at = scanner.getTokenOffset();
    const token = text[at];
    const reachesEnd = scanner.getPosition() >= text.length;
    if (reachesEnd && cutOff.has(scanner.getTokenError()))
      return `ends early: what begins at ${place(text, at)} is not closed`;
    if (scanner.getToken() < tokens.firstTrivia || scanner.getToken() > tokens.lastTrivia) empty = false;
    if (scanner.getToken() === tokens.openBrace || scanner.getToken() === tokens.openBracket) opened.push(at);
    if (scanner.getToken() === tokens.closeBrace || scanner.getToken() === tokens.closeBracket) opened.pop();
    if (opened.length > maxDepth) throw mistake(what, text, at, `${token} nests deeper than ${maxDepth} levels`);
  }
  if (empty) return "is empty";
  const last = opened.at(-1);
  return last === undefined ? undefined : `ends early: the ${text[last]} at ${place(text, last)} is not closed`;
}

/** SyntaxKind and ScanError of jsonc-parser, whose ambient const enums an isolated module cannot name. */
const tokens = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  firstTrivia: 12,
  lastTrivia: 15,
  end: 17,
};
/** ParseErrorCode of jsonc-parser in words, by number. */
const parseErrors: readonly string[] = [
  "",
  "invalid symbol",
  "invalid number format",
  "property name expected",
  "value expected",
  "colon expected",
  "comma expected",
  "close brace expected",
  "close bracket expected",
  "end of file expected",
  "invalid comment token",
  "unexpected end of comment",
  "unexpected end of string",
  "unexpected end of number",
  "invalid unicode",
  "invalid escape character",
  "invalid character",
];
const cutOff: ReadonlySet<number> = new Set([1, 2]);

function valueOf(node: Node, text: string, what: string): Json {
  const children = node.children ?? [];
  if (node.type === "array") return children.map((child) => valueOf(child, text, what));
  if (node.type === "object") return objectOf(children, text, what);
  const value: unknown = node.value;
  if (typeof value === "number") return numberOf(value, node, text, what);
  if (typeof value === "string") return stringOf(value, node, text, what);
  if (typeof value === "boolean" || value === null) return value;
  throw mistake(what, text, node.offset, "a value is expected");
}

function objectOf(properties: readonly Node[], text: string, what: string): Json {
  const object: Record<string, Json> = {};
  for (const property of properties) {
    const [key, value] = property.children ?? [];
    if (!key || !value) throw mistake(what, text, property.offset, "a value is expected");
    const name = stringOf(String(key.value), key, text, what);
    if (name === "__proto__") throw mistake(what, text, key.offset, 'the key "__proto__" is not allowed');
    if (Object.hasOwn(object, name)) throw mistake(what, text, key.offset, `duplicate key ${JSON.stringify(name)}`);
    object[name] = valueOf(value, text, what);
  }
  return object;
}

function numberOf(value: number, node: Node, text: string, what: string): number {
  if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
  const written = text.slice(node.offset, node.offset + node.length);
  throw mistake(what, text, node.offset, `the number ${written} is too large to be held exactly`);
}

function stringOf(value: string, node: Node, text: string, what: string): string {
  if (value.isWellFormed() && !value.includes("\0")) return value;
  throw mistake(what, text, node.offset, "a string holds a NUL or a lone surrogate");
}

function place(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return `line ${line} column ${offset - before.lastIndexOf("\n")}`;
}

function mistake(what: string, text: string, offset: number, words: string): Fault {
  return new Fault("failed_precondition", `${what}: ${place(text, offset)}: ${words}`, {
    hint: "correct the file with an editor; comments and trailing commas are allowed",
  });
}

function damaged(what: string, words: string): Fault {
  return new Fault("data_loss", `${what} ${words}`, { hint: "restore the file from a backup or complete it by hand" });
}

/**
 * The quick way to read JSONC: comments and trailing commas are cut out and the runtime's own parser does the rest. It
 * answers only where the strict reader would answer the same, and is silent in every case of doubt.
 */
import type { Json } from "./canonical.ts";

const maxBrackets = 64;
const comment = /("(?:[^"\\\n]|\\.)*")|\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g;
const trailingComma = /("(?:[^"\\\n]|\\.)*")|,(?=\s*[\]}])/g;
const misplacedComma = /(?:^|[[{,:])\s*,/;
const key = /"(?:[^"\\\n]|\\.)*"(\s*:)?/g;

/** The value of a JSONC text, or undefined when the strict reader has to look at it. */
export function readQuickly(text: string): Json | undefined {
  // Escapes can spell NUL, lone surrogates and forbidden keys; deep nesting and odd commas are the strict reader's to refuse.
  if (text.includes("\\u") || text.includes("__proto__")) return undefined;
  if (text.split("{").length + text.split("[").length - 2 > maxBrackets) return undefined;
  const bare = text.replace(comment, (_, string?: string) => string ?? " ");
  if (misplacedComma.test(bare)) return undefined;
  const json = bare.replace(trailingComma, (_, string?: string) => string ?? "");
  const value = parse(json);
  if (value === undefined) return undefined;
  let keys = 0;
  for (const [, colon] of json.matchAll(key)) if (colon !== undefined) keys++;
  // A key that was written twice is there once.
  return countKeys(value) === keys ? value : undefined;
}

function parse(json: string): Json | undefined {
  try {
    return JSON.parse(json) as Json;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** Members of all objects within; NaN when a number is not held exactly or a string is not well formed. */
function countKeys(value: Json): number {
  if (typeof value === "number") return isExact(value) ? 0 : Number.NaN;
  if (typeof value === "string") return value.isWellFormed() ? 0 : Number.NaN;
  if (typeof value !== "object" || value === null) return 0;
  const members: readonly (readonly [string, Json])[] = Object.entries(value);
  const own = Array.isArray(value) ? 0 : members.length;
  return members.reduce((sum, [name, member]) => sum + countKeys(member) + (name.isWellFormed() ? 0 : Number.NaN), own);
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** What a capability's pattern means for each kind of resource. All functions are total: text from outside never throws. */
import type { ResourceKind } from "../core/schema.ts";
import { endpointProblem, matchesEndpoint } from "./endpoint.ts";
import { globProblem, matchesGlob, pathProblem } from "./glob.ts";

/**
 * A resource as a request names it. `path`: canonical, relative to the workspace. `endpoint`: `GET api.github.com:443`,
 * with the path behind it where it is known.
 * `command`: the argument vector as a JSON array, because joined words cannot be told apart again; null in it stands for what
 * is known only when it runs, be it one word, none or many, and `[null]` for a command of which nothing is known.
 */
export interface ResourceRequest {
  readonly capability: string;
  readonly kind: Exclude<ResourceKind, "line">;
  readonly value: string;
  /** It only starts what another resource of the request names: rules hold for it, and the other needs the grant. */
  readonly wraps?: true;
  /** Why no more of it is known. */
  readonly why?: string;
}

/** How patterns are read; `name` serves every kind without a grammar of its own. */
type PatternKind = "path" | "endpoint" | "command" | "name";

/** The kind of resource a capability's patterns speak of, by its area. */
export function kindOfCapability(name: string): PatternKind {
  return areas.get(name.slice(0, name.indexOf("."))) ?? "name";
}

const areas: ReadonlyMap<string, PatternKind> = new Map([
  ["fs", "path"],
  ["http", "endpoint"],
  ["shell", "command"],
]);

export function kindOfResource(resource: ResourceRequest): PatternKind {
  return resource.kind === "agent" || resource.kind === "run" ? "name" : resource.kind;
}

interface Grammar {
  /** Why the pattern is malformed or can never match, or undefined. */
  readonly patternProblem: (pattern: string) => string | undefined;
  /** Why the value is not canonical, or undefined. */
  readonly valueProblem: (value: string) => string | undefined;
  /** `unsure` is the answer where the value leaves open whether the pattern covers what is done with it. */
  readonly matches: (pattern: string, value: string, unsure: boolean) => boolean;
  /** The pattern that covers every value, also of a call that names none. */
  readonly everything: string;
}

export const grammars: Readonly<Record<PatternKind, Grammar>> = {
  path: { patternProblem: globProblem, valueProblem: pathProblem, matches: matchesGlob, everything: "**" },
  endpoint: {
    patternProblem: (pattern) => endpointProblem(pattern, true),
    valueProblem: (value) => endpointProblem(value, false),
    matches: matchesEndpoint,
    everything: "* *:*",
  },
  command: { patternProblem: commandProblem, valueProblem: argvProblem, matches: matchesCommand, everything: "*" },
  name: { patternProblem: namePatternProblem, valueProblem: nameProblem, matches: matchesName, everything: "*" },
};

function commandProblem(pattern: string): string | undefined {
  if (pattern === "*") return undefined;
  if (/["'\\]/.test(pattern))
    return "quotes and backslashes are not read; write the words before the one that needs them";
  const words = pattern.split(" ");
  if (words.includes("")) return "the words of a command are separated by one space";
  if (words.includes("*")) return "further arguments are always covered; leave the * away";
  return /\p{Cc}/u.test(pattern) || !pattern.isWellFormed() ? "a command holds no control characters" : undefined;
}

function argvOf(value: string): readonly (string | null)[] | undefined {
  try {
    const argv: unknown = JSON.parse(value);
    const isWord = (word: unknown) => typeof word === "string" || word === null;
    return Array.isArray(argv) && argv.length > 0 && argv.every(isWord) ? argv : undefined;
  } catch {
    return undefined;
  }
}

/** The words of a command as a pattern would begin, as far as they are certain and plain. */
export function beginningOf(value: string): string {
  const argv = argvOf(value) ?? [];
  const end = argv.findIndex((word) => word === null || !/^[\w./:@-]+$/.test(word));
  return (end < 0 ? argv : argv.slice(0, end)).join(" ");
}

function argvProblem(value: string): string | undefined {
  const [program = ""] = argvOf(value) ?? [];
  return program === "" ? "a command is a JSON array of its words" : undefined;
}

/** The words of the pattern are the first words of the command, each one whole. */
function matchesCommand(pattern: string, value: string, unsure = false): boolean {
  const argv = argvOf(value);
  if (!argv || pattern === "*") return argv !== undefined;
  const words = pattern.split(" ");
  const known = argv.includes(null) ? argv.indexOf(null) : argv.length;
  const isSame = words.slice(0, known).every((word, i) => word === argv[i]);
  return isSame && (words.length <= known || (known < argv.length && unsure));
}

function nameProblem(value: string): string | undefined {
  if (value === "") return "a name is never empty";
  return /\p{Cc}/u.test(value) || !value.isWellFormed() ? "a name holds no control characters" : undefined;
}

function namePatternProblem(pattern: string): string | undefined {
  const star = pattern.indexOf("*");
  if (star >= 0 && star < pattern.length - 1) return "the only wildcard in a name is a * at its end";
  return nameProblem(pattern);
}

function matchesName(pattern: string, value: string): boolean {
  return pattern.endsWith("*") ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
}

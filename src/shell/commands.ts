/**
 * The commands a line of shell would run, found by reading it with the grammar of bash. Nothing is decided here, and nothing
 * is certain but what is listed as known: the walls around a program are its boundary, this makes what policy and people are
 * asked about true.
 */
import { byteLength } from "../core/text.ts";
import { type Commands, gather } from "./gather.ts";
import { readCommand } from "./unwrap.ts";
import { readLine } from "./walk.ts";

const maxLineBytes = 16_384;

/** Of a line as `bash -c` would run it, in an environment with these variables. */
export function commandsOf(line: string, variables: readonly string[] = []): Commands {
  const problem = problemOf(line);
  if (problem) return { commands: [], reads: [], writes: [], unknown: [problem] };
  return gather(variables, (reading) => readLine(line, { reading, posix: false, depth: 0 }));
}

/** Of an argument vector that no shell reads: the program, and what it starts in turn. */
export function commandsOfArgv(argv: readonly string[], variables: readonly string[] = []): Commands {
  const words = argv.map((text) => ({ text, literal: true }));
  return gather(variables, (reading) => readCommand(words, { reading, posix: false, depth: 0 }, readLine));
}

/** What no line may hold, because it would look like another line to whoever reads it. */
function problemOf(line: string): string | undefined {
  if (byteLength(line) > maxLineBytes) return `it is longer than ${maxLineBytes} bytes`;
  if (!line.isWellFormed()) return "it is not valid Unicode";
  if (/[^\P{Cc}\n\t]/u.test(line)) return "it holds a control character";
  return /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(line)
    ? "it holds a character that reorders text"
    : undefined;
}

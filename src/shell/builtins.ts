/** Commands of the shell itself that change what later words mean, or evaluate what they are given. */
import { type Manner, type Reading, shown, type Word } from "./reading.ts";
import type { ReadLine } from "./unwrap.ts";
import { steersPrograms } from "./variables.ts";

/** Notes what a builtin does to the rest of the line; a name that is none does nothing. */
export function readBuiltin(name: string, args: readonly Word[], manner: Manner, line: ReadLine): void {
  const { reading } = manner;
  const literal = args.every((word) => word.literal);
  switch (name) {
    case "cd":
    case "pushd":
    case "popd":
      reading.moves = true;
      return;
    case "source":
    case ".":
      reading.unknown("the commands of a sourced file are not read");
      return;
    case "trap":
      readTrap(args, manner, line);
      return;
    case "set":
      if (!isPlainSet(args)) reading.unknown("set changes how the shell reads the line");
      return;
    case "let":
      for (const word of args) reading.unknown(`${shown(word.text)} is evaluated as arithmetic`);
      return;
    case "mapfile":
    case "readarray":
      if (!literal || args.some(({ text }) => /^-\w*[CO]/.test(text)))
        reading.unknown(`${name} may run a command for each line`);
      readNames(name, args, reading);
      return;
    case "export":
    case "readonly":
    case "local":
    case "declare":
    case "typeset":
    case "unset":
    case "read":
    case "getopts":
      readNames(name, args, reading);
      return;
    case "test":
    case "[":
      readTest(name, name === "[" ? args.slice(0, -1) : args, reading);
      return;
    case "printf":
    case "wait":
      readNamedByOption(name, args, reading);
      return;
    case "jobs":
      if (!literal || args.some(({ text }) => text.startsWith("-") && text.includes("x")))
        reading.unknown("jobs may run a command");
      return;
    default:
      if (changesNames.has(name)) reading.unknown(`${name} changes what names mean`);
  }
}

const changesNames: ReadonlySet<string> = new Set(
  "alias unalias enable hash bind complete compgen compopt shopt fc history".split(" "),
);

function readTrap(args: readonly Word[], manner: Manner, line: ReadLine): void {
  const { reading, depth } = manner;
  const rest = args[0]?.text === "--" ? args.slice(1) : args;
  const [action] = rest;
  if (!action || (action.literal && /^(?:-|-[lp]|)$/.test(action.text))) return;
  if (!action.literal) reading.unknown("what trap runs is known only when it runs");
  else if (rest.length > 1) line(action.text, { ...manner, depth: depth + 1 });
}

/** Options that stop, show or forbid; none that changes how words are read. */
function isPlainSet(args: readonly Word[]): boolean {
  for (let i = 0; i < args.length; i += 1) {
    const word = args[i];
    if (!word?.literal) return false;
    if (word.text === "--") return true;
    if (/^[-+][eufxC]*o$/.test(word.text)) {
      i += 1;
      if (!args[i]?.literal || !/^(?:pipefail|errexit|nounset|noglob|noclobber|xtrace)$/.test(args[i]?.text ?? ""))
        return false;
    } else if (!/^[-+][eufxC]+$/.test(word.text)) return false;
  }
  return true;
}

/** Names of variables as arguments: a computed one may be any, a subscript is evaluated, and some attributes are. */
function readNames(name: string, args: readonly Word[], reading: Reading): void {
  for (const word of args) {
    const [variable = "", value] = word.text.split(/\+?=(.*)/s);
    if (word.literal && /^[-+][a-zA-Z]+$/.test(word.text)) {
      if (/^(?:declare|typeset|local|export)$/.test(name) && /[in]/.test(word.text)) {
        reading.unknown(`${name} ${word.text} makes values be evaluated`);
      }
    } else if (word.splits) reading.unknown(`${name} takes ${shown(word.text)}, which may be any variable`);
    else if (!/^\w*$/.test(variable) || (!word.literal && value === undefined)) {
      if (word.literal && value === undefined && /^[\w.:,-]*$/.test(variable) && !/^(?:export|declare)$/.test(name))
        continue;
      reading.unknown(`${name} takes ${shown(word.text)}, which may be any variable`);
    } else if (steersPrograms(variable)) reading.unknown(`${variable} decides what runs`);
    else if (value === undefined && name !== "unset" && name !== "export") reading.texts.add(variable);
  }
}

/** `-v NAME` and `-p NAME`: the name may have a subscript, which is evaluated. */
function readNamedByOption(name: string, args: readonly Word[], reading: Reading): void {
  for (const [i, word] of args.entries()) {
    const before = args[i - 1];
    if (before?.literal && /^-[vp]$/.test(before.text)) readOneName(name, word, reading);
    if (word.literal && /^-[vp]./.test(word.text))
      reading.unknown(`${name} ${word.text} takes a name that is not read`);
  }
  // Nothing is certain where a word may be the option itself.
  const mayBeOption =
    name === "printf" ? args[0]?.literal === false : args.some((word) => word.splits && word.text !== "$!");
  if (mayBeOption) reading.unknown(`an argument of ${name} is known only when it runs, and may be an option`);
}

function readOneName(name: string, word: Word, reading: Reading): void {
  const isName = word.literal && /^\w+$/.test(word.text);
  if (!isName || steersPrograms(word.text))
    reading.unknown(`${name} takes ${shown(word.text)}, which may be any variable`);
  else reading.texts.add(word.text);
}

/** A test of the shell is known when its operators are. */
function readTest(name: string, args: readonly Word[], reading: Reading): void {
  const unknown = () => reading.unknown(`what ${name} tests is known only when it runs`);
  const [first, second, third] = args;
  if (args.some((word) => word.splits)) unknown();
  else if (first?.literal && first.text === "!") readTest(name, args.slice(1), reading);
  else if (args.length === 2 && first && second) {
    if (!first.literal) unknown();
    else if (/^-[vR]$/.test(first.text) && !(second.literal && /^\w+$/.test(second.text))) {
      reading.unknown(`${name} takes ${shown(second.text)}, which may be any variable`);
    }
  } else if (args.length === 3 && second && third) {
    if (!second.literal || /^-[ao]$/.test(second.text)) unknown();
  } else if (args.length > 3 && args.some((word) => !word.literal || /^-[vR]$/.test(word.text))) unknown();
}

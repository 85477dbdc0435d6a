/** From argv to a command and its unchecked input. Parsing is commander's; what exists comes from the commands' schemas. */
import { readFileSync } from "node:fs";
import { Fault } from "../../../src/core/fault.ts";
import { didYouMean } from "../../../src/core/nearest.ts";
import { fromUtf8 } from "../../../src/core/text.ts";
import { type Command, type CommandGroup, type Flag, flagsOf, isGroup } from "../../../src/define/command.ts";

export type Entry = Command | CommandGroup;

export interface Globals {
  readonly home: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly passphrase_file: string | undefined;
}

export type Parsed =
  | { readonly kind: "help"; readonly of: Entry | undefined }
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly input: Readonly<Record<string, unknown>>;
      readonly globals: Globals;
    };

/** Flags every command takes. */
export const globalFlags: readonly Flag[] = [
  globalFlag("home", "text", "DIR", "the home to use instead of the nearest one holding .reeve"),
  globalFlag("json", "switch", "", "print one JSON document, for failures too"),
  globalFlag("quiet", "switch", "", "no words on stderr but failures"),
  globalFlag("passphrase_file", "text", "FILE", "read the vault's passphrase from this file"),
  globalFlag("help", "switch", "", "show this help"),
];

function globalFlag(field: string, kind: "text" | "switch", placeholder: string, description: string): Flag {
  const flag = `--${field.replaceAll("_", "-")}`;
  return {
    field,
    flag,
    kind,
    placeholder,
    description,
    choices: [],
    required: false,
    fallback: undefined,
    positional: false,
  };
}

export async function parseArguments(argv: readonly string[], entries: readonly Entry[]): Promise<Parsed> {
  refuseBrokenText(argv);
  const found = findCommand(argv, entries);
  if (found.help) return { kind: "help", of: found.entry };
  if (!found.command) throw missingCommand(entries);
  const { command, rest } = found;
  const flags = [...flagsOf(command).filter((flag) => !flag.positional), ...globalFlags];
  const values = await parseRest(command, flags, normalise(rest, flags));
  if (values["help"] === true) return { kind: "help", of: command };
  const { home, json, quiet, passphrase_file, help: _, ...input } = values;
  return {
    kind: "run",
    command,
    input,
    globals: { home: text(home), json: json === true, quiet: quiet === true, passphrase_file: text(passphrase_file) },
  };
}

/** The runtime replaces what is not UTF-8 in argv; the kernel's own copy tells whether it did. */
function refuseBrokenText(argv: readonly string[]): void {
  if (!argv.some((word) => word.includes("\ufffd") || !word.isWellFormed())) return;
  let raw: Uint8Array;
  try {
    raw = readFileSync("/proc/self/cmdline");
  } catch {
    return;
  }
  if (fromUtf8(raw) === undefined) {
    throw new Fault("invalid_argument", "an argument is not valid UTF-8", { hint: "convert it to UTF-8 first" });
  }
}

interface Found {
  readonly entry: Entry | undefined;
  readonly command: Command | undefined;
  readonly help: boolean;
  readonly rest: readonly string[];
}

/** The verb and sub-verb are the first words that are neither a global flag nor its value. */
function findCommand(argv: readonly string[], entries: readonly Entry[]): Found {
  const words = [...argv];
  const before: string[] = [];
  let entry = takeName(words, before, entries, undefined);
  let help = asksHelp(before);
  if (entry === "help") {
    entry = takeName(words, before, entries, undefined);
    help = true;
  }
  if (entry === undefined || entry === "help") return { entry: undefined, command: undefined, help, rest: [] };
  if (!isGroup(entry)) return { entry, command: entry, help, rest: [...before, ...words] };
  const named = takeName(words, before, entry.commands, entry);
  help ||= asksHelp(before) || named === "help";
  if (named === undefined && help) return { entry, command: undefined, help, rest: [] };
  const command = named === undefined ? entry.commands[0] : entry.commands.find((each) => each === named);
  return { entry: command ?? entry, command, help, rest: [...before, ...words] };
}

function asksHelp(words: readonly string[]): boolean {
  return words.some((word) => word === "--help" || word === "-help" || word === "-h");
}

/** Moves global flags to `before` and takes the next word as a name; throws for a word that names nothing. */
function takeName(
  words: string[],
  before: string[],
  entries: readonly Entry[],
  group: CommandGroup | undefined,
): Entry | "help" | undefined {
  for (let word = words[0]; word !== undefined; word = words[0]) {
    if (!word.startsWith("-") || word === "-") return entryNamed(words.shift() ?? "", entries, group);
    const flag = globalFlags.find((each) => matches(each, word ?? ""));
    // A flag of the group's first command, which is meant when none is named.
    if (!flag && group) return undefined;
    if (!flag) throw unknownFlag(word, globalFlags, "reeve");
    before.push(...words.splice(0, flag.kind === "switch" || word.includes("=") ? 1 : 2));
  }
  return undefined;
}

function entryNamed(word: string, entries: readonly Entry[], group: CommandGroup | undefined): Entry | "help" {
  if (word === "help") return "help";
  const names = entries.map((entry) => lastWord(entry.name));
  const entry = entries[names.indexOf(word)];
  if (entry) return entry;
  const path = group ? `reeve ${group.name}` : "reeve";
  throw new Fault("invalid_argument", `${JSON.stringify(word)} is not a command of ${path}`, {
    hint: didYouMean(word, names, `commands: ${names.join(", ")}`),
  });
}

function missingCommand(entries: readonly Entry[]): Fault {
  const names = entries.map((each) => each.name).join(", ");
  return new Fault("invalid_argument", "no command is given", { hint: `one of ${names}; "reeve --help" says more` });
}

export function lastWord(name: string): string {
  return name.split(" ").at(-1) ?? name;
}

/** `-agent x` and `-message=x` of earlier scripts become `--agent x` and `--message=x`; `--force=false` becomes `--no-force`. */
function normalise(words: readonly string[], flags: readonly Flag[]): readonly string[] {
  const out: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "--") return [...out, ...words.slice(i)];
    const flag = word.startsWith("-") ? flags.find((each) => matches(each, word)) : undefined;
    if (!flag) {
      out.push(/^-[a-zA-Z][a-zA-Z0-9_-]+/.test(word) ? `-${word}` : word);
      continue;
    }
    const at = word.indexOf("=");
    const value = at < 0 ? undefined : word.slice(at + 1);
    if (flag.kind === "switch") {
      out.push(switchWord(flag, word, value));
      continue;
    }
    const given = value ?? words[++i];
    out.push(given === undefined ? flag.flag : `${flag.flag}=${given}`);
  }
  return out;
}

function switchWord(flag: Flag, word: string, value: string | undefined): string {
  const negated = /^--?no-/.test(word);
  if (value === undefined) return negated ? negative(flag) : flag.flag;
  if (!negated && (value === "true" || value === "false")) return value === "true" ? flag.flag : negative(flag);
  throw new Fault("invalid_argument", `${flag.flag} takes no value but true or false`, {
    hint: `write ${flag.flag} alone`,
  });
}

function negative(flag: Flag): string {
  return `--no-${flag.flag.slice(2)}`;
}

function matches(flag: Flag, word: string): boolean {
  const name = word.replace(/^--?/, "").split("=", 1)[0]?.replaceAll("_", "-");
  const own = flag.flag.slice(2);
  if (name === own || (flag.kind === "switch" && name === `no-${own}`)) return name.length > 1 || word.startsWith("--");
  // One letter is enough for the two that earlier scripts spell so.
  return (word === "-h" && own === "help") || (word === "-v" && own === "verbose");
}

async function parseRest(
  command: Command,
  flags: readonly Flag[],
  words: readonly string[],
): Promise<Record<string, unknown>> {
  const commander = await import("commander");
  const parser = new commander.Command(lastWord(command.name))
    .exitOverride()
    .helpOption(false)
    .allowExcessArguments(false)
    .configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const flag of flags) {
    if (flag.kind === "switch") parser.option(flag.flag).option(negative(flag));
    else
      parser.addOption(
        new commander.Option(`${flag.flag} <value>`).argParser((given, previous) => valueOf(flag, given, previous)),
      );
  }
  const positionals = flagsOf(command).filter((flag) => flag.positional);
  for (const each of positionals) parser.argument(each.kind === "list" ? `[${each.field}...]` : `[${each.field}]`);
  try {
    parser.parse([...words], { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof commander.CommanderError)) throw thrown;
    throw usageFault(thrown, command, flags);
  }
  return collect(parser, flags, positionals);
}

function collect(
  parser: { readonly args: readonly string[]; opts(): Record<string, unknown> },
  flags: readonly Flag[],
  positionals: readonly Flag[],
): Record<string, unknown> {
  const options = parser.opts();
  const values: Record<string, unknown> = {};
  for (const flag of flags) {
    const given = options[camelCase(flag.flag.slice(2))];
    if (given !== undefined) values[flag.field] = given;
  }
  positionals.forEach((flag, i) => {
    const rest = parser.args.slice(i);
    if (flag.kind === "list" && rest.length) values[flag.field] = rest;
    if (flag.kind !== "list" && rest[0] !== undefined) values[flag.field] = valueOf(flag, rest[0], undefined);
  });
  return values;
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** A value as its field's type. Numbers are decimal and complete: `1e6` is one, `5x`, `0x10` and the empty text are not. */
function valueOf(flag: Flag, given: string, previous: unknown): unknown {
  if (flag.kind === "list") return [...(Array.isArray(previous) ? previous : []), given];
  if (flag.choices.length && !flag.choices.includes(given)) {
    throw new Fault("invalid_argument", `${flagName(flag)} ${JSON.stringify(given)} is not one of its values`, {
      hint: didYouMean(given, flag.choices, `one of ${flag.choices.join(", ")}`),
    });
  }
  // The empty text would mean the working directory: an unset variable must not choose it.
  if (given === "" && (flag.placeholder === "FILE" || flag.placeholder === "DIR")) {
    throw new Fault("invalid_argument", `${flagName(flag)} is empty`, {
      hint: `name a ${flag.placeholder === "FILE" ? "file" : "directory"}`,
    });
  }
  if (flag.kind !== "number") return given;
  const number = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(given) ? Number(given) : Number.NaN;
  if (Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))) return number;
  throw new Fault("invalid_argument", `${flagName(flag)} ${JSON.stringify(given)} is not a number`, {
    hint: "write a decimal number such as 100 or 1e6",
  });
}

function flagName(flag: Flag): string {
  return flag.positional ? flag.placeholder : flag.flag;
}

function usageFault(
  error: { readonly code: string; readonly message: string },
  command: Command,
  flags: readonly Flag[],
): Fault {
  const path = `reeve ${command.name}`;
  const help = `see "${path} --help"`;
  if (error.code === "commander.unknownOption")
    return unknownFlag(/'([^']*)'/.exec(error.message)?.[1] ?? "", flags, path);
  if (error.code === "commander.optionMissingArgument") {
    return new Fault("invalid_argument", `${/'(--[^ ']*)/.exec(error.message)?.[1] ?? "a flag"} needs a value`, {
      hint: help,
    });
  }
  if (error.code === "commander.excessArguments") {
    const most = command.positionals.length;
    return new Fault(
      "invalid_argument",
      `${path} takes ${most === 0 ? "no arguments" : `at most ${most} argument${most > 1 ? "s" : ""}`} by position`,
      {
        hint: command.excess_hint ?? help,
      },
    );
  }
  return new Fault("invalid_argument", `${path}: the arguments were not understood`, { hint: help });
}

/** Names the flag without its value, which may be a secret typed in the wrong place. */
function unknownFlag(word: string, flags: readonly Flag[], path: string): Fault {
  const name = word.split("=", 1)[0]?.replace(/^-(?=[^-])/, "--") ?? word;
  return new Fault("invalid_argument", `${path} has no flag ${name}`, {
    hint: didYouMean(
      name,
      flags.map((flag) => flag.flag),
      `see "${path} --help"`,
    ),
  });
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Help as text, made from the commands alone: usage, arguments, flags, details and the table of exit statuses. */
import { type Command, exitStatuses, type Flag, flagsOf, isGroup } from "../../../src/define/command.ts";
import { type Entry, globalFlags, lastWord } from "./argv.ts";
import { fold } from "./fold.ts";

/** Of every terminal there is; help is the same text everywhere. */
const width = 80;

export function helpText(of: Entry | undefined, entries: readonly Entry[]): string {
  if (of === undefined) return overview(entries);
  return isGroup(of) ? groupHelp(of.name, of.summary, of.commands) : commandHelp(of);
}

function overview(entries: readonly Entry[]): string {
  return sections([
    hanging("", "Reeve runs a machine on its owner's behalf: policy before every effect, a ledger of all of them."),
    "USAGE\n  reeve COMMAND [FLAGS] [ARGUMENTS]",
    `COMMANDS\n${table(entries.map((entry) => [entry.name, entry.summary]))}`,
    `FLAGS OF EVERY COMMAND\n${flagTable(globalFlags)}`,
    '"reeve --version" prints the version.',
    '"reeve COMMAND --help" says more about one command.',
    statusSection([]),
  ]);
}

function groupHelp(name: string, summary: string, commands: readonly Command[]): string {
  return sections([
    hanging("", `reeve ${name}: ${lower(summary)}`),
    `USAGE\n  reeve ${name} COMMAND [FLAGS] [ARGUMENTS]`,
    `COMMANDS\n${table(commands.map((command) => [lastWord(command.name), command.summary]))}`,
    statusSection([]),
  ]);
}

function commandHelp(command: Command): string {
  const all = flagsOf(command).filter((flag) => !flag.hidden);
  const positionals = all.filter((flag) => flag.positional);
  const flags = all.filter((flag) => !flag.positional);
  const usage = ["reeve", command.name, ...(flags.length ? ["[FLAGS]"] : []), ...positionals.map(usageOf)].join(" ");
  return sections([
    hanging("", `reeve ${command.name}: ${lower(command.summary)}`),
    `USAGE\n  ${usage}`,
    positionals.length ? `ARGUMENTS\n${table(positionals.map((flag) => [flag.placeholder, described(flag)]))}` : "",
    flags.length ? `FLAGS\n${flagTable(flags)}` : "",
    `FLAGS OF EVERY COMMAND\n${flagTable(globalFlags)}`,
    command.details.trim() ? `DETAILS\n${prose(command.details)}` : "",
    command.examples.length ? `EXAMPLES\n${indent(command.examples.join("\n"))}` : "",
    statusSection(command.statuses),
  ]);
}

function statusSection(own: Command["statuses"]): string {
  const rows = exitStatuses(own).map(({ status, meaning }) => hanging(`  ${String(status).padStart(3)}  `, meaning));
  return `EXIT STATUS\n${rows.join("\n")}`;
}

function usageOf(flag: Flag): string {
  const name = flag.kind === "list" ? `${flag.placeholder}...` : flag.placeholder;
  return flag.required ? name : `[${name}]`;
}

function flagTable(flags: readonly Flag[]): string {
  return table(
    flags.map((flag) => [flag.kind === "switch" ? flag.flag : `${flag.flag} ${flag.placeholder}`, described(flag)]),
  );
}

function described(flag: Flag): string {
  const notes = [
    flag.choices.length ? flag.choices.join(", ") : "",
    flag.fallback === undefined || flag.fallback === false ? "" : `default ${String(flag.fallback)}`,
    flag.required && !flag.positional ? "required" : "",
    flag.kind === "list" && !flag.positional ? "may be repeated" : "",
  ].filter(Boolean);
  return notes.length ? `${flag.description} (${notes.join("; ")})` : flag.description;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const longest = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, words]) => hanging(`  ${name.padEnd(longest)}  `, words)).join("\n");
}

/** Words after a margin, and below it on every further line. */
function hanging(margin: string, words: string): string {
  const below = `\n${" ".repeat(margin.length)}`;
  return `${margin}${fold(words, width - margin.length).join(below)}`.trimEnd();
}

/** Paragraphs, whatever lines they were written in. */
function prose(text: string): string {
  const paragraphs = text.trim().split(/\n\s*\n/);
  return paragraphs
    .map((each) =>
      hanging(
        "  ",
        each
          .trim()
          .split(/\s*\n\s*/)
          .join(" "),
      ),
    )
    .join("\n\n");
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => (line.trim() ? `  ${line.trim()}` : ""))
    .join("\n");
}

function lower(summary: string): string {
  return summary.charAt(0).toLowerCase() + summary.slice(1);
}

function sections(parts: readonly string[]): string {
  return parts.filter(Boolean).join("\n\n");
}

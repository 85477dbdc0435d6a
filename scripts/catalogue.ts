/** docs/specs/catalog.md: every tool, provider and command of the binary, written from the declarations themselves. */
import type { Json } from "../src/core/canonical.ts";
import { jsonSchema } from "../src/core/schema.ts";
import { type Command, type CommandGroup, flagsOf, isGroup } from "../src/define/command.ts";
import type { Provider } from "../src/define/provider.ts";
import type { Tool } from "../src/define/tool.ts";

export interface Nouns {
  readonly tools: readonly Tool[];
  readonly providers: readonly Provider[];
  readonly commands: readonly (Command | CommandGroup)[];
}

export function renderCatalogue({ tools, providers, commands }: Nouns): string {
  const all = commands.flatMap((entry) => (isGroup(entry) ? entry.commands : [entry]));
  return [
    "# Catalogue",
    "",
    "Written by `make docs` from `src/tools/index.ts`, `src/providers/index.ts` and `cmd/reeve/index.ts`: do not edit.",
    "",
    `${counted(tools.length, "tool")}, ${counted(providers.length, "provider")}, ${counted(all.length, "command")}.`,
    "",
    "## Tools",
    "",
    ...table(
      ["tool", "effect", "capability", "also answers to"],
      tools.map((tool) => [code(tool.name), tool.effect, code(tool.capability), tool.aliases.map(code).join(" ")]),
    ),
    ...tools.flatMap(toolSection),
    "## Providers",
    "",
    ...table(
      ["provider", "what it is"],
      providers.map((provider) => [code(provider.name), provider.summary]),
    ),
    "## Commands",
    "",
    ...table(
      ["command", "what it does"],
      all.map((command) => [code(usage(command)), command.summary]),
    ),
  ].join("\n");
}

function toolSection(tool: Tool): readonly string[] {
  const schema = jsonSchema(tool.input) as Member;
  const fields = Object.entries((schema["properties"] ?? {}) as Readonly<Record<string, Member>>);
  const required = new Set((schema["required"] ?? []) as readonly string[]);
  const rows = fields.map(([name, member]) => [
    code(name),
    typeOf(member),
    limitsOf(member),
    required.has(name) ? "" : fallback(member),
  ]);
  return [
    `### ${tool.name}`,
    "",
    tool.summary,
    "",
    ...(rows.length ? table(["field", "type", "meaning and limits", "when absent"], rows) : ["No fields.", ""]),
    "```sh",
    `reeve run --message ${shellQuoted(`/tool ${tool.name} ${JSON.stringify(tool.examples[0] ?? {})}`)}`,
    "```",
    "",
  ];
}

type Member = { readonly [key: string]: Json };

function typeOf(member: Member): string {
  const type = member["type"];
  const choices = member["enum"] ?? (member["const"] === undefined ? undefined : [member["const"]]);
  if (Array.isArray(choices)) return choices.map((choice) => code(JSON.stringify(choice))).join(" or ");
  if (type === "array") return `list of ${typeOf((member["items"] ?? {}) as Member)}`;
  if (typeof type === "string") return type;
  const either = member["anyOf"];
  return Array.isArray(either) ? either.map((each) => typeOf(each as Member)).join(" or ") : "any JSON";
}

const limitWords: readonly (readonly [key: string, words: (value: Json) => string])[] = [
  ["description", String],
  ["x-resource", (value) => `names a ${String(value)} that policy must allow`],
  ["writeOnly", () => "secret: never recorded"],
  ["minimum", (value) => `at least ${String(value)}`],
  ["maximum", (value) => `at most ${String(value)}`],
  ["minLength", (value) => `at least ${counted(Number(value), "character")}`],
  ["maxLength", (value) => `at most ${counted(Number(value), "character")}`],
  ["minItems", (value) => `at least ${counted(Number(value), "item")}`],
  ["maxItems", (value) => `at most ${counted(Number(value), "item")}`],
  ["pattern", (value) => `matches ${code(String(value))}`],
];

function limitsOf(member: Member): string {
  const found = limitWords.flatMap(([key, words]) => {
    const value = member[key];
    return value === undefined ? [] : [words(value)];
  });
  return found.join(", ");
}

function fallback(member: Member): string {
  return member["default"] === undefined ? "left out" : code(JSON.stringify(member["default"]));
}

function usage(command: Command): string {
  const flags = flagsOf(command).filter((flag) => !flag.hidden);
  const positionals = flags
    .filter((flag) => flag.positional)
    .map((flag) => (flag.required ? flag.placeholder : `[${flag.placeholder}]`));
  const named = flags
    .filter((flag) => !flag.positional)
    .map((flag) => `[${flag.flag}${flag.kind === "switch" ? "" : ` ${flag.placeholder}`}]`);
  return ["reeve", command.name, ...positionals, ...named].join(" ");
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** A Markdown table and the empty line after it; cells keep their text with bars and line ends made safe. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""];
}

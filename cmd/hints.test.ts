/** Whatever tells a person to type a command tells of one that exists: hints, examples of helps, documents. */
import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../src/core/schema.ts";
import { type Flag, flagsOf, isGroup } from "../src/define/command.ts";
import { allCommands } from "./reeve/index.ts";
import { globalFlags, parseArguments } from "./reeve/shell/argv.ts";

const commands = await allCommands();

const root = join(import.meta.dir, "..");
const leaves = commands.flatMap((entry) => (isGroup(entry) ? entry.commands : [entry]));
const globals = globalFlags.map((flag) => flag.flag);

function filesOf(...patterns: readonly string[]): readonly string[] {
  return patterns.flatMap((pattern) => [...new Glob(pattern).scanSync(root)]).sort();
}

/** Tests say wrong things on purpose, and a list of words to leave out of a question is not told to anybody. */
function isShown(path: string): boolean {
  return !/\.test\.ts$|\/testdata\/|\/offline\/words\.ts$/.test(path);
}

/** What is wrong with `reeve` and the words after it; undefined when it can be typed. */
function wrongWith(mention: string): string | undefined {
  const words = mention.split(/\s+/).map((word) => word.replace(/^\[|\]$/g, ""));
  const path: string[] = [];
  let entry: (typeof commands)[number] | undefined;
  while (words[0]?.startsWith("--"))
    if (![...globals, "--version"].includes(words.shift() ?? "")) return "no such flag";
  const verb = words.shift() ?? "";
  // `reeve ${command.name}` is made from the commands themselves.
  if (verb === "" || verb.startsWith("${")) return undefined;
  entry = commands.find((each) => each.name === verb);
  if (!entry) return verb === "COMMAND" || verb === "help" ? undefined : `no command ${verb}`;
  path.push(verb);
  if (isGroup(entry) && /^[a-z]/.test(words[0] ?? "")) {
    path.push(words.shift() ?? "");
    entry = entry.commands.find((each) => each.name === path.join(" "));
    if (!entry) return `no command ${path.join(" ")}`;
  }
  const own = (isGroup(entry) ? [...entry.commands] : [entry]).flatMap((each) => flagsOf(each)).flatMap(spellings);
  const given = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.replace(/=.*/, ""));
  const unknown = given.find((flag) => !own.includes(flag) && !globals.includes(flag));
  return unknown === undefined ? undefined : `${path.join(" ")} has no flag ${unknown}`;
}

/** A switch can be turned off as well. */
function spellings({ flag, kind }: Pick<Flag, "flag" | "kind">): readonly string[] {
  return kind === "switch" ? [flag, `--no-${flag.slice(2)}`] : [flag];
}

/** In source the lowercase word means the command: the product is called Reeve. A mention ends where a sentence goes on. */
function mentionsIn(source: string): readonly string[] {
  const code = source.replace(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, "");
  return [...code.matchAll(/(?<=["'`\s(])reeve ((?:--)?[a-zA-Z$][^`"\n,;\\]*)/g)].map((found) => found[1] ?? "");
}

describe("what people are told to type", () => {
  test("a mention of a command or flag that does not exist is noticed", () => {
    expect(wrongWith("policy grnat agent:x")).toBe("no command policy grnat");
    expect(wrongWith("polcy")).toBe("no command polcy");
    expect(wrongWith("doctor --fxi")).toBe("doctor has no flag --fxi");
    expect(wrongWith("--hom x")).toBe("no such flag");
    expect(wrongWith("runs show 0 --json")).toBeUndefined();
    expect(mentionsIn('hint: "run `reeve nope`, or reeve runs lst; x"')).toEqual(["nope", "runs lst"]);
  });

  test("hints and other texts of the source name commands and flags that exist", () => {
    const files = filesOf("src/**/*.ts", "cmd/**/*.ts").filter(isShown);
    const found = files.flatMap((path) =>
      mentionsIn(readFileSync(join(root, path), "utf8")).map((mention) => ({ path, mention })),
    );
    // A pattern that finds nothing would find nothing wrong either.
    expect(found.length).toBeGreaterThan(50);
    expect(found.flatMap(({ path, mention }) => problem(path, mention))).toEqual([]);
  });

  test("hints name no flag that no command has", () => {
    const known = new Set([...globals, ...leaves.flatMap((each) => flagsOf(each)).flatMap(spellings)]);
    const files = filesOf("src/**/*.ts", "cmd/**/*.ts").filter(isShown);
    const flags = files.flatMap((path) =>
      readFileSync(join(root, path), "utf8")
        .split("\n")
        .filter((line) => /\bhint\b/.test(line))
        .flatMap((line) => [...line.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => ({ path, flag }))),
    );
    expect(flags.length).toBeGreaterThan(10);
    expect(flags.filter(({ flag }) => !known.has(flag))).toEqual([]);
  });

  test("documents name commands and flags that exist", () => {
    const files = filesOf("*.md", "docs/**/*.md");
    const found = files.flatMap((path) => {
      const text = readFileSync(join(root, path), "utf8");
      return [...text.matchAll(/`reeve ([^`\n]+)`|^\s*reeve (.+)$/gm)].map((each) => ({
        path,
        mention: each[1] ?? each[2] ?? "",
      }));
    });
    expect(found.length).toBeGreaterThan(50);
    expect(found.flatMap(({ path, mention }) => problem(path, mention))).toEqual([]);
  });

  test("the examples of every help are understood as they stand", async () => {
    const examples = leaves.flatMap((command) => command.examples);
    expect(examples.length).toBeGreaterThan(10);
    for (const example of examples) {
      const typed = example.slice(example.search(/\breeve /)).replace(/ >.*$/, "");
      const words = [...typed.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
        (word) => word[1] ?? word[2] ?? word[3] ?? "",
      );
      const parsed = await parseArguments(words.slice(1), commands);
      if (parsed.kind !== "run") throw new Error(`${example} only shows help`);
      const { command, input } = parsed;
      expect(() => check(command.input, input, example)).not.toThrow();
    }
  });
});

function problem(path: string, mention: string): readonly string[] {
  const wrong = wrongWith(mention);
  return wrong === undefined ? [] : [`${path}: reeve ${mention}: ${wrong}`];
}

/** What a line of shell runs: a corpus of ways to hide a command, and the real bash as judge of generated lines. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { commandsOf, commandsOfArgv } from "./commands.ts";
import type { Commands } from "./gather.ts";
import { plainCommandsOf } from "./vector.ts";
import { quote } from "./quote.ts";
import type { Command, Word } from "./reading.ts";
import { corpus } from "./testdata/corpus.ts";
import { lineOf } from "./testdata/line.ts";
import { ranBy } from "./testdata/oracle.ts";

function written({ words, wraps }: Command): string {
  const shown = words.map(({ text, literal }) => (literal ? quote([text]) : "$"));
  return `${wraps ? "~ " : ""}${shown.join(" ")}`;
}

const summary = ({ commands, unknown }: Commands) => [...commands.map(written), ...(unknown.length > 0 ? ["?"] : [])];

describe("the corpus", () => {
  test.each(corpus.map(([line, ...expected]) => [line, expected] as const))("%j", (line, expected) => {
    expect(summary(commandsOf(line))).toEqual(expected);
  });

  test("has more than 150 lines, each once", () => {
    expect(corpus.length).toBeGreaterThan(150);
    expect(new Set(corpus.map(([line]) => line)).size).toBe(corpus.length);
  });
});

/** Whether what ran is what was listed; a word that is not literal may have become any words. */
function isListed([word, ...rest]: readonly Word[], argv: readonly string[]): boolean {
  if (!word) return argv.length === 0;
  if (word.literal) return argv[0] === word.text && isListed(rest, argv.slice(1));
  return argv.some((_, i) => isListed(rest, argv.slice(i))) || isListed(rest, []);
}

function missed(
  lines: readonly string[],
  variables: readonly string[] = [],
): readonly (readonly [string, readonly string[]])[] {
  const known = lines.map((line) => commandsOf(line, variables)).map((read, i) => ({ read, line: lines[i] ?? "" }));
  const sure = known.filter(({ read }) => read.unknown.length === 0);
  const ran = ranBy(sure.map(({ line }) => line));
  return sure.flatMap(({ read, line }, i) =>
    (ran[i] ?? [])
      .filter((argv) => !read.commands.some(({ words }) => isListed(words, argv)))
      .map((argv) => [line, argv] as const),
  );
}

describe("against bash itself", () => {
  test("every known line of the corpus runs nothing but what is listed", () => {
    const lines = corpus.map(([line]) => line).filter((line) => !line.startsWith("until"));
    expect(missed(lines)).toEqual([]);
  });

  test("and so do generated lines", () => {
    expect(missed(fc.sample(lineOf(3), { numRuns: 60, seed: 20_261_121 }))).toEqual([]);
  });

  test("the judge sees what is hidden", () => {
    expect(ranBy(["r''m x", "echo $(zork 'a b')", "ls"])).toEqual([[["rm", "x"]], [["zork", "a b"]], [["ls"]]]);
  });
});

describe("quoting", () => {
  const argument = fc.string({ unit: fc.constantFrom(..."ab '\"\\$`!*?[]{}~#&|;<>()=\n\t-,:^%é字") });

  test("a quoted vector is read as exactly that vector", () => {
    fc.assert(
      fc.property(fc.array(argument), (args) => {
        const argv = ["prog", ...args];
        const { commands, unknown, reads, writes } = commandsOf(quote(argv));
        expect(commands.map(({ words }) => words)).toEqual([argv.map((text) => ({ text, literal: true }))]);
        expect([unknown, reads, writes]).toEqual([[], [], []]);
      }),
    );
  });

  test("a first word that would be an assignment, a keyword or an alias is none", () => {
    for (const word of ["A=b", "if", "{", "!", "time", "[[", "~", "a b", "-x", "é"]) {
      const words = commandsOf(quote([word, "x"]))
        .commands.at(0)
        ?.words.map(({ text }) => text);
      expect(words?.slice(-2)).toEqual([word, "x"]);
    }
  });

  test("refuses a NUL", () => {
    expect(() => quote(["a\0b"])).toThrow("NUL");
  });
});

describe("the rest", () => {
  test("an argument vector is unwrapped like a line, and its words are nobody's syntax", () => {
    expect(summary(commandsOfArgv(["ls", "$(rm x)", ";", "*"]))).toEqual(["ls '$(rm x)' ';' '*'"]);
    expect(summary(commandsOfArgv(["env", "A=1", "bash", "-c", "rm x; $y"]))).toEqual([
      "~ env 'A=1' bash -c 'rm x; $y'",
      "~ bash -c 'rm x; $y'",
      "rm x",
      "$",
      "?",
    ]);
  });

  test("without the grammar an argument vector is read the same, or not at all", () => {
    for (const argv of [
      ["ls", "$(rm x)"],
      ["env", "A=1", "rm", "x"],
      ["xargs", "rm"],
      ["find", ".", "-delete"],
      ["git", "status"],
    ]) {
      expect(plainCommandsOf(argv)).toEqual(commandsOfArgv(argv));
    }
    for (const argv of [
      ["bash", "-c", "rm x"],
      ["env", "sh", "-c", "rm x"],
      ["eval", "rm x"],
      ["trap", "rm x", "EXIT"],
    ]) {
      expect(plainCommandsOf(argv)).toBeUndefined();
    }
  });

  test("lists the files the shell opens", () => {
    const { reads, writes } = commandsOf('a < in > out 2>> "$x" <> both >& log 2>&1; { b; } &> "all of it"');
    const texts = (words: readonly Word[]) => words.map(({ text, literal }) => (literal ? text : "$"));
    expect([texts(reads), texts(writes)]).toEqual([
      ["in", "both"],
      ["out", "$", "both", "log", "all of it"],
    ]);
  });

  test("a variable of the environment may hold any text", () => {
    expect(commandsOf("i=1; echo $((i))").unknown).toEqual([]);
    expect(commandsOf("i=1; echo $((i))", ["i"]).unknown).toEqual([
      "arithmetic on i may run a command that its value holds",
    ]);
  });

  test("is bounded", () => {
    const reasons = (line: string) => commandsOf(line).unknown.join();
    expect(reasons("a;".repeat(65))).toContain("more than 64 commands");
    expect(reasons("a;".repeat(64))).toBe("");
    expect(reasons("a".repeat(16_385))).toContain("longer than 16384 bytes");
    expect(reasons(`${"bash -c '".repeat(1)}${"eval ".repeat(40)}x'`)).toContain("nested too deeply");
    expect(reasons(`${"$(".repeat(300)}a${")".repeat(300)}`)).not.toBe("");
    expect(reasons(`${"(".repeat(5000)}a${")".repeat(5000)}`)).not.toBe("");
    expect(commandsOf("fi;".repeat(5000)).unknown.length).toBeLessThanOrEqual(8);
  });

  test("never throws, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab '\"\\$`!*?[]{}()<>|&;#\n=~-EOF\u00a0") }), (line) => {
        const { commands, unknown } = commandsOf(line);
        const isSure = commands.every(({ words }) => words[0]?.literal === true && words[0].text !== "");
        expect(isSure || unknown.length > 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

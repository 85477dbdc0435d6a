import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { blankQuotes, splitClauses } from "./clauses.ts";
import { type Details, detailsOf } from "./extract.ts";
import { byteText, durationText, line, percentText, table } from "./format.ts";
import { correct, vocabularyOf } from "./words.ts";

const vocabulary = vocabularyOf([]);
const reading = { tools: ["fs.read"], isTopic: (word: string) => vocabulary.has(word), about_time: true };
const read = (text: string): Details => detailsOf({ text: blankQuotes(text), source: text, fragment: false }, reading);
const clauses = (text: string) => splitClauses(text).map((clause) => clause.source.trim());

describe("a request is split", () => {
  test("at sentences, commas, semicolons, lines and between questions", () => {
    expect(
      clauses("List src. What time is it? Read a.md; show b.md\nwho are you, and how full is the disk then read c.md"),
    ).toEqual([
      "List src",
      "What time is it",
      "Read a.md",
      "show b.md",
      "who are you",
      "how full is the disk",
      "read c.md",
    ]);
  });

  test("never inside quotes, paths or versions", () => {
    expect(clauses('search "a, b. and then c" in src/x.ts')).toEqual(['search "a, b. and then c" in src/x.ts']);
  });

  test("without what is quoted as a block", () => {
    expect(clauses("```sh\nrm -rf /\n```\n> delete it\nlist src")).toEqual(["list src"]);
  });
});

describe("a clause's details", () => {
  const paths: readonly (readonly [text: string, ...paths: readonly string[]])[] = [
    ["read README.md", "README.md"],
    ["read ./a/b.ts, please", "./a/b.ts"],
    ["what is in /etc/hosts?", "/etc/hosts"],
    ["read ~/notes.txt.", "~/notes.txt"],
    ["show .gitignore", ".gitignore"],
    ["list docs/", "docs/"],
    ["list files here", "."],
    ["list this folder", "."],
    ["list the folder build", "build"],
    ["files in src and docs", "src", "docs"],
    ["read the file LICENCE_MIT", "LICENCE_MIT"],
    ['open "my file.md"', "my file.md"],
    ["how much in memory and/or tcp/ip"],
    ["version 1.2.3 of it"],
    ["look at example.com"],
  ];
  test.each(paths)("paths of: %s", (text, ...expected) => {
    expect(read(text).paths).toEqual(expected);
  });

  const sizes: readonly (readonly [text: string, bytes: number, bound: "least" | "most" | "none"])[] = [
    ["files over 10 MiB", 10_485_760, "least"],
    ["files larger than 1.5 MB", 1_500_000, "least"],
    ["at most 2k", 2000, "most"],
    ["the first 512 bytes", 512, "most"],
    ["3 gigabytes", 3_000_000_000, "none"],
  ];
  test.each(sizes)("size of: %s", (text, bytes, bound) => {
    expect(read(text).sizes).toEqual([{ bytes, bound }]);
  });

  const counts: readonly (readonly [text: string, count: number | undefined])[] = [
    ["top 5 files", 5],
    ["the ten biggest files", 10],
    ["a dozen files", 12],
    ["limit 1,000", 1000],
    ["the largest file", 1],
    ["the largest files", undefined],
    ["port 80", undefined],
  ];
  test.each(counts)("count of: %s", (text, count) => {
    expect(read(text).count).toBe(count);
  });

  const durations: readonly (readonly [text: string, ms: number | undefined])[] = [
    ["last 15 minutes", 900_000],
    ["1h 30m", 5_400_000],
    ["the past hour", 3_600_000],
    ["250 ms", 250],
    ["5 files", undefined],
  ];
  test.each(durations)("duration of: %s", (text, ms) => {
    expect(read(text).duration_ms).toBe(ms);
  });

  const zones: readonly (readonly [text: string, ...zones: readonly string[]])[] = [
    ["time in tokyo", "Asia/Tokyo"],
    ["time in New York and in São Paulo", "America/New_York", "America/Sao_Paulo"],
    ["time in europe/kyiv", "Europe/Kyiv"],
    ["time in PST or UTC", "America/Los_Angeles", "UTC"],
    ["time in Mumbai", "Asia/Kolkata"],
    ["a nice time for reading"],
  ];
  test.each(zones)("zones of: %s", (text, ...expected) => {
    expect(read(text).zones).toEqual(expected);
  });

  test("ports, agents, fields, extensions, lines, hosts and tools", () => {
    expect(read("who is on port 8080 or :443").ports).toEqual([8080, 443]);
    expect(read("port 99999").ports).toEqual([]);
    expect(read("grants of agent builder-2").agents).toEqual(["builder-2"]);
    expect(read("value of model.provider").settings).toEqual(["model.provider"]);
    expect(read("python files and *.tsx and .md").extensions).toEqual(["tsx", "md", "py"]);
    expect(read("lines 10-20 of a.md").lines).toEqual({ first: 10, count: 11 });
    expect(read("from line 7").lines).toEqual({ first: 7, count: undefined });
    expect(read("who is example.com").hosts).toEqual(["example.com"]);
    expect(read("use fs_read and fs.read").tools).toEqual(["fs_read", "fs.read"]);
  });

  test("a pattern stays plain text unless it is called a regular expression", () => {
    expect(read('search for "a.*b"')).toMatchObject({ pattern: "a.*b", regex: false, paths: [] });
    expect(read("grep the regex a.*b in src")).toMatchObject({ pattern: "a.*b", regex: true, paths: ["src"] });
    expect(read("search for README.md in docs").paths).toContain("docs");
  });

  test("nothing is thrown and the rest keeps its length, whatever is written", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 80 }), (text) => {
        for (const clause of splitClauses(text)) {
          expect(clause.text.length).toBe(clause.source.length);
          expect(detailsOf(clause, reading).rest.length).toBe(clause.text.length);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a typing slip", () => {
  test.each([
    ["memroy", "memory"],
    ["tmie", "time"],
    ["helthy", "healthy"],
    ["configuraton", "configuration"],
  ])("%s is read as %s", (typed, meant) => {
    expect(correct(typed, vocabulary)).toBe(meant);
  });

  test.each(["fire", "dish", "house", "x", "memory", "zażółć", "a1b2"])("%s is left alone", (word) => {
    expect(correct(word, vocabulary)).toBe(word);
  });
});

describe("values for people", () => {
  test("sizes change unit before they read 1024", () => {
    expect([0, 1023, 1024, 10_239, 1_048_064, 1_048_576, 2 ** 60].map(byteText)).toEqual([
      "0 B",
      "1023 B",
      "1.0 KiB",
      "10 KiB",
      "1.0 MiB",
      "1.0 MiB",
      "1024 PiB",
    ]);
  });

  test("durations have two units, percentages one decimal below ten", () => {
    expect([0, 59, 3600, 90_061, 31_536_000].map(durationText)).toEqual([
      "0 seconds",
      "59 seconds",
      "1 hour",
      "1 day 1 hour",
      "365 days",
    ]);
    expect([0, 0.04, 9.94, 9.96, 100].map(percentText)).toEqual(["0 %", "0.0 %", "9.9 %", "10 %", "100 %"]);
  });

  test("no cell breaks its table or steers the terminal", () => {
    const text = table([{ title: "name" }, { title: "size", right: true }], [["a|b\nc\u001b[2J", "1"]]);
    expect(text.split("\n").length).toBe(3);
    expect(text).toContain("a\\|b\\u{a}c\\u{1b}[2J");
    expect(line("a\u2028b\u0085")).toBe("a\\u{2028}b\\u{85}");
  });
});

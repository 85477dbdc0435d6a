import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { globProblem, matchesGlob, pathProblem } from "./glob.ts";

/** The definition written as its own exponential search. */
function slowMatch(pattern: readonly string[], path: readonly string[]): boolean {
  const [part, ...rest] = pattern;
  if (part === undefined) return path.length === 0;
  if (part === "**") return path.some((_, i) => slowMatch(rest, path.slice(i))) || slowMatch(rest, []);
  const [segment, ...below] = path;
  return segment !== undefined && slowSegment(part, segment) && slowMatch(rest, below);
}

function slowSegment(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] === "*")
    return slowSegment(pattern.slice(1), text) || (text !== "" && slowSegment(pattern, text.slice(1)));
  return text !== "" && pattern[0] === text[0] && slowSegment(pattern.slice(1), text.slice(1));
}

describe("matchesGlob", () => {
  const cases: readonly (readonly [pattern: string, yes: string, no: string])[] = [
    ["**", ". a a/b .env", ""],
    ["src/**", "src src/a src/a/b src/.x", ". srcx src2/a a/src"],
    ["*.md", "a.md .md", "a/b.md a.mdx a.MD ."],
    ["**/*.md", "a.md a/b.md a/b/c.md", "a.md/b"],
    ["src/*", "src/a src/.a", "src src/a/b"],
    ["src/**/x", "src/x src/a/x src/a/b/x", "src x src/x/a"],
    ["a*b*c", "abc aXbYc abbcc", "ab acb abcd"],
    [".", ".", "a"],
    ["Src", "Src", "src"],
  ];
  for (const [pattern, yes, no] of cases) {
    test(`${pattern} matches what it says and nothing more`, () => {
      expect(yes.split(" ").filter((path) => !matchesGlob(pattern, path))).toEqual([]);
      expect(no.split(" ").filter((path) => path !== "" && matchesGlob(pattern, path))).toEqual([]);
    });
  }

  test("agrees with the slow reference", () => {
    const segment = fc
      .string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 5 })
      .filter((s) => !/^\.\.?$/.test(s));
    const part = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "b", "*", "."), minLength: 1, maxLength: 6 }),
      fc.constant("**"),
    );
    const pattern = fc
      .array(part, { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join("/"))
      .filter((text) => !globProblem(text));
    const path = fc.array(segment, { maxLength: 5 }).map((parts) => parts.join("/") || ".");
    fc.assert(
      fc.property(pattern, path, (glob, at) => {
        const reference = slowMatch(glob === "." ? [] : glob.split("/"), at === "." ? [] : at.split("/"));
        expect(matchesGlob(glob, at)).toBe(reference);
      }),
      { numRuns: 2000 },
    );
  });

  test("a pattern made to explode a backtracking matcher is answered", () => {
    const pattern = `${"**/*a*a*a*a*a*a*/".repeat(40)}b`;
    expect(matchesGlob(pattern, `${"a".repeat(60)}/`.repeat(60).slice(0, -1))).toBe(false);
  });
});

describe("what is refused", () => {
  test("paths that are not canonical", () => {
    for (const path of [
      "",
      "/",
      "/a",
      "a/",
      "a//b",
      "./a",
      "a/./b",
      "..",
      "a/../b",
      "a/..",
      "a\0",
      "\ud800",
      "a".repeat(4097),
    ]) {
      expect([path, pathProblem(path) === undefined]).toEqual([path, false]);
    }
    for (const path of [".", "a", "a/b", ".env", "...", "a b", "é"]) expect(pathProblem(path)).toBeUndefined();
  });

  test("patterns that never match, or not what their author means", () => {
    for (const glob of ["", "/etc/**", "src/", "../**", "./src", "a/**b", "***", "a?.md", "[ab]", "{a,b}", "a\\*"]) {
      expect([glob, globProblem(glob) === undefined]).toEqual([glob, false]);
    }
    for (const glob of [".", "**", "*", "a/**/b", "**/**", "~"]) expect(globProblem(glob)).toBeUndefined();
  });
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "./fault.ts";
import { applyPatch, countLines, replaceLines, replacePassage } from "./patch.ts";

function codeOf(act: () => unknown): string {
  try {
    act();
    return "done";
  } catch (cause) {
    if (cause instanceof Fault) return cause.code;
    throw cause;
  }
}

/** A unified diff with `context` lines around each change, by longest common subsequence. */
function diff(a: string, b: string, context: number): string {
  const [from = [], to = []] = [a, b].map((text): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? []);
  const lengths = Array.from({ length: from.length + 1 }, () => new Array<number>(to.length + 1).fill(0));
  for (let i = from.length - 1; i >= 0; i--) {
    for (let j = to.length - 1; j >= 0; j--) {
      const same = from[i] === to[j];
      lengths[i]![j] = same ? 1 + lengths[i + 1]![j + 1]! : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const script: { sign: " " | "-" | "+"; line: string; old: number }[] = [];
  for (let i = 0, j = 0; i < from.length || j < to.length;) {
    if (i < from.length && j < to.length && from[i] === to[j])
      script.push({ sign: " ", line: from[i]!, old: i++ + 0 * j++ });
    else if (i < from.length && (j === to.length || lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) {
      script.push({ sign: "-", line: from[i]!, old: i++ });
    } else script.push({ sign: "+", line: to[j++]!, old: i });
  }
  const near = (at: number) =>
    script.slice(Math.max(0, at - context), at + context + 1).some(({ sign }) => sign !== " ");
  const hunks: (typeof script)[] = [];
  script.forEach((each, at) => {
    if (!near(at)) return;
    if (at > 0 && near(at - 1)) hunks.at(-1)!.push(each);
    else hunks.push([each]);
  });
  const text = hunks.map((hunk) => {
    const olds = hunk.filter(({ sign }) => sign !== "+").length;
    const news = hunk.filter(({ sign }) => sign !== "-").length;
    const start = hunk[0]!.old + (olds === 0 ? 0 : 1);
    const lines = hunk.map(
      ({ sign, line }) => `${sign}${line.endsWith("\n") ? line : `${line}\n\\ No newline at end of file\n`}`,
    );
    return `@@ -${start},${olds} +1,${news} @@\n${lines.join("")}`;
  });
  return `--- a/file\n+++ b/file\n${text.join("")}`;
}

const lines = fc
  .array(fc.constantFrom("a", "b", "c", "", "@@ -1 +1 @@", "-x", "+x", " x", "\\ No", "--- y"), { maxLength: 12 })
  .chain((each) => fc.boolean().map((open) => each.join("\n") + (open || each.length === 0 ? "" : "\n")));

test("a diff from one text to another applied to the first gives the second", () => {
  fc.assert(
    fc.property(lines, lines, fc.integer({ min: 0, max: 3 }), (a, b, context) => {
      fc.pre(a !== b);
      expect(applyPatch(a, diff(a, b, context)).text).toBe(b);
    }),
    { numRuns: 3000 },
  );
});

test("a diff does not apply to a text in which a line it names is another", () => {
  fc.assert(
    fc.property(lines, lines, fc.nat(), (a, b, at) => {
      const whole = a.replace(/\n$/, "").split("\n");
      fc.pre(a !== b && a !== "");
      const changed =
        whole.with(at % whole.length, `${whole[at % whole.length]}!`).join("\n") + (a.endsWith("\n") ? "\n" : "");
      const patch = diff(a, b, 100);
      expect(codeOf(() => applyPatch(changed, patch))).toBe("failed_precondition");
    }),
  );
});

test("whatever text is given as a patch, only a fault is thrown", () => {
  const piece = fc.constantFrom(
    "@@ -1,1 +1,1 @@",
    "@@ -0,0 +1 @@",
    "@@ -9,9 +9,9 @@",
    "@@",
    "-a",
    "+b",
    " a",
    "\\",
    "\n",
    "",
    "\r\n",
  );
  fc.assert(
    fc.property(
      lines,
      fc.oneof(
        fc.string(),
        fc.array(fc.oneof(piece, fc.string())).map((all) => all.join("\n")),
      ),
      (a, patch) => {
        expect(["done", "invalid_argument", "failed_precondition"]).toContain(codeOf(() => applyPatch(a, patch)));
      },
    ),
    { numRuns: 3000 },
  );
});

test("text before the first hunk is ignored, and each hunk is counted", () => {
  const patch =
    "diff --git a/f b/f\nindex 1..2\n--- a/f\n+++ b/f\n@@ -1 +1 @@ first\n-a\n+A\n@@ -3,1 +3,2 @@\n c\n+d\n";
  expect(applyPatch("a\nb\nc\n", patch)).toEqual({ text: "A\nb\nc\nd\n", applied: 2 });
});

test("a diff out of place, out of order, miscounted, for two files or without hunks is refused", () => {
  const text = "a\nb\nc\n";
  expect(codeOf(() => applyPatch(text, "@@ -2 +2 @@\n-a\n+A\n"))).toBe("failed_precondition");
  expect(codeOf(() => applyPatch(text, "@@ -3 +3 @@\n-c\n+C\n@@ -1 +1 @@\n-a\n+A\n"))).toBe("failed_precondition");
  expect(codeOf(() => applyPatch(text, "@@ -9,0 +9 @@\n+x\n"))).toBe("failed_precondition");
  expect(codeOf(() => applyPatch(text, "@@ -3,2 +3,2 @@\n c\n d\n"))).toBe("failed_precondition");
  expect(codeOf(() => applyPatch(text, "@@ -1,2 +1,2 @@\n-a\n+A\n"))).toBe("invalid_argument");
  expect(codeOf(() => applyPatch(text, "@@ -1 +1 @@\n-a\n+A\n+B\n"))).toBe("invalid_argument");
  expect(codeOf(() => applyPatch(text, "@@ -1 +1 @@\n-a\n+A\n--- a/g\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n"))).toBe(
    "invalid_argument",
  );
  expect(codeOf(() => applyPatch(text, "no hunks here"))).toBe("invalid_argument");
  expect(codeOf(() => applyPatch(text, "@@ -0 +1 @@\n-a\n+A\n"))).toBe("invalid_argument");
  expect(codeOf(() => applyPatch(text, "@@ -1 +1 @@\n-a\n+A\n\\ No newline at end of file\n"))).toBe(
    "invalid_argument",
  );
});

test("a text of very many lines is edited without exhausting the stack", () => {
  const text = "x\n".repeat(300_000);
  expect(applyPatch(text, "@@ -300000 +300000 @@\n-x\n+y\n").text).toBe(`${"x\n".repeat(299_999)}y\n`);
  expect(replaceLines(text, [{ startLine: 1, endLine: 1, newText: "y" }]).text).toBe(`y\n${"x\n".repeat(299_999)}`);
});

test("a passage must occur exactly once unless all are meant", () => {
  expect(replacePassage("one two", "two", "$& $1", false)).toEqual({ text: "one $& $1", applied: 1 });
  expect(codeOf(() => replacePassage("one two", "three", "x", false))).toBe("failed_precondition");
  expect(codeOf(() => replacePassage("two two", "two", "x", false))).toBe("failed_precondition");
  expect(codeOf(() => replacePassage("aaa", "aa", "x", false))).toBe("failed_precondition");
  expect(replacePassage("two two", "two", "x", true)).toEqual({ text: "x x", applied: 2 });
  expect(codeOf(() => replacePassage("a", "", "x", true))).toBe("invalid_argument");
});

test("line ranges are counted in the file as it was, in any order", () => {
  const edits = [
    { startLine: 3, endLine: 3, newText: "C" },
    { startLine: 1, endLine: 2, newText: "" },
  ];
  expect(replaceLines("a\nb\nc\nd\n", edits)).toEqual({ text: "C\nd\n", applied: 2 });
  expect(replaceLines("a\nb", [{ startLine: 2, endLine: 2, newText: "B" }]).text).toBe("a\nB");
  expect(replaceLines("a\nb\n", [{ startLine: 2, endLine: 2, newText: "B" }]).text).toBe("a\nB\n");
  for (const bad of [
    [{ startLine: 2, endLine: 1, newText: "" }],
    [{ startLine: 1, endLine: 3, newText: "" }],
    [
      { startLine: 1, endLine: 2, newText: "" },
      { startLine: 2, endLine: 2, newText: "" },
    ],
  ]) {
    expect(codeOf(() => replaceLines("a\nb\n", bad))).toBe("invalid_argument");
  }
});

test("a last line without a newline is a line", () => {
  expect(["", "\n", "a", "a\n", "a\nb"].map(countLines)).toEqual([0, 1, 1, 1, 2]);
});

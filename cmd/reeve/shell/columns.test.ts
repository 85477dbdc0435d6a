/** Tables and folded text: what fits stays as it is, what does not keeps its alignment, and nothing is lost or cut. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Paint } from "../../../src/define/command.ts";
import { columns } from "./columns.ts";
import { fold } from "./fold.ts";

const same = (text: string): string => text;
const on = (width: number | undefined): Paint => ({
  width,
  strong: same,
  faint: same,
  good: same,
  caution: same,
  bad: same,
});

const head = ["ID", "WHO", "WHY"];
const rows = [
  ["0123456789", "a", "because it was asked for, and granted"],
  ["1", "agent:default", ""],
];

describe("columns", () => {
  test("into a pipe every row is one line", () => {
    expect(columns(rows, head, on(undefined))).toBe(
      [
        "ID          WHO            WHY",
        "0123456789  a              because it was asked for, and granted",
        "1           agent:default",
      ].join("\n"),
    );
  });

  test("on a terminal the last one is folded beneath itself", () => {
    expect(columns(rows, head, on(52))).toBe(
      [
        "ID          WHO            WHY",
        "0123456789  a              because it was asked for,",
        "                           and granted",
        "1           agent:default",
      ].join("\n"),
    );
  });

  test("those that do not fit stand below, aligned, and leave no empty line", () => {
    expect(columns(rows, head, on(40))).toBe(
      [
        "ID          WHO",
        "  WHY",
        "0123456789  a",
        "  because it was asked for, and granted",
        "1           agent:default",
      ].join("\n"),
    );
  });

  test("no rows are said to be none", () => {
    expect(columns([], head, on(80), "no grants")).toBe("no grants");
  });
});

describe("fold", () => {
  test("keeps every word whole and every line within the width, but for a longer word alone", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const lines = fold(text, width);
        expect(lines.join(" ")).toBe(text);
        for (const line of lines) expect(!line.includes(" ") || Bun.stringWidth(line) <= width).toBe(true);
      }),
    );
  });
});

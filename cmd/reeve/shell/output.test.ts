/** What may reach a terminal. */
import { expect, test } from "bun:test";
import { harmless } from "./output.ts";

test("sequences that drive a terminal are written out instead of sent", () => {
  expect(harmless("a\x1b]0;title\x07b")).toBe("a\\x1b]0;title\\x07b");
  expect(harmless("\x1b[2J\x1b[8mhidden")).toBe("\\x1b[2J\\x1b[8mhidden");
  expect(harmless("txt.\u202eexe\u2066 \u2028")).toBe("txt.\\u202eexe\\u2066 \\u2028");
  expect(harmless("over\rwritten\x9b31m")).toBe("over\\x0dwritten\\x9b31m");
});

test("lines, tabs, letters of every script and our own colours pass", () => {
  const text = "one\ttwo\nüç語🙂 \x1b[31mred\x1b[0m";
  expect(harmless(text)).toBe(text);
});

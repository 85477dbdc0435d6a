import { expect, test } from "bun:test";
import fc from "fast-check";
import { showInvisible, withoutInvisible } from "./invisible.ts";

test.each([
  ["zero width", "a\u200bb", "a\\u200bb"],
  ["direction", "a\u202eb\u2066c", "a\\u202eb\\u2066c"],
  ["tags that spell words", "a\u{e0041}\u{e0042}", "a\\udb40\\udc41\\udb40\\udc42"],
  ["a joiner between letters", "a\u200db", "a\\u200db"],
  ["selectors in a row", "x\ufe0f\ufe01\ufe02", "x\ufe0f\\ufe01\\ufe02"],
  ["selectors of the supplement", "x\u{e0101}", "x\\udb40\\udd01"],
  ["a soft hyphen and a byte order mark", "\ufeffa\u00adb", "\\ufeffa\\u00adb"],
  ["fillers", "\u3164\u115f\u2800", "\\u3164\\u115f\\u2800"],
  ["line ends that are none to a terminal", "a\u2028b\u0085c", "a\\u2028b\\u0085c"],
])("%s is shown", (_, text, shown) => {
  expect(showInvisible(text).text).toBe(shown);
  expect(withoutInvisible(text)).toBe(shown.replace(/\\u[0-9a-f]{4}/g, ""));
});

test("what people write stays as it is", () => {
  const text = "plain äöü 漢字 عربي हिन्दी ❤️ 👨‍👩‍👧 👩🏽‍💻 🏳️‍🌈\n\ttab";
  expect(showInvisible(text)).toEqual({ text, count: 0 });
});

test("JSON says the same after it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(text.isWellFormed());
      expect(JSON.parse(showInvisible(JSON.stringify({ text })).text)).toEqual({ text });
    }),
  );
});

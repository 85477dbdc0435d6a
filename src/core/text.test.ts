import { expect, test } from "bun:test";
import fc from "fast-check";
import { byteLength, cleanText, codePointBoundary, cut, fromUtf8, refuseNul, utf8 } from "./text.ts";

test("a cut never splits a code point", () => {
  expect(cut("a\u{1f600}b", 3)).toEqual({ text: "a", truncated: true });
  expect(cut("a\u{1f600}b", 5)).toEqual({ text: "a\u{1f600}", truncated: true });
  expect(cut("a\u{1f600}b", 6)).toEqual({ text: "a\u{1f600}b", truncated: false });
});

test("property: a cut is the longest prefix within the limit, and says whether anything is missing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (text, max) => {
      const result = cut(text, max);
      expect(text.startsWith(result.text)).toBe(true);
      expect(byteLength(result.text)).toBeLessThanOrEqual(max);
      expect(result.truncated).toBe(result.text !== text);
      const next = [...text.slice(result.text.length)][0];
      if (next !== undefined) expect(byteLength(result.text) + byteLength(next)).toBeGreaterThan(max);
    }),
  );
});

test("the boundary of whole text is its length", () => {
  expect(codePointBoundary(utf8("héé"), 99)).toBe(5);
});

test("invalid UTF-8, NUL and lone surrogates are refused by name", () => {
  expect(fromUtf8(new Uint8Array([0xff]))).toBeUndefined();
  expect(() => cleanText(new Uint8Array([0x61, 0xc3]), "the message")).toThrow("the message is not valid UTF-8");
  expect(() => cleanText(utf8("a\0b"), "the message")).toThrow("the message contains a NUL byte");
  expect(() => refuseNul("\ud800", "the message")).toThrow("not valid Unicode");
  expect(cleanText(utf8("\ufeffok"), "it")).toBe("\ufeffok");
});

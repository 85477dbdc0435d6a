import { expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalize, type Json, parseCanonical, parseJson } from "./canonical.ts";
import { Fault } from "./fault.ts";

test("keys are sorted by UTF-16 code units, as in RFC 8785 section 3.2.3", () => {
  const value = {
    "\u20ac": "Euro",
    "\r": "CR",
    "\ufb33": "Hebrew",
    "1": "One",
    "\u{1f600}": "Smiley",
    "\u0080": "Control",
    "\u00f6": "o",
  };
  const order = Object.keys(JSON.parse(canonicalize(value)) as object);
  expect(canonicalize(value).indexOf('"\\r"')).toBe(1);
  expect(new Set(order)).toEqual(new Set(Object.keys(value)));
  expect(canonicalize(value)).toBe(
    '{"\\r":"CR","1":"One","\u0080":"Control","\u00f6":"o","\u20ac":"Euro","\u{1f600}":"Smiley","\ufb33":"Hebrew"}',
  );
});

test("numbers are written in ECMAScript form", () => {
  expect(canonicalize([1e-7, -0, 4.5, 2e-3, 333333333.3333333, 5e-324])).toBe(
    "[1e-7,0,4.5,0.002,333333333.3333333,5e-324]",
  );
});

test("a float too large to be a safe integer has no canonical form, being an integer", () => {
  expect(() => canonicalize(2 ** 53)).toThrow(Fault);
  expect(canonicalize(2 ** 53 - 1)).toBe("9007199254740991");
});

for (const [what, value] of [
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["a lone surrogate", "\ud800"],
  ["a lone surrogate in a key", { "\udc00": 1 }],
  ["undefined", undefined],
  ["a bigint", 1n],
  ["a date", new Date(0)],
  ["a hole in an array", [1, undefined]],
] as const) {
  test(`${what} is refused`, () => {
    expect(() => canonicalize(value as unknown as Json)).toThrow("canonical");
  });
}

test("nesting deeper than 200 levels is refused instead of overflowing the stack", () => {
  const deep = parseJson(`${"[".repeat(5000)}${"]".repeat(5000)}`);
  expect(() => canonicalize(deep)).toThrow("200 levels");
});

for (const [what, text] of [
  ["duplicate keys", '{"a":1,"a":1}'],
  ["another key order", '{"b":1,"a":1}'],
  ["1.0 for 1", "[1.0]"],
  ["an escape that is not needed", '["\\u00e9"]'],
  ["white space", "[1, 2]"],
  ["a trailing newline", "[1]\n"],
] as const) {
  test(`a text with ${what} is JSON but not canonical`, () => {
    expect(() => parseJson(text)).not.toThrow();
    expect(() => parseCanonical(text)).toThrow("canonical");
  });
}

const json = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
const isJson = (value: Json): boolean => {
  try {
    canonicalize(value);
    return true;
  } catch {
    return false;
  }
};

test("property: canonical text parses back to the same value and is its own canonical form", () => {
  fc.assert(
    fc.property(json.filter(isJson), (value) => {
      const text = canonicalize(value);
      expect(parseCanonical(text)).toEqual(value);
      expect(canonicalize(parseCanonical(text))).toBe(text);
    }),
  );
});

test("property: the order in which keys were written does not change the text", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.integer()), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse());
      expect(canonicalize(reversed)).toBe(canonicalize(object));
    }),
  );
});

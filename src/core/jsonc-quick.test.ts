import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "./canonical.ts";
import { Fault } from "./fault.ts";
import { readStrictly } from "./jsonc.ts";
import { readQuickly } from "./jsonc-quick.ts";

function strictly(text: string): Json | "refused" {
  try {
    return readStrictly(text, "text");
  } catch (thrown) {
    if (thrown instanceof Fault) return "refused";
    throw thrown;
  }
}

const piece = fc.constantFrom(
  ...'{}[],:"/*\\ \n\r\t'.split(""),
  ...[
    '"a"',
    '"b"',
    '"a":',
    '"__proto__":',
    '"\\u0000"',
    '"\\""',
    '"//"',
    '"/*"',
    '",]"',
    "1",
    "-0",
    "1e400",
    "9007199254740993",
    "0.5",
    "01",
  ],
  ...[
    "true",
    "null",
    "nul",
    "// x\n",
    "// }\n",
    "/* , */",
    "/*",
    "*/",
    "\ufeff",
    "\u2028",
    "é",
    "\ud800",
    "\0",
    ",]",
    ",}",
    "{}",
    "[]",
  ],
);

test("property: on any heap of tokens the quick reader says what the strict one says, or nothing", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      const quick = readQuickly(text);
      if (quick !== undefined) expect([text, strictly(text)]).toEqual([text, quick]);
    }),
    { numRuns: 20_000 },
  );
});

const layouts: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replaceAll("\n", " // a: [,\n"),
  (text) => text.replace(/([^\s,{[])\n/g, "$1, /* } */\n"),
  (text) => `/* head\n */ ${text} // tail`,
];

test("property: on laid out, commented JSON the quick reader answers, and right", () => {
  const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
  fc.assert(
    fc.property(json, fc.constantFrom(...layouts), (value, lay) => {
      const text = lay(JSON.stringify(value, null, 2));
      const quick = readQuickly(text);
      if (quick !== undefined) expect(quick).toEqual(value);
      const strict = strictly(text);
      if (strict !== "refused") expect(strict).toEqual(value);
      else expect(quick).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['{"a": 1, "a": 2}', "a key written twice"],
  ['{"a": {"b": 1}, "c": {"b": 1, "b": 1}}', "a key written twice further in"],
  ["[,]", "a comma without a value before it"],
  ["[1,,]", "two commas"],
  ['{"a":,}', "a comma for a value"],
  ["9007199254740993", "a number not held exactly"],
  ["1e400", "a number beyond all"],
  ['{"__proto__": {}}', "a forbidden key"],
  ['"\\u0000"', "an escape"],
  ["[".repeat(65) + "]".repeat(65), "deep nesting"],
  ["{ /* ", "a comment that is not closed"],
])("%s is left to the strict reader: %s", (text) => {
  expect(readQuickly(text)).toBeUndefined();
});

test("an ordinary commented file is read quickly", () => {
  expect(readQuickly('// head\n{\n  "a": "//", /* x */ "b": [1, 2,], // tail\n}\n')).toEqual({ a: "//", b: [1, 2] });
});

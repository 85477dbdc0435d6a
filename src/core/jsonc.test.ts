import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "./fault.ts";
import { locateJsonc, parseJsonc, readJsonc } from "./jsonc.ts";

const dir = mkdtempSync(join(tmpdir(), "reeve-jsonc-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

describe("parseJsonc", () => {
  test("reads comments, trailing commas and every JSON value", () => {
    const text = '// head\n{ /* a */ "a": [1, 1e6, -0.5, true, null,], "b": { "c": "d\\u00e9", }, }\n// tail';
    expect(parseJsonc(text, "x")).toEqual({ a: [1, 1_000_000, -0.5, true, null], b: { c: "dé" } });
  });

  test("reads back whatever JSON.stringify writes", () => {
    const value = fc
      .jsonValue({ noUnicodeString: false })
      .filter((each) => !/\\u0000|__proto__/.test(JSON.stringify(each)));
    const isExact = (text: string) => !/\d{16,}|e\+/.test(text);
    fc.assert(
      fc.property(value, (each) => {
        const text = JSON.stringify(each, null, 1);
        fc.pre(isExact(text) && text.isWellFormed() && !/\\ud[89a-f]/i.test(text));
        expect(parseJsonc(text, "x")).toEqual(JSON.parse(text));
      }),
    );
  });

  const mistakes: readonly (readonly [name: string, text: string, message: string])[] = [
    ["a missing comma", '{\n  "a": 1\n  "b": 2\n}', "x: line 3 column 3: comma expected"],
    ["a duplicate key", '{\n  "a": 1,\n  "a": 2\n}', 'x: line 3 column 3: duplicate key "a"'],
    ["a duplicate key spelled with an escape", '{"a": 1, "\\u0061": 2}', 'x: line 1 column 10: duplicate key "a"'],
    ["a deep duplicate key", '{"a": [{"b": 1, "b": 1}]}', 'x: line 1 column 17: duplicate key "b"'],
    ["__proto__", '{"__proto__": {"a": 1}}', 'x: line 1 column 2: the key "__proto__" is not allowed'],
    ["single quotes", "{'a': 1}", "x: line 1 column 2: invalid symbol"],
    ["NaN", '{"a": NaN}', "x: line 1 column 7: invalid symbol"],
    ["a plus sign", '{"a": +1}', "x: line 1 column 7: invalid symbol"],
    ["a leading zero", '{"a": 01}', "x: line 1 column 8: comma expected"],
    ["two commas", '{"a": 1,,}', "x: line 1 column 9: property name expected"],
    [
      "a number beyond a double",
      '{"a": 1e999}',
      "x: line 1 column 7: the number 1e999 is too large to be held exactly",
    ],
    [
      "an integer beyond 2^53",
      '{"a": 9007199254740993}',
      "x: line 1 column 7: the number 9007199254740993 is too large to be held exactly",
    ],
    ["text after the end", "{} {}", "x: line 1 column 4: end of file expected"],
    ["one brace too many", '{"a": 1}}', "x: line 1 column 9: end of file expected"],
    ["an escaped NUL", '{"a": "\\u0000"}', "x: line 1 column 7: a string holds a NUL or a lone surrogate"],
    ["a lone surrogate", '{"a": "\\ud800"}', "x: line 1 column 7: a string holds a NUL or a lone surrogate"],
    ["an unclosed string in the middle", '{"a": "b\n}', "x: line 1 column 7: unexpected end of string"],
    [
      "too deep nesting",
      `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
      "x: line 1 column 65: [ nests deeper than 64 levels",
    ],
  ];
  for (const [name, text, message] of mistakes) {
    test(`refuses ${name} with line and column`, () => {
      const fault = faultOf(() => parseJsonc(text, "x"));
      expect([fault.code, fault.message]).toEqual(["failed_precondition", message]);
      expect(fault.hint).toBeTruthy();
    });
  }

  test("every prefix of an object is data loss, never a value and never a mere mistake", () => {
    const text = '{ // c\n "a": [1, { "b": "x, \\" y" }], /* } */ "d": true }';
    for (let length = 0; length < text.length; length++) {
      expect(faultOf(() => parseJsonc(text.slice(0, length), "x")).code).toBe("data_loss");
    }
    expect(parseJsonc(text, "x")).toEqual({ a: [1, { b: 'x, " y' }], d: true });
  });

  test("says what a half-written text leaves open", () => {
    expect(faultOf(() => parseJsonc('{\n  "a": [1,', "x")).message).toBe(
      "x ends early: the [ at line 2 column 8 is not closed",
    );
    expect(faultOf(() => parseJsonc("", "x")).message).toBe("x is empty");
  });
});

describe("readJsonc", () => {
  const file = (name: string, content: string | Uint8Array) => {
    const path = join(dir, name);
    writeFileSync(path, content);
    return path;
  };

  test("names the file in every fault", () => {
    const cases = [
      [join(dir, "absent"), "not_found"],
      [dir, "failed_precondition"],
      [file("empty", ""), "data_loss"],
      [file("half", '{"a": '), "data_loss"],
      [file("zeros", new Uint8Array(64)), "data_loss"],
      [file("latin1", new Uint8Array([0x22, 0xe9, 0x22])), "data_loss"],
      [file("typo", '{"a" 1}'), "failed_precondition"],
      [file("huge", `"${"x".repeat(4_194_304)}"`), "failed_precondition"],
    ] as const;
    for (const [path, code] of cases) {
      const fault = faultOf(() => readJsonc(path));
      expect([path, fault.code]).toEqual([path, code]);
      expect(fault.message).toContain(path);
    }
  });

  test("returns the text beside the value", () => {
    const text = '{ "a": 1 } // c';
    expect(readJsonc(file("good", text))).toEqual({ text, value: { a: 1 } });
  });
});

test("locateJsonc gives the place of a key, of an element, and nothing for what is not there", () => {
  const text = '{\n  "a": {\n    "b": [1, 22]\n  }\n}';
  expect(locateJsonc(text, ["a", "b"])).toBe("line 3 column 5");
  expect(locateJsonc(text, ["a", "b", 1])).toBe("line 3 column 14");
  expect(locateJsonc(text, ["a", "c"])).toBeUndefined();
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "./canonical.ts";
import { Fault } from "./fault.ts";
import { parseJsonc } from "./jsonc.ts";
import { editJsonc } from "./jsonc-edit.ts";

describe("editJsonc", () => {
  test("replaces a value and touches nothing else", () => {
    const text = '{\n  // why\n  "a": 1, // one\n  "b": [ 1,2 ],\n}\n';
    expect(editJsonc(text, ["a"], 2)).toBe('{\n  // why\n  "a": 2, // one\n  "b": [ 1,2 ],\n}\n');
  });

  test("appends behind the comment of the last element, with and without its trailing comma", () => {
    const at = ["a", 1];
    const after = '{\n  "a": [\n    {"x": 1}, // first\n    { "y": 2 }\n  ]\n}';
    expect(editJsonc('{\n  "a": [\n    {"x": 1} // first\n  ]\n}', at, { y: 2 })).toBe(after);
    expect(editJsonc('{\n  "a": [\n    {"x": 1}, // first\n  ]\n}', at, { y: 2 })).toBe(after);
  });

  test("a comma or bracket inside a comment is not taken for one", () => {
    const text = '{ "a": [1 /* , ] */ ] }';
    expect(parseJsonc(editJsonc(text, ["a", 1], 2), "x")).toEqual({ a: [1, 2] });
    expect(editJsonc(text, ["a", 1], 2)).toContain("/* , ] */");
  });

  test("creates missing parents", () => {
    expect(editJsonc("{}", ["a", "b", 0], "c")).toBe('{\n  "a": { "b": ["c"] }\n}');
  });

  test("removes a member with its comma", () => {
    expect(parseJsonc(editJsonc('{"a": [1, 2, 3,], "b": 1,}', ["a", 2], undefined), "x")).toEqual({ a: [1, 2], b: 1 });
    expect(parseJsonc(editJsonc('{"a": [1], "b": 1,}', ["b"], undefined), "x")).toEqual({ a: [1] });
    expect(parseJsonc(editJsonc('{"a": [1]}', ["a", 0], undefined), "x")).toEqual({ a: [] });
  });

  test("leaves the text alone when what is removed is not there", () => {
    expect(editJsonc('{"a": 1}', ["b"], undefined)).toBe('{"a": 1}');
  });

  test("breaks long values over lines and keeps short ones on one", () => {
    const long = { first: "x".repeat(60), second: { a: 1 }, third: "y".repeat(60), none: [] };
    const lines = editJsonc("{}", ["long"], long).split("\n");
    expect(lines).toHaveLength(8);
    expect(lines[3]).toBe('    "second": { "a": 1 },');
  });

  test("refuses to add a key to an array and an element to an object", () => {
    expect(() => editJsonc('{"a": []}', ["a", "b"], 1)).toThrow(Fault);
    expect(() => editJsonc('{"a": {}}', ["a", 0], 1)).toThrow(Fault);
  });

  test("does to the value what the same change of the object does, whatever the layout and comments", () => {
    const key = fc.constantFrom("a", "b", "c");
    const leaf: fc.Arbitrary<Json> = fc.oneof(
      fc.integer(),
      fc.string({ unit: fc.constantFrom("x", ",", "]", "/", "*", '"') }),
      fc.constant(null),
    );
    const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(key, leaf, { noNullPrototype: true }));
    const object = fc.dictionary(key, fc.dictionary(key, value, { noNullPrototype: true }), { noNullPrototype: true });
    const layouts = [
      (text: string) => text,
      (text: string) => text.replaceAll("\n", " /* , */\n"),
      (text: string) => text.replace(/([^\s,{[])\n/g, "$1, // }\n").replaceAll("\n", "\r\n"),
    ];
    const layout = fc.constantFrom(...layouts);
    fc.assert(
      fc.property(object, layout, key, key, fc.option(value, { nil: undefined }), (before, lay, outer, inner, next) => {
        const edited = editJsonc(lay(JSON.stringify(before, null, 2)), [outer, inner], next);
        const wanted: Record<string, Record<string, Json>> = structuredClone(before) as never;
        if (next !== undefined) wanted[outer] = { ...wanted[outer], [inner]: next };
        else if (wanted[outer]) delete wanted[outer][inner];
        expect(parseJsonc(edited, "x")).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });
});

test.each([
  ['{\n  "a": 1, // one\n}', "{\n}"],
  ['{\n  "a": 1, // one\n  "b": 2, // two\n}', '{\n  "b": 2, // two\n}'],
  ['{ "a": 1, "b": 2 }', '{  "b": 2 }'],
  ['{\r\n  "b": 2, // two\r\n  "a": 1 // one\r\n}', '{\r\n  "b": 2 // two\r\n}'],
  ['{"a": 1}', "{}"],
])("removing a from %j leaves valid text with everyone else's comments", (before, after) => {
  expect(editJsonc(before, ["a"], undefined)).toBe(after);
});

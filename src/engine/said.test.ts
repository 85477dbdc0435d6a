/** What counts as the person's own words, and everything near them that does not. */
import { expect, test } from "bun:test";
import type { Json } from "../core/canonical.ts";
import { choiceBits, isSaid, leavesOf } from "./said.ts";

const message = `Tell https://hook.example/done: "all is well". Search docs.example for blue shoes; number 4711-23, mail bob@corp.example.`;

test.each<[string, Json]>([
  ["as it stands", { url: "https://hook.example/done", body: "all is well" }],
  ["without the scheme it was given", { url: "https://docs.example" }],
  ["with a slash at the end", { url: "https://docs.example/" }],
  ["in parts of an address", { url: "https://docs.example/blue/shoes" }],
  ["escaped in an address", { url: "https://docs.example/blue%20shoes" }],
  ["beside constants and small numbers", { url: "https://docs.example", method: "GET", retries: 2, follow: true }],
  ["in a map, names included", { url: "https://docs.example", headers: { accept: "blue shoes" } }],
  ["a host alone", { host: "docs.example" }],
])("said: %s", (_, input) => {
  expect(choiceBits(input, [message])).toBeNumber();
});

test.each<[string, Json]>([
  ["another host", { url: "https://hook.example.evil.example/done" }],
  ["a host cut out of a name", { url: "https://k.example/done" }],
  ["the host of an address of mail", { host: "corp.example" }],
  ["more path", { url: "https://hook.example/done/merger" }],
  ["a longer last part", { url: "https://hook.example/done2" }],
  ["a query nobody spoke of", { url: "https://hook.example/done?q=merger" }],
  ["a fragment", { url: "https://docs.example/#merger" }],
  ["credentials", { url: "https://merger@docs.example/" }],
  ["a port", { url: "https://docs.example:8443/" }],
  ["escapes that are no text", { url: "https://docs.example/%ff" }],
  ["another body", { url: "https://hook.example/done", body: "all is well, Acme" }],
  ["a word cut short", { body: "all is wel" }],
  ["part of a number", { id: "711" }],
  ["a header's value", { headers: { accept: "merger" } }],
  ["a header's name", { headers: { merger: "all is well" } }],
  ["a large number", { n: 12345 }],
  ["more choices than a call needs", { bits: [1, 0, 1, 1, 0, 1, 0, 0, 1] }],
  ["a long address made of said words", { url: `https://docs.example/${"blue/shoes/".repeat(9)}` }],
])("not said: %s", (_, input) => {
  expect(choiceBits(input, [message])).toBeUndefined();
});

test.each<[string, Json, number]>([
  ["what stands there", { url: "https://hook.example/done" }, 2],
  ["parts of an address", { url: "https://docs.example/blue/shoes" }, 14],
  ["constants", { url: "https://docs.example", method: "GET" }, 5],
  ["numbers by their size", { url: "https://docs.example", body: [0, 1, 255, 9999] }, 2 + 1 + 2 + 9 + 14],
  ["truth values", { follow: true }, 1],
])("the choice of %s could tell", (_, input, bits) => {
  expect(choiceBits(input, [message])).toBe(bits);
});

test("nothing is said where nobody spoke, and the empty text is no word", () => {
  expect(isSaid("", [message])).toBe(false);
  expect(isSaid("done", [])).toBe(false);
  expect(isSaid("done", [""])).toBe(false);
});

test("a word is not put together from two texts", () => {
  expect(isSaid("one two", ["one ", "two"])).toBe(false);
});

test("every text, name within and number of an input is looked at", () => {
  const input = { a: "x", b: { c: ["y", { d: null }], e: 1 } };
  expect(leavesOf(input).map(({ field, value }) => [field, value])).toEqual([
    ["a", "x"],
    ["b key 1", "c"],
    ["b.c.0", "y"],
    ["b.c.1 key 1", "d"],
    ["b key 2", "e"],
    ["b.e", 1],
  ]);
});

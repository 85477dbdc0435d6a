import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { rank } from "./rank.ts";

const documents = [
  { id: "health", fields: ["system health", "how healthy is this machine", "CPU, memory and disks"] },
  { id: "list", fields: ["fs list", "largest files in a folder", "List a directory"] },
  { id: "read", fields: ["fs read", "show a file", "Read a text file"] },
];
const ids = (query: string) => rank(query, documents).map((found) => found.id);

describe("rank", () => {
  test("finds documents by the stem of a word, whatever its ending and case", () => {
    expect(ids("MEMORIES")).toEqual(["health"]);
    expect(ids("listing")).toEqual(["list"]);
  });

  test("puts a word of an earlier field before the same word of a later one", () => {
    const two = [
      { id: "later", fields: ["one", "two", "disk"] },
      { id: "earlier", fields: ["disk", "two", "one"] },
      { id: "neither", fields: ["four", "five", "six"] },
    ];
    expect(rank("disk", two).map((found) => found.id)).toEqual(["earlier", "later"]);
  });

  test("scores are above zero and fall from best to worst", () => {
    const scores = rank("largest files of this machine", documents).map((found) => found.score);
    expect(scores.length).toBeGreaterThan(1);
    expect(scores.every((score) => score > 0)).toBe(true);
    expect([...scores].sort((a, b) => b - a)).toEqual(scores);
  });

  test("equal documents keep their order", () => {
    const twins = ["a", "b", "c"].map((id) => ({ id, fields: ["same words here"] }));
    expect(rank("words", twins).map((found) => found.id)).toEqual(["a", "b", "c"]);
  });

  test("documents with fewer fields than others are ranked too", () => {
    const uneven = [
      { id: "short", fields: ["disk"] },
      { id: "long", fields: ["memory", "swap", "cpu"] },
    ];
    expect(
      rank("cpu disk", uneven)
        .map((found) => found.id)
        .sort(),
    ).toEqual(["long", "short"]);
  });

  test("nothing is found without words, without documents and without fields", () => {
    expect(rank("", documents)).toEqual([]);
    expect(rank('?!* "" ()', documents)).toEqual([]);
    expect(rank("file", [])).toEqual([]);
    expect(rank("file", [{ id: "empty", fields: [] }])).toEqual([]);
  });

  test("query syntax is text: no operator, column filter, prefix or quote is understood", () => {
    expect(ids("health NOT machine")).toContain("health");
    expect(ids("field_0:health")).toContain("health");
    expect(ids("hea*")).toEqual([]);
    expect(ids('"fs read" AND nothing')).toContain("list");
    expect(ids("NEAR(fs read, 1)")).toContain("list");
    expect(ids('x"; DROP TABLE document; --')).toEqual([]);
    expect(ids("^health")).toEqual(["health"]);
  });

  test("a query of any number of words is answered", () => {
    const words = Array.from({ length: 5000 }, (_, i) => `word${i}`).join(" ");
    expect(rank(words, documents)).toEqual([]);
    expect(ids(`health ${words}`)).toEqual(["health"]);
  });

  test("no text is refused or misread as syntax", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (query) => {
        for (const found of rank(query, documents)) expect(found.score).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });
});

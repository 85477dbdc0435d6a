/** What is thought and what is said, however the text arrives. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ThinkingSplitter } from "./thinking.ts";

/** Neighbouring pieces of a kind as one. */
function split(...pieces: readonly string[]): readonly (readonly [string, string])[] {
  const splitter = new ThinkingSplitter();
  const found = [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.end()];
  const merged: [string, string][] = [];
  for (const { type, text } of found) {
    const last = merged.at(-1);
    if (last?.[0] === type) last[1] += text;
    else merged.push([type, text]);
  }
  return merged;
}

describe("thinking within text", () => {
  test.each([
    ["<think>", "</think>"],
    ["<thinking>", "</thinking>"],
    ["<analysis>", "</analysis>"],
    ["<reasoning>", "</reasoning>"],
    ["<!-- think -->", "<!-- /think -->"],
    ["<THINK>", "</Think>"],
  ])("is what stands between %s and %s", (open, close) => {
    expect(split(`a${open}b${close}c`)).toEqual([
      ["text", "a"],
      ["thinking", "b"],
      ["text", "c"],
    ]);
  });

  test("ends with the outermost of nested marks", () => {
    expect(split("<think>a<think>b</think>c</think>d")).toEqual([
      ["thinking", "abc"],
      ["text", "d"],
    ]);
  });

  test("of one kind does not end with the mark of another", () => {
    expect(split("<think>a</analysis>b<analysis>c</think>d")).toEqual([
      ["thinking", "a</analysis>b<analysis>c"],
      ["text", "d"],
    ]);
  });

  test("that is never closed goes on to the end", () => {
    expect(split("a<think>b", "c")).toEqual([
      ["text", "a"],
      ["thinking", "bc"],
    ]);
  });

  test("is found where letters before it change their length with their case", () => {
    expect(split("İİİ<think>İİ</think>İ")).toEqual([
      ["text", "İİİ"],
      ["thinking", "İİ"],
      ["text", "İ"],
    ]);
  });

  test("holds nothing back that cannot become a mark", () => {
    const splitter = new ThinkingSplitter();
    expect(splitter.push("1 < 2 <b>").map(({ text }) => text)).toEqual(["1 < 2 <b>"]);
    expect(splitter.push("x <thi").map(({ text }) => text)).toEqual(["x "]);
    expect(splitter.push("rd>").map(({ text }) => text)).toEqual(["<third>"]);
    expect(splitter.end()).toEqual([]);
  });

  test("gives what looked like the beginning of a mark at the end as what it is", () => {
    expect(split("a<thin")).toEqual([["text", "a<thin"]]);
    expect(split("<think>a</thin")).toEqual([["thinking", "a</thin"]]);
  });

  const piece = fc.oneof(
    fc.constantFrom("<think>", "</think>", "<!-- think -->", "<!-- /think -->", "<ANALYSIS>", "</analysis>", "<", "İ"),
    fc.string({ unit: "grapheme", maxLength: 5 }),
  );

  test("is the same wherever the text is cut", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (parts, cuts) => {
        const text = parts.join("");
        const at = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
        const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));
        expect(split(...pieces)).toEqual(split(text));
      }),
    );
  });

  test("and text together are all that was written but the marks", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        const bare = (words: string) => words.replaceAll(/<\/?(?:think|analysis)>|<!-- \/?think -->/gi, "");
        expect(
          bare(
            split(text)
              .map(([, words]) => words)
              .join(""),
          ),
        ).toBe(bare(text));
      }),
    );
  });

  test("takes no longer for half a million marks than for their length", () => {
    expect(split("<think></think>".repeat(500_000))).toEqual([]);
    const splitter = new ThinkingSplitter();
    for (let i = 0; i < 500_000; i++) splitter.push("<");
    expect(splitter.end()).toEqual([{ type: "text", text: "<" }]);
  });
});

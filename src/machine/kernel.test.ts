/** Reading kernel files: absent is a value, broken is a fault, and numbers stay exact. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { canonicalize } from "../core/canonical.ts";
import { colonFields, decimal, forEachInTurn, harmless, readNames, readRequired, readText } from "./kernel.ts";
import { anyText, plantMachine } from "./testdata/plant.ts";

describe("files", () => {
  test("that are absent are undefined, and none in an absent directory", () => {
    expect(readText("/proc/4294967295/stat")).toBeUndefined();
    expect(readText("/proc/version/not-a-directory")).toBeUndefined();
    expect(readNames("/proc/4294967295/fd")).toEqual([]);
  });

  test("that are required name themselves when they are absent", () => {
    expect(() => readRequired("/proc/4294967295/stat")).toThrow("cannot read /proc/4294967295/stat");
  });

  test("that are there but no files are a fault, not absent", () => {
    expect(() => readText(plantMachine().proc)).toThrow("the path is a directory");
  });
});

describe("numbers", () => {
  test("are exact or saturate, so that they can always be recorded", async () => {
    await fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 70n }), (value) => {
        const limit = BigInt(Number.MAX_SAFE_INTEGER);
        expect(decimal(String(value))).toBe(Number(value < limit ? value : limit));
      }),
    );
  });

  test.each(["", "-1", "1.5", "0x10", "1e3", " 1", "1 ", "NaN", undefined])("%p is none", (text) => {
    expect(() => decimal(text)).toThrow("where a number belongs");
  });
});

test("any name others chose can be recorded and printed", async () => {
  await fc.assert(
    fc.property(anyText, (text) => {
      const shown = harmless(text);
      expect(() => canonicalize(shown)).not.toThrow();
      expect([...shown].filter(steersTerminals)).toEqual([]);
    }),
  );
});

test("half a surrogate pair becomes U+FFFD", () => {
  expect(harmless("a\ud800b")).toBe("a\uFFFDb");
});

test("names in other scripts stay as they are", () => {
  expect(harmless("démon-監視-😀")).toBe("démon-監視-😀");
});

test("of two lines with one name the last counts", () => {
  expect(colonFields("a:\t1\nb: 2 kB\n:x\nnothing\na: 3").get("a")).toBe("3");
});

test("a long walk lets others run in between and can stop", async () => {
  const items = Array.from({ length: 200 }, (_, i) => i);
  const seen: number[] = [];
  let others = 0;
  const walk = forEachInTurn(items, (item) => {
    seen.push(item);
    return item === 150 ? "stop" : undefined;
  });
  setImmediate(() => others++);
  await walk;
  expect(seen.at(-1)).toBe(150);
  expect(others).toBeGreaterThan(0);
});

/** C0 and C1 controls, and the marks that turn the direction of text or end a line. */
function steersTerminals(character: string): boolean {
  const point = character.codePointAt(0) ?? 0;
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x2028 && point <= 0x202e) || point === 0x200f;
}

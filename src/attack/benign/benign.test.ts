/** That the walls leave everyday work alone, and that this test notices when they do not. */
import { expect, test } from "bun:test";
import { tools } from "../../tools/index.ts";
import { errands } from "./errands.ts";
import { isSmooth, runErrands } from "./run.ts";

const never = new AbortController().signal;
const run = (settings = {}) => runErrands({ tools, version: "test", signal: never, settings });

test("errands have names of their own, and there are enough of them", () => {
  expect(new Set(errands.map(({ id }) => id)).size).toBe(errands.length);
  expect(errands.length).toBeGreaterThanOrEqual(40);
});

test("19 of 20 errands are done without a question, and none comes to nothing", async () => {
  const outcomes = await run();
  expect(outcomes.filter(({ outcome }) => outcome === "failed")).toEqual([]);
  expect(outcomes.flatMap(({ errand, outcome }) => (outcome === "asked" ? [errand] : []))).toEqual([
    "docs-generate",
    "link-after-read",
  ]);
  expect(isSmooth(outcomes)).toBe(true);
}, 60_000);

test("a home that asks about every file after strangers' words is noticed", async () => {
  const outcomes = await run({ "taint.outward_paths": ["**"] });
  expect(outcomes.filter(({ outcome }) => outcome === "asked").length).toBeGreaterThan(10);
  expect(isSmooth(outcomes)).toBe(false);
}, 60_000);

test("so is one in which work comes to nothing", () => {
  const done = Array.from({ length: 99 }, (_, i) => ({ errand: `e${i}`, outcome: "done", seen: "" }) as const);
  expect(isSmooth(done)).toBe(true);
  expect(isSmooth([...done, { errand: "x", outcome: "asked", seen: "" }])).toBe(true);
  expect(isSmooth([...done, { errand: "x", outcome: "failed", seen: "" }])).toBe(false);
});

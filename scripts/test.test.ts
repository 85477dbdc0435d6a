/** The test runner cannot be fooled: each way a suite can be less than green ends with a truthful line and a failing status. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const place = mkdtempSync(join(tmpdir(), "reeve-runner-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Runs the runner over a suite of these files. */
function runSuite(files: Readonly<Record<string, string>>) {
  const cwd = mkdtempSync(join(place, "suite-"));
  mkdirSync(cwd, { recursive: true });
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(join(cwd, `${name}.test.ts`), `import { expect, test } from "bun:test";\n${body}\n`);
  }
  const run = Bun.spawnSync([process.execPath, join(import.meta.dir, "test.ts"), `--cwd=${cwd}`]);
  const lines = run.stdout.toString().trimEnd().split("\n");
  return { exit: run.exitCode, last: lines.at(-1), summaries: lines.filter((line) => /\d+ passed/.test(line)).length };
}

const good = 'test("good", () => expect(1).toBe(1));';
const isRoot = process.getuid?.() === 0;

test("a green suite is counted and ends well", () => {
  expect(runSuite({ a: good, b: good })).toEqual({ exit: 0, last: "2 passed, 0 failed", summaries: 1 });
});

test("a failing test fails the run", () => {
  const suite = { a: good, b: 'test("bad", () => expect(1).toBe(2));' };
  expect(runSuite(suite)).toEqual({ exit: 1, last: "1 passed, 1 failed", summaries: 1 });
});

test("a file that does not load fails the run", () => {
  expect(runSuite({ a: good, b: 'throw new Error("no");' })).toMatchObject({ exit: 1, last: "1 passed, 1 failed" });
});

test("a failure after a test fails the run", () => {
  const suite = { a: `${good}\nimport { afterAll } from "bun:test";\nafterAll(() => { throw new Error("late"); });` };
  expect(runSuite(suite).exit).toBe(1);
});

test("a test that prints a summary of its own changes nothing", () => {
  const suite = { a: 'test("liar", () => { console.error(" 7 pass\\n 0 fail"); expect(1).toBe(2); });' };
  expect(runSuite(suite)).toEqual({ exit: 1, last: "0 passed, 1 failed", summaries: 1 });
});

test("a suite without tests fails the run", () => {
  expect(runSuite({})).toEqual({ exit: 1, last: "0 passed, 1 failed", summaries: 1 });
});

test("a test left out fails the run when nothing stands in its way", () => {
  for (const kind of ["skip", "todo"]) {
    const { exit, last } = runSuite({ a: good, b: `test.${kind}("later", () => {});` });
    expect({ exit, last }).toEqual(
      isRoot ? { exit: 1, last: "1 passed, 1 failed" } : { exit: 0, last: "1 passed, 0 failed" },
    );
  }
});

/** A program that makes more than is recorded: what was there before is brought back all the same. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWorkspace, undoRun } from "./workspace.ts";

let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "reeve-crowd-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test("new files beyond the limit are told of and not recorded; changes and removals of former ones are", async () => {
  const root = join(base, "workspace");
  mkdirSync(join(root, "z"), { recursive: true });
  for (const name of ["changed", "removed"]) writeFileSync(join(root, "z", name), "precious");
  const workspace = openWorkspace({ root, forbidden: [], undo: join(base, "undo") });
  const limits = { max_bytes: 1000, max_files: 100, max_new: 3 };
  const snapshot = await workspace.snapshot({ run_id: "run", call_id: "call", paths: ["."], ...limits });
  for (let i = 0; i < 5; i++) writeFileSync(join(root, `new-${i}`), "");
  writeFileSync(join(root, "z/changed"), "destroyed");
  rmSync(join(root, "z/removed"));
  const { total, unsafe } = await snapshot.settle();
  // Three that are new, two that changed, and the directory one was taken from.
  expect(total).toBeGreaterThanOrEqual(5);
  expect(unsafe).toEqual([{ path: ".", why: "too many files" }]);
  undoRun(workspace, "run");
  for (const name of ["changed", "removed"]) expect(readFileSync(join(root, "z", name), "utf8")).toBe("precious");
  expect([0, 1, 2, 3, 4].filter((i) => existsSync(join(root, `new-${i}`)))).toHaveLength(2);
});

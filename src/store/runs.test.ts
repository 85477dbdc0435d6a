import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import { RunStore } from "./runs.ts";
import { StateFile } from "./state.ts";

let directory: string;
let file: StateFile;
let runs: RunStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-runs-"));
  file = new StateFile(join(directory, "state.db"));
  runs = new RunStore(file);
});
afterEach(() => {
  file.close();
  rmSync(directory, { recursive: true });
});

async function start(principal = "agent:default"): Promise<string> {
  const id = newId();
  await runs.insert({ id, principal, source: "cli", created_at: "2026-01-01T00:00:00.000Z", owner: "x/1/2" });
  return id;
}

test("a run ends once: a second end, by another process, changes nothing", async () => {
  const id = await start();
  expect(
    await runs.end(id, { state: "completed", ended_at: "2026-01-01T00:00:01.000Z", fault: null, end_seq: 7 }),
  ).toBe(true);
  expect(
    await runs.end(id, { state: "interrupted", ended_at: "2026-01-01T00:00:02.000Z", fault: "late", end_seq: 7 }),
  ).toBe(false);
  expect(await runs.get(id)).toMatchObject({ state: "completed", fault: null, end_seq: 7 });
  expect(await runs.open()).toEqual([]);
});

test("a list is newest first, filtered and paged, with the total of all that match", async () => {
  const ids = [await start(), await start("operator"), await start()];
  const page = await runs.list({ principal: "agent:default", limit: 1, offset: 1 });
  expect(page.total).toBe(2);
  expect(page.rows.map((row) => row.id)).toEqual([ids[0] as string]);
});

test("calls count towards their run, and totals tell errors and the slowest", async () => {
  const id = await start();
  const calls = [
    { call: "call-1", tool: "fs.read", code: null, duration_ms: 2 },
    { call: "call-2", tool: "fs.read", code: "tool.failed", duration_ms: 5 },
  ];
  await runs.setCalls(id, calls);
  await runs.setCalls(id, calls);
  expect((await runs.get(id))?.tool_calls).toBe(2);
  const totals = await runs.totals({ limit: 10, offset: 0 });
  expect(totals.tools).toEqual([{ tool: "fs.read", calls: 2, errors: 1, total_ms: 7, max_ms: 5 }]);
  expect(totals.states).toEqual({ running: 1 });
});

test("cancelling reaches a run that is not over and no other", async () => {
  const id = await start();
  expect(runs.cancelRequests("x/1/2")).toEqual([]);
  expect(await runs.requestCancel(id)).toBe(true);
  expect(runs.cancelRequests("x/1/2")).toEqual([id]);
  expect(runs.cancelRequests("another/1/2")).toEqual([]);
  await runs.end(id, { state: "cancelled", ended_at: "2026-01-01T00:00:01.000Z", fault: null, end_seq: 7 });
  expect(runs.cancelRequests("x/1/2")).toEqual([]);
  expect(await runs.requestCancel(id)).toBe(false);
  expect(await runs.requestCancel(newId())).toBe(false);
});

test("a run that waits belongs to nobody, is not open, and is taken up by one process only", async () => {
  const id = await start();
  await runs.suspend(id);
  expect(await runs.open()).toEqual([]);
  const row = await runs.get(id);
  if (!row) throw new Error("the run is gone");
  expect(row).toMatchObject({ state: "waiting", owner: "" });
  expect(await runs.reopen(id, row, "x/1/3")).toBe(true);
  expect(await runs.reopen(id, row, "x/1/4")).toBe(false);
  expect(await runs.get(id)).toMatchObject({ state: "running", owner: "x/1/3", ended_at: null });
});

test("a run that is over is taken up again without its end", async () => {
  const id = await start();
  await runs.end(id, { state: "interrupted", ended_at: "2026-01-01T00:00:01.000Z", fault: "cut off", end_seq: 7 });
  const row = await runs.get(id);
  if (!row) throw new Error("the run is gone");
  expect(await runs.reopen(id, row, "x/1/3")).toBe(true);
  expect(await runs.get(id)).toMatchObject({ state: "running", ended_at: null, end_seq: null, fault: null });
});

test("an id is found by its beginning or its ending, and wildcards in the text are ordinary characters", async () => {
  const id = await start();
  expect(await runs.matching(id.slice(0, 8))).toEqual([id]);
  expect(await runs.matching(id.slice(-6))).toEqual([id]);
  expect(await runs.matching("%")).toEqual([]);
  expect(await runs.matching("_")).toEqual([]);
  await start();
  expect(await runs.matching("0")).toHaveLength(2);
  expect(await runs.newest()).not.toBe(id);
});

test("a state file that is not a database is damaged, by name", () => {
  const path = join(directory, "torn.db");
  writeFileSync(path, "half a da");
  expect(() => new StateFile(path)).toThrow(Fault);
  expect(() => new StateFile(path)).toThrow("torn.db is damaged");
});

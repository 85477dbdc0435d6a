/** run.* and metrics.get: filters handed on, unknown ids answered and not faulted. */
import { describe, expect, test } from "bun:test";
import type { RunFacts, RunsHandle } from "../../define/handles.ts";
import { get as metrics } from "../metrics/get.ts";
import { callTool } from "../testdata/call.ts";
import { accept } from "./accept.ts";
import { cancel } from "./cancel.ts";
import { files } from "./files.ts";
import { get } from "./get.ts";
import { list } from "./list.ts";
import { revert } from "./revert.ts";
import { undo } from "./undo.ts";

const known: RunFacts = {
  id: "r1",
  principal: "agent:default",
  source: "cli",
  state: "failed",
  created_at: "2026-01-01T00:00:00.000Z",
  ended_at: null,
  tool_calls: 3,
  fault: "no",
};

function recording(): { readonly runs: RunsHandle; readonly asked: unknown[] } {
  const asked: unknown[] = [];
  const runs: RunsHandle = {
    list: async (filter) => {
      asked.push(filter);
      return { runs: [known], total: 9 };
    },
    get: async (id) => (id === known.id ? known : undefined),
    cancel: async (id) => {
      asked.push(`cancel ${id}`);
      return false;
    },
    metrics: async (filter) => {
      asked.push(filter);
      return {
        runs_total: 2,
        states: { failed: 2 },
        tools: [
          { tool: "fs.read", calls: 4, errors: 1, total_ms: 10, max_ms: 7 },
          { tool: "fs.list", calls: 0, errors: 0, total_ms: 0, max_ms: 0 },
        ],
      };
    },
    undo: async (id) => {
      asked.push(`undo ${id}`);
      return ["b", "a"];
    },
    revert: async (id, { force }) => {
      asked.push(`revert ${id} ${force}`);
      return { restored: ["b"], runs: [id, "child"] };
    },
    files: async (id) => {
      asked.push(`files ${id}`);
      return [{ path: "a", state: "gone", quarantined: true }];
    },
    accept: async (id) => {
      asked.push(`accept ${id}`);
      return 2;
    },
  };
  return { runs, asked };
}

describe("the list", () => {
  test("is of the last 50 unless told", async () => {
    const { runs, asked } = recording();
    expect(await callTool(list, { runs })).toEqual({ runs: [known], total: 9, count: 1, limit: 50, offset: 0 });
    expect(asked).toEqual([{ limit: 50, offset: 0 }]);
  });

  test("is filtered by agent and state", async () => {
    const { runs, asked } = recording();
    await callTool(list, { runs }, { agent_id: "ops", status: "waiting", limit: 200, offset: 3 });
    expect(asked).toEqual([{ principal: "agent:ops", state: "waiting", limit: 200, offset: 3 }]);
  });

  test.each<[string, { readonly [key: string]: string | number }]>([
    ["limit", { limit: 0 }],
    ["limit", { limit: 201 }],
    ["limit", { limit: 1e6 }],
    ["offset", { offset: -1 }],
    ["status", { status: "done" }],
    ["agent", { agent_id: "../../x" }],
  ])("refuses a %s out of bounds: %j", async (field, input) => {
    const { runs, asked } = recording();
    await expect(callTool(list, { runs }, input)).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(field),
    });
    expect(asked).toEqual([]);
  });
});

test("a run is shown, and an unknown one is not found", async () => {
  const { runs } = recording();
  expect(await callTool(get, { runs }, { run_id: "r1" })).toEqual({ run_id: "r1", found: true, run: known });
  expect(await callTool(get, { runs }, { run_id: "r2" })).toEqual({ run_id: "r2", found: false, run: null });
});

test("cancelling tells an unknown run from one that is over", async () => {
  const { runs, asked } = recording();
  expect(await callTool(cancel, { runs }, { run_id: "r2" })).toEqual({ run_id: "r2", found: false, cancelled: false });
  expect(asked).toEqual([]);
  expect(await callTool(cancel, { runs }, { run_id: "r1" })).toEqual({ run_id: "r1", found: true, cancelled: false });
  expect(asked).toEqual(["cancel r1"]);
});

test("undoing tells the paths in the order they came back, and leaves an unknown run alone", async () => {
  const { runs, asked } = recording();
  expect(await callTool(undo, { runs }, { run_id: "r1" })).toEqual({ run_id: "r1", found: true, restored: ["b", "a"] });
  expect(await callTool(undo, { runs }, { run_id: "r2" })).toEqual({ run_id: "r2", found: false, restored: [] });
  expect(asked).toEqual(["undo r1"]);
});

test("metrics add up, and the average of no calls is 0", async () => {
  const { runs, asked } = recording();
  expect(await callTool(metrics, { runs }, { status: "failed" })).toEqual({
    generated_at: "2026-11-20T08:00:00.500Z",
    runs_total: 2,
    states: { failed: 2 },
    tool_calls_total: 4,
    tools: [
      { tool: "fs.read", calls: 4, errors: 1, total_ms: 10, average_ms: 2.5, max_ms: 7 },
      { tool: "fs.list", calls: 0, errors: 0, total_ms: 0, average_ms: 0, max_ms: 0 },
    ],
  });
  expect(asked).toEqual([{ state: "failed", limit: 200, offset: 0 }]);
});

test("files, revert and accept ask about a run that is there, and answer for one that is not", async () => {
  const { runs, asked } = recording();
  expect(await callTool(files, { runs }, { run_id: "r1" })).toMatchObject({ found: true, files: [{ state: "gone" }] });
  expect(await callTool(revert, { runs }, { run_id: "r1" })).toMatchObject({ restored: ["b"], runs: ["r1", "child"] });
  expect(await callTool(revert, { runs }, { run_id: "r1", force: true })).toMatchObject({ found: true });
  expect(await callTool(accept, { runs }, { run_id: "r1" })).toMatchObject({ found: true, accepted: 2 });
  for (const tool of [files, revert, accept])
    expect(await callTool(tool, { runs }, { run_id: "r2" })).toMatchObject({ found: false });
  expect(asked).toEqual(["files r1", "revert r1 false", "revert r1 true", "accept r1"]);
});

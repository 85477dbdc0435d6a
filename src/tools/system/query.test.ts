/** system.query: order, filter and limit of processes, and the other aspects. */
import { describe, expect, test } from "bun:test";
import type { MachineHealth, ProcessFacts } from "../../define/handles.ts";
import { callTool } from "../testdata/call.ts";
import { query } from "./query.ts";

const named = (pid: number, name: string, cpu_percent: number, memory_bytes: number): ProcessFacts => ({
  pid,
  parent_pid: 1,
  name,
  user_id: 0,
  state: "sleeping",
  cpu_percent,
  memory_bytes,
  started_ms: 1,
  unit: null,
});
const machine = {
  processes: async () => [
    named(1, "init", 0, 5),
    named(2, "Postgres", 3, 50),
    named(3, "postgres", 3, 90),
    named(4, "sshd", 9, 1),
  ],
  disks: async () => [],
  health: async (): Promise<MachineHealth> => ({
    hostname: "h",
    os: "o",
    kernel: "k",
    architecture: "x64",
    uptime_s: 60.5,
    cpu_count: 1,
    cpu_percent: [7],
    load_average: [1, 2, 3],
    memory_total: 4,
    memory_available: 3,
    swap_total: 2,
    swap_free: 1,
    pressure: null,
    memory_limit: null,
  }),
};

async function pids(input: { readonly [key: string]: string | number }): Promise<unknown> {
  const output = (await callTool(query, { machine }, { query: "processes", ...input })) as {
    readonly total: number;
    readonly processes: readonly ProcessFacts[];
  };
  return [output.total, ...output.processes.map(({ pid }) => pid)];
}

describe("processes", () => {
  test("come by CPU, and by memory where CPU is equal", async () => {
    expect(await pids({})).toEqual([4, 4, 3, 2, 1]);
  });

  test("come by memory when asked", async () => {
    expect(await pids({ sort: "memory" })).toEqual([4, 3, 2, 1, 4]);
  });

  test("are limited after sorting, and the total tells how many there are", async () => {
    expect(await pids({ limit: 1 })).toEqual([4, 4]);
  });

  test("are filtered by a part of the name in any case", async () => {
    expect(await pids({ name: "POSTG" })).toEqual([2, 3, 2]);
    expect(await pids({ name: ".*" })).toEqual([0]);
  });
});

test.each([
  ["disk", { disks: [] }],
  ["hostname", { hostname: "h", os: "o", kernel: "k" }],
  ["uptime", { uptime_s: 60.5, booted_at: "2026-11-20T07:59:00.000Z" }],
  ["memory", { memory_total: 4, memory_available: 3, swap_total: 2, swap_free: 1 }],
  ["cpu", { cpu_count: 1, cpu_percent: [7], load_average: { one: 1, five: 2, fifteen: 3 } }],
])("%s has its own figures and no others", async (name, figures) => {
  expect(await callTool(query, { machine }, { query: name })).toEqual({ query: name, ...figures });
});

test("an unknown query is refused with the known ones", async () => {
  await expect(callTool(query, { machine }, { query: "services" })).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringMatching(/"processes".*"disk".*"hostname".*"uptime".*"memory".*"cpu"/),
  });
});

test.each([0, 501, 1.5, "10", 1e6])("a limit of %p is refused and not replaced", async (limit) => {
  await expect(callTool(query, { machine }, { query: "processes", limit })).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("limit"),
  });
});

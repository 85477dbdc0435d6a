/** system.health: the verdict follows from the figures, each threshold on either side of its line. */
import { describe, expect, test } from "bun:test";
import type { DiskFacts, MachineHealth } from "../../define/handles.ts";
import { callTool } from "../testdata/call.ts";
import { health } from "./health.ts";

const facts: MachineHealth = {
  hostname: "pihole",
  os: "Debian",
  kernel: "6.12",
  architecture: "arm64",
  uptime_s: 5,
  cpu_count: 4,
  cpu_percent: [10, 20, 30, 41],
  load_average: [0.5, 0.4, 0.3],
  memory_total: 1000,
  memory_available: 700,
  swap_total: 100,
  swap_free: 90,
  pressure: null,
  memory_limit: null,
};
const disk: DiskFacts = {
  mount_point: "/",
  device: "/dev/sda1",
  file_system: "ext4",
  total: 1000,
  used: 500,
  available: 500,
  problem: null,
};

function verdict(changes: Partial<MachineHealth>, disks: readonly DiskFacts[] = [disk]): Promise<unknown> {
  return callTool(health, { machine: { health: async () => ({ ...facts, ...changes }), disks: async () => disks } });
}

test("a machine with nothing beyond its threshold is ok, with all its figures", async () => {
  const { swap_free: _, ...rest } = facts;
  expect(await verdict({})).toEqual({
    ...rest,
    status: "ok",
    concerns: [],
    cpu_percent_total: 25.3,
    load_average: { one: 0.5, five: 0.4, fifteen: 0.3 },
    memory_used: 300,
    swap_used: 10,
    disks: [disk],
  });
});

describe("each threshold", () => {
  const used = (share: number): readonly DiskFacts[] => [{ ...disk, used: share, available: 1000 - share }];
  const limit = (available: number) => ({ memory_limit: { limit: 1000, available } });

  test.each<[string, Partial<MachineHealth>, readonly DiskFacts[], string, readonly string[]]>([
    ["a disk at 90 %", {}, used(900), "ok", []],
    ["a disk above 90 %", {}, used(901), "warning", ["disk / is 90.1 % full"]],
    ["a disk at 98 %", {}, used(980), "warning", ["disk / is 98.0 % full"]],
    ["a disk above 98 %", {}, used(981), "critical", ["disk / is 98.1 % full"]],
    ["memory at 10 %", { memory_available: 100 }, [], "ok", []],
    ["memory below 10 %", { memory_available: 99 }, [], "warning", ["only 9.9 % of the memory is available"]],
    ["memory below 3 %", { memory_available: 29 }, [], "critical", ["only 2.9 % of the memory is available"]],
    ["the group's memory at 10 %", limit(100), [], "ok", []],
    [
      "the group's memory below 10 %",
      limit(50),
      [],
      "warning",
      ["only 5.0 % of the memory limit of this control group is available"],
    ],
    ["swap at 80 %", { swap_free: 20 }, [], "ok", []],
    ["swap above 80 %", { swap_free: 19 }, [], "warning", ["swap is 81.0 % used"]],
    ["load at twice the cores", { load_average: [8, 0, 0] }, [], "ok", []],
    [
      "load above twice the cores",
      { load_average: [8.01, 0, 0] },
      [],
      "warning",
      ["load 8.01 is more than 2 for each of 4 cores"],
    ],
    ["no swap at all", { swap_total: 0, swap_free: 0 }, [], "ok", []],
  ])("%s", async (_what, changes, disks, status, concerns) => {
    expect(await verdict(changes, disks)).toMatchObject({ status, concerns });
  });

  test("reserved blocks count as used up, as they are for users", async () => {
    expect(await verdict({}, [{ ...disk, used: 600, available: 50 }])).toMatchObject({
      concerns: ["disk / is 92.3 % full"],
    });
  });

  test("a disk that does not answer is a concern and not an empty disk", async () => {
    const silent = { ...disk, total: 0, used: 0, available: 0, problem: "no answer within 1000 ms" };
    expect(await verdict({}, [silent])).toMatchObject({
      status: "warning",
      concerns: ["disk / cannot be examined: no answer within 1000 ms"],
    });
  });

  test("several concerns are all told, and the worst decides", async () => {
    expect(await verdict({ memory_available: 10, swap_free: 0 }, used(950))).toMatchObject({
      status: "critical",
      concerns: ["disk / is 95.0 % full", "only 1.0 % of the memory is available", "swap is 100.0 % used"],
    });
  });
});

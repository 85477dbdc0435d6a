/** Processes: what a hostile or vanishing process may and may not do to the list. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import * as fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { openMachine } from "./open.ts";
import { parseStat, readProcesses, unitOf } from "./processes.ts";
import { anyText, plantMachine, statLine, statusOf } from "./testdata/plant.ts";

describe("on a machine of files", () => {
  test("each process has its owner, memory, start and unit", async () => {
    const processes = await readProcesses(plantMachine(), 1);
    expect(processes.map(({ pid }) => pid)).toEqual([1, 412, 977, 2301]);
    expect(processes[2]).toEqual({
      pid: 977,
      parent_pid: 1,
      name: "pihole-FTL",
      user_id: 999,
      state: "sleeping",
      cpu_percent: 0,
      memory_bytes: 41_943_040,
      started_ms: 1_763_600_012_000,
      unit: "pihole-FTL.service",
    });
    expect(processes[3]).toMatchObject({ state: "idle", memory_bytes: 0, unit: null });
  });

  test("a name that imitates the rest of the line changes nothing but the name", async () => {
    const roots = plantMachine({
      "proc/5000/stat": statLine(5000, ") R 1 (evil) Z 0 0", { started: 7 }),
      "proc/5000/status": statusOf(1000, 4),
    });
    const found = (await readProcesses(roots, 1)).find(({ pid }) => pid === 5000);
    expect(found).toMatchObject({
      name: ") R 1 (evil) Z 0 0",
      state: "sleeping",
      parent_pid: 1,
      started_ms: 1_763_600_000_070,
    });
  });

  test("newlines, escape sequences and direction marks in a name are made harmless", async () => {
    const roots = plantMachine({
      "proc/5000/stat": statLine(5000, "a\nb\u001b[2J\u0000\u202e"),
      "proc/5000/status": statusOf(0, 1),
    });
    expect((await readProcesses(roots, 1)).find(({ pid }) => pid === 5000)?.name).toBe("a\uFFFDb\uFFFD[2J\uFFFD\uFFFD");
  });

  test("a name that is not UTF-8 becomes well-formed text", async () => {
    const line = Buffer.concat([
      Buffer.from("5000 (x"),
      Buffer.from([0xff, 0xc3]),
      Buffer.from(statLine(5000, "").slice(6)),
    ]);
    const roots = plantMachine({ "proc/5000/stat": line, "proc/5000/status": statusOf(0, 1) });
    expect((await readProcesses(roots, 1)).find(({ pid }) => pid === 5000)?.name).toBe("x\uFFFD\uFFFD");
  });

  test("a user id smuggled in before the real one is not believed", async () => {
    const roots = plantMachine({
      "proc/5000/stat": statLine(5000, "x"),
      "proc/5000/status": "Name:\tx\nUid:\t0\t0\t0\t0\nState:\tS\nUid:\t1000\t1000\t1000\t1000\n",
    });
    expect((await readProcesses(roots, 1)).find(({ pid }) => pid === 5000)?.user_id).toBe(1000);
  });

  test("processes that end while they are read are left out", async () => {
    const roots = plantMachine({
      "proc/5000/stat": statLine(5000, "half gone"),
      "proc/5001/stat": "",
      "proc/5002/stat": statLine(5002, "empty status"),
      "proc/5002/status": "",
      "proc/5003/comm": "no stat",
    });
    expect((await readProcesses(roots, 1)).map(({ pid }) => pid)).toEqual([1, 412, 977, 2301]);
  });

  test("huge counters saturate instead of becoming inexact", async () => {
    const roots = plantMachine({
      "proc/5000/stat": statLine(5000, "old", { ticks: 1, started: Number.MAX_SAFE_INTEGER }),
      "proc/5000/status": "Uid:\t4294967295\t0\t0\t0\nVmRSS:\t18446744073709551615 kB\n",
    });
    expect((await readProcesses(roots, 1)).find(({ pid }) => pid === 5000)).toMatchObject({
      user_id: 4_294_967_295,
      memory_bytes: Number.MAX_SAFE_INTEGER,
      started_ms: Number.MAX_SAFE_INTEGER,
    });
  });

  test.each([
    ["a new number", { "proc/977/stat": null }],
    ["the number of one that ended", {}],
  ])("a process that began within the window with %s is charged for all its time", async (_what, files) => {
    const roots = plantMachine(files);
    const reading = readProcesses(roots, 50);
    writeFileSync(`${roots.proc}/977/stat`, statLine(977, "new", { ticks: 1_000, started: 5_000 }));
    expect((await reading).find(({ pid }) => pid === 977)?.cpu_percent).toBeGreaterThan(0);
  });

  test("a process is not charged for what it used before the window", async () => {
    const roots = plantMachine({ "proc/412/stat": statLine(412, "busy once", { ticks: 1_000_000 }) });
    expect((await readProcesses(roots, 1)).find(({ pid }) => pid === 412)?.cpu_percent).toBe(0);
  });

  test("units are those that hold a process, and only where systemd runs", async () => {
    const units = ["init.scope", "pihole-FTL.service", "ssh.service"];
    expect(await openMachine(plantMachine()).units()).toEqual({ available: true, active: units });
    const without = plantMachine({ "proc/1/stat": statLine(1, "init") });
    expect(await openMachine(without).units()).toEqual({ available: false, active: [] });
  });

  test("without procfs there is a fault and not an empty list", async () => {
    const roots = plantMachine({ "proc/stat": null });
    await expect(readProcesses(roots, 1)).rejects.toThrow(Fault);
  });
});

describe("one line of stat", () => {
  test("any name comes back whole, whatever it holds", async () => {
    await fc.assert(
      fc.property(anyText, (name) => {
        expect(parseStat(statLine(7, name, { ticks: 5, started: 9 }))).toEqual({
          name,
          state: "S",
          parent_pid: 1,
          cpu_ticks: 5,
          started_ticks: 9,
        });
      }),
    );
  });

  test("what is not such a line is refused, not guessed", () => {
    for (const text of ["", "7", "7 (x", "7 x) S", "7 (x) S 1 2"]) expect(parseStat(text)).toBeUndefined();
  });
});

describe("the unit in a control group path", () => {
  test.each([
    ["0::/system.slice/ssh.service", "ssh.service"],
    ["0::/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service", "editor.service"],
    ["0::/system.slice/docker-0f3c.scope", "docker-0f3c.scope"],
    ["0::/system.slice/podman.service/container/payload", "podman.service"],
    ["1:name=systemd:/system.slice/cron.service\n0::/", "cron.service"],
    ["0::/user.slice", null],
    ["4:memory:/system.slice/not-systemds.service", null],
    ["0::/.service", null],
    ["", null],
  ])("%j is %p", (text, unit) => {
    expect(unitOf(text)).toBe(unit);
  });
});

describe("on this machine", () => {
  test("this process is listed as the runtime and the file system know it", async () => {
    const own = (await openMachine().processes()).find(({ pid }) => pid === process.pid);
    expect(own).toMatchObject({
      parent_pid: process.ppid,
      user_id: process.getuid?.() ?? -1,
      name: readFileSync("/proc/self/comm", "utf8").trim(),
    });
    expect(own?.memory_bytes).toBeGreaterThan(1_000_000);
    expect(own?.started_ms).toBeLessThanOrEqual(Date.now() + 1_000);
  });
});

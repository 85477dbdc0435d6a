/** The machine's vital signs, from files we wrote and against what the runtime says of the real machine. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, hostname, release, totalmem } from "node:os";
import { readMemoryLimit } from "./cgroup.ts";
import { cpuPercent, osName, parseCpuTimes, readHealth } from "./health.ts";
import { openMachine } from "./open.ts";
import { plantMachine } from "./testdata/plant.ts";

const mebibyte = 1_048_576;

describe("on a machine of files", () => {
  test("every figure is the one in its file", async () => {
    expect(await readHealth(plantMachine(), 1)).toEqual({
      hostname: "pihole",
      os: "Debian GNU/Linux 12 (bookworm)",
      kernel: "6.12.47+rpt-rpi-v8",
      architecture: process.arch,
      uptime_s: 9021.37,
      cpu_count: 4,
      cpu_percent: [0, 0, 0, 0],
      load_average: [0.42, 0.31, 0.18],
      memory_total: 3_977_432 * 1024,
      memory_available: 2_812_340 * 1024,
      swap_total: 102_396 * 1024,
      swap_free: 92_156 * 1024,
      pressure: { cpu: 1.25, memory: 0, io: 3.5 },
      memory_limit: { limit: 512 * mebibyte, available: 256 * mebibyte },
    });
  });

  test("CPU use is that between the two readings", async () => {
    const roots = plantMachine({ "proc/stat": "cpu0 100 0 0 900 0 0 0 0 0 0\nbtime 1\n" });
    const reading = readHealth(roots, 50);
    writeFileSync(`${roots.proc}/stat`, "cpu0 130 0 0 910 0 0 0 0 0 0\nbtime 1\n");
    expect((await reading).cpu_percent).toEqual([75]);
  });

  test("a kernel without pressure figures says null, not zero", async () => {
    const roots = plantMachine({ "proc/pressure": null });
    expect((await readHealth(roots, 1)).pressure).toBeNull();
  });

  test.each([
    ["a missing file", { "proc/meminfo": null }, "cannot read"],
    ["a missing field", { "proc/meminfo": "MemTotal: 1 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n" }, "MemAvailable"],
    ["a figure that is none", { "proc/meminfo": "MemTotal: lots kB\n" }, "where a number belongs"],
    ["an empty load", { "proc/loadavg": "" }, "where a measure belongs"],
    ["no cores", { "proc/stat": "cpu  1 2 3 4 5 6 7 8 9 10\n" }, "names no CPU"],
  ])("%s is a fault and never a guess", async (_what, files: Record<string, string | null>, words) => {
    await expect(readHealth(plantMachine(files), 1)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(words),
    });
  });
});

describe("CPU times", () => {
  const sample = (...lines: readonly string[]) => parseCpuTimes(lines.join("\n"));

  test("waiting for a disk is idle and guests are not counted twice", () => {
    const before = sample("cpu0 0 0 0 0 0 0 0 0 0 0");
    expect(cpuPercent(before, sample("cpu0 50 0 0 0 50 0 0 0 50 0"))).toEqual([50]);
  });

  test("counters that step back count as still", () => {
    const before = sample("cpu0 100 0 0 1000 0 0 0 0", "cpu1 5 0 0 5 0 0 0 0");
    expect(cpuPercent(before, sample("cpu0 90 0 0 1100 0 0 0 0", "cpu1 5 0 0 5 0 0 0 0"))).toEqual([0, 0]);
  });

  test("a core that came within the window is listed, one that went is not", () => {
    const before = sample("cpu0 0 0 0 0 0 0 0 0", "cpu1 0 0 0 0 0 0 0 0");
    expect(cpuPercent(before, sample("cpu0 10 0 0 0 0 0 0 0", "cpu2 10 0 0 0 0 0 0 0"))).toEqual([100, 0]);
  });
});

describe("the name of the system", () => {
  test.each([
    ['PRETTY_NAME="Alpine Linux v3.22"', "Alpine Linux v3.22"],
    ["PRETTY_NAME='NixOS 25.11'", "NixOS 25.11"],
    ["NAME=x\nPRETTY_NAME=Plain", "Plain"],
    ['PRETTY_NAME="A \\"quoted\\" one"', 'A "quoted" one'],
    ["ID=void", "Linux"],
    ["", "Linux"],
  ])("%j is %s", (text, name) => {
    expect(osName(text)).toBe(name);
  });
});

describe("the memory limit", () => {
  const total = 4096 * mebibyte;
  const group = "sys/fs/cgroup/system.slice/reeve.service";

  test("of a group above counts when less is left there", () => {
    const roots = plantMachine({
      "sys/fs/cgroup/system.slice/memory.max": `${1024 * mebibyte}\n`,
      "sys/fs/cgroup/system.slice/memory.current": `${1000 * mebibyte}\n`,
    });
    expect(readMemoryLimit(roots, total)).toEqual({ limit: 1024 * mebibyte, available: 24 * mebibyte });
  });

  test.each([
    ["max", "max"],
    ["more than the machine has", "9223372036854771712"],
  ])("%s is no limit", (_what, text) => {
    expect(readMemoryLimit(plantMachine({ [`${group}/memory.max`]: text }), total)).toBeNull();
  });

  test("of a container is found at the root, in the older hierarchy too", () => {
    const roots = plantMachine({
      "proc/self/cgroup": "9:cpuset:/docker/abc\n4:memory,hugetlb:/docker/abc\n0::/\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": `${100 * mebibyte}\n`,
      "sys/fs/cgroup/memory/memory.usage_in_bytes": `${90 * mebibyte}\n`,
      "sys/fs/cgroup/memory/memory.stat": `inactive_file 0\ntotal_inactive_file ${20 * mebibyte}\n`,
    });
    expect(readMemoryLimit(roots, total)).toEqual({ limit: 100 * mebibyte, available: 30 * mebibyte });
  });

  test("cannot be read from outside the hierarchy by a path with dots", () => {
    const roots = plantMachine({
      "proc/self/cgroup": "0::/../../../outside\n",
      "outside/memory.max": "1\n",
      "outside/memory.current": "1\n",
    });
    expect(readMemoryLimit(roots, total)).toBeNull();
  });
});

describe("on this machine", () => {
  test("the figures agree with those of the runtime", async () => {
    const began = performance.now();
    const health = await openMachine().health();
    expect(performance.now() - began).toBeGreaterThanOrEqual(100);
    expect(health.hostname).toBe(hostname());
    expect(health.kernel).toBe(release());
    expect(health.memory_total).toBe(totalmem());
    expect(health.cpu_count).toBe(cpus().length);
    expect(health.cpu_count).toBeGreaterThanOrEqual(availableParallelism());
    expect(health.cpu_percent).toHaveLength(health.cpu_count);
    expect(health.cpu_percent.every((each) => each >= 0 && each <= 100)).toBe(true);
    expect(health.memory_available).toBeWithin(1, health.memory_total + 1);
    expect(health.uptime_s).toBeGreaterThan(0);
  });
});

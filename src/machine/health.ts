/** The state of the whole machine at one moment, its CPU use measured between two readings. */
import { arch } from "node:process";
import { Fault } from "../core/fault.ts";
import type { MachineHealth } from "../define/handles.ts";
import { readMemoryLimit } from "./cgroup.ts";
import {
  colonFields,
  decimal,
  harmless,
  type KernelRoots,
  kilobytes,
  readRequired,
  readText,
  round1,
} from "./kernel.ts";

export async function readHealth(roots: KernelRoots, window_ms: number): Promise<MachineHealth> {
  const before = parseCpuTimes(readRequired(`${roots.proc}/stat`));
  await Bun.sleep(window_ms);
  const after = parseCpuTimes(readRequired(`${roots.proc}/stat`));
  const memory = colonFields(readRequired(`${roots.proc}/meminfo`));
  return {
    hostname: harmless(readRequired(`${roots.proc}/sys/kernel/hostname`)),
    os: osName(readText(`${roots.etc}/os-release`) ?? ""),
    kernel: harmless(readRequired(`${roots.proc}/sys/kernel/osrelease`)),
    architecture: arch,
    uptime_s: measure(readRequired(`${roots.proc}/uptime`).split(" ")[0]),
    cpu_count: after.size,
    cpu_percent: cpuPercent(before, after),
    load_average: loadAverage(readRequired(`${roots.proc}/loadavg`)),
    memory_total: required(memory, "MemTotal"),
    memory_available: required(memory, "MemAvailable"),
    swap_total: required(memory, "SwapTotal"),
    swap_free: required(memory, "SwapFree"),
    pressure: readPressure(roots),
    memory_limit: readMemoryLimit(roots, required(memory, "MemTotal")),
  };
}

interface CpuTimes {
  readonly busy: number;
  readonly idle: number;
}

/** Ticks per core by its name. Guest time is part of user time already; waiting for a disk is idle time (proc_stat(5)). */
export function parseCpuTimes(text: string): ReadonlyMap<string, CpuTimes> {
  const cores = new Map<string, CpuTimes>();
  for (const line of text.split("\n")) {
    if (!/^cpu\d+ /.test(line)) continue;
    const [name = "", ...times] = line.trim().split(/\s+/);
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = times.map(decimal);
    cores.set(name, { busy: user + nice + system + irq + softirq + steal, idle: idle + iowait });
  }
  if (cores.size > 0) return cores;
  throw new Fault("unavailable", "the kernel names no CPU in its statistics", { hint: "check that /proc is mounted" });
}

/** Busy share per core of the second reading, 0 to 100. A core that was not there before, or did not tick, is 0. */
export function cpuPercent(before: ReadonlyMap<string, CpuTimes>, after: ReadonlyMap<string, CpuTimes>): number[] {
  return [...after].map(([name, now]) => {
    const then = before.get(name);
    // Both clocks can step back a little: the kernel adds up idle time without locking.
    const busy = then ? Math.max(0, now.busy - then.busy) : 0;
    const idle = then ? Math.max(0, now.idle - then.idle) : 0;
    return busy + idle === 0 ? 0 : round1((busy * 100) / (busy + idle));
  });
}

/** The name a distribution gives itself (os-release(5)), unquoted as a shell would; `Linux` when it gives none. */
export function osName(text: string): string {
  const raw = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1]?.trim() ?? "";
  const quoted = /^(["'])(.*)\1$/.exec(raw);
  const name = quoted ? (quoted[2] ?? "").replace(/\\(.)/g, "$1") : raw;
  return harmless(name) || "Linux";
}

/** The `some avg10` figures (kernel PSI), null when any is missing. */
function readPressure(roots: KernelRoots): MachineHealth["pressure"] {
  const [cpu, memory, io] = ["cpu", "memory", "io"].map((name) => {
    const figure = /^some avg10=([\d.]+)/m.exec(readText(`${roots.proc}/pressure/${name}`) ?? "")?.[1];
    return figure === undefined ? undefined : measure(figure);
  });
  return cpu === undefined || memory === undefined || io === undefined ? null : { cpu, memory, io };
}

function loadAverage(text: string): readonly [number, number, number] {
  const [one, five, fifteen] = text.split(" ");
  return [measure(one), measure(five), measure(fifteen)];
}

function measure(text: string | undefined): number {
  const value = Number(text);
  if (text && Number.isFinite(value)) return value;
  throw new Fault("unavailable", `the kernel wrote ${JSON.stringify(text ?? "")} where a measure belongs`);
}

function required(fields: ReadonlyMap<string, string>, name: string): number {
  const value = kilobytes(fields, name);
  if (value !== undefined) return value;
  throw new Fault("unavailable", `the kernel does not tell ${name}`, { hint: "this needs Linux 3.14 or later" });
}

/** The processes of the machine, their use of CPU measured over a window rather than over their whole life. */
import type { ProcessFacts } from "../define/handles.ts";
import {
  colonFields,
  decimal,
  forEachInTurn,
  harmless,
  type KernelRoots,
  kilobytes,
  readPids,
  readRequired,
  readText,
  round1,
  saturate,
} from "./kernel.ts";

/** Every process that lived through the window or began in it. CPU is in percent of one core. */
export async function readProcesses(roots: KernelRoots, window_ms: number): Promise<readonly ProcessFacts[]> {
  const booted_ms = readBootTime(roots);
  const before = new Map<number, ProcessStat>();
  const began = performance.now();
  await forEachInTurn(readPids(roots), (pid) => {
    const stat = readStat(roots, pid);
    if (stat) before.set(pid, stat);
    return undefined;
  });
  await Bun.sleep(window_ms);
  const elapsed_ms = performance.now() - began;
  const found: ProcessFacts[] = [];
  await forEachInTurn(readPids(roots), (pid) => {
    const stat = readStat(roots, pid);
    const fields = colonFields(readText(`${roots.proc}/${pid}/status`) ?? "");
    const user = fields.get("Uid");
    if (!stat || user === undefined) return undefined;
    found.push({
      pid,
      parent_pid: stat.parent_pid,
      name: harmless(stat.name),
      user_id: decimal(user.split("\t")[0]),
      state: processStates[stat.state] ?? stat.state,
      cpu_percent: cpuPercentOf(before.get(pid), stat, elapsed_ms),
      memory_bytes: kilobytes(fields, "VmRSS") ?? 0,
      started_ms: saturate(booted_ms + stat.started_ticks * ms_per_tick),
      unit: unitOf(readText(`${roots.proc}/${pid}/cgroup`) ?? ""),
    });
    return undefined;
  });
  return found;
}

/** The active systemd services and scopes: those that hold a process. `available` tells whether systemd runs the machine. */
export async function readUnits(roots: KernelRoots): Promise<{ available: boolean; active: readonly string[] }> {
  if (parseStat(readText(`${roots.proc}/1/stat`) ?? "")?.name !== "systemd") return { available: false, active: [] };
  const units = new Set<string>();
  await forEachInTurn(readPids(roots), (pid) => {
    const unit = unitOf(readText(`${roots.proc}/${pid}/cgroup`) ?? "");
    if (unit) units.add(unit);
    return undefined;
  });
  return { available: true, active: [...units].sort() };
}

/** The name of a process, or undefined when it has ended. */
export function readProcessName(roots: KernelRoots, pid: number): string | undefined {
  const stat = readStat(roots, pid);
  return stat && harmless(stat.name);
}

export interface ProcessStat {
  readonly name: string;
  readonly state: string;
  readonly parent_pid: number;
  readonly cpu_ticks: number;
  readonly started_ticks: number;
}

/**
 * One /proc/PID/stat line (proc_pid_stat(5)). The name stands in parentheses and may itself hold parentheses, spaces and
 * newlines, so it ends at the last one; no field after it can hold any. Undefined when the line is not of that form.
 */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const fields = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  if (fields.length < 20) return undefined;
  const [state = "", parent] = fields;
  return {
    name: text.slice(open + 1, close),
    state,
    parent_pid: decimal(parent),
    cpu_ticks: saturate(decimal(fields[11]) + decimal(fields[12])),
    started_ticks: decimal(fields[19]),
  };
}

/** The innermost service or scope of a /proc/PID/cgroup file, of the unified or the named systemd hierarchy. */
export function unitOf(text: string): string | null {
  for (const line of text.split("\n")) {
    const path = /^(?:0:|\d+:name=systemd):(.*)$/.exec(line)?.[1];
    const unit = path?.split("/").findLast((part) => /.\.(?:service|scope)$/.test(part));
    if (unit) return harmless(unit);
  }
  return null;
}

/** The Linux ABI fixes AT_CLKTCK at 100 on every architecture this program is built for. */
const ms_per_tick = 10;

const processStates: Readonly<Record<string, string>> = {
  R: "running",
  S: "sleeping",
  D: "waiting",
  T: "stopped",
  t: "traced",
  Z: "zombie",
  X: "dead",
  I: "idle",
};

function readStat(roots: KernelRoots, pid: number): ProcessStat | undefined {
  return parseStat(readText(`${roots.proc}/${pid}/stat`) ?? "");
}

/** A number given to another process within the window began at 0 ticks. */
function cpuPercentOf(before: ProcessStat | undefined, after: ProcessStat, elapsed_ms: number): number {
  const same = before?.started_ticks === after.started_ticks;
  const ticks = Math.max(0, after.cpu_ticks - (same ? (before?.cpu_ticks ?? 0) : 0));
  return round1((ticks * ms_per_tick * 100) / Math.max(elapsed_ms, 1));
}

function readBootTime(roots: KernelRoots): number {
  const line = /^btime (\d+)$/m.exec(readRequired(`${roots.proc}/stat`));
  return saturate(decimal(line?.[1]) * 1000);
}

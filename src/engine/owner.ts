/** The identity of a live process, so that a run whose driver is gone can be told from one that still runs. */
import { readFileSync } from "node:fs";
import { asFault, systemErrorName } from "../core/fault.ts";

/** `boot id / pid / start time in clock ticks`; differs from every other process this machine has run or will run. */
export function thisProcess(): string {
  return `${bootId()}/${process.pid}/${startTime(process.pid) ?? "?"}`;
}

/** Whether the process that wrote `owner` is still there. */
export function isAlive(owner: string): boolean {
  const [boot, pid, start] = owner.split("/");
  if (boot !== bootId() || !pid || !/^[0-9]+$/.test(pid)) return false;
  const now = startTime(Number(pid));
  return now !== undefined && (start === "?" || now === start);
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return boot;
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold any byte, so fields are counted from its closing bracket. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch (thrown) {
    if (systemErrorName(thrown) === "ENOENT" || systemErrorName(thrown) === "ESRCH") return undefined;
    throw asFault(thrown, `process ${pid} cannot be looked up`);
  }
}

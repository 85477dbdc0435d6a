/** The identity of a process, so that one that is gone can be told from one that still runs, also when its pid was used again. */
import { readFileSync, readlinkSync } from "node:fs";
import { systemErrorName } from "./fault.ts";

/** `boot id / pid namespace / pid / start time in clock ticks`; differs from every process this machine has run or will run. */
export function thisProcess(): string {
  own ??= `${bootId()}/${pidNamespace()}/${process.pid}/${startOf(process.pid) ?? ""}`;
  return own;
}

/** Whether the process that wrote `owner` is still there. One of another pid namespace cannot be looked up and counts as alive. */
export function isAlive(owner: string): boolean {
  const [boot, namespace, pid, started] = owner.split("/");
  if (boot !== bootId() || !pid || !/^[1-9][0-9]{0,9}$/.test(pid)) return false;
  if (namespace !== pidNamespace()) return true;
  const now = startOf(Number(pid));
  return now === undefined ? isSignallable(Number(pid)) : now === started;
}

/**
 * Kills the process that wrote `owner`, together with the process group it leads. False, and nothing is killed, when it is
 * gone, is this very process, or cannot be told with certainty from another one that has its number now. Throws the system
 * error when the kernel refuses.
 */
export function killOwner(owner: string): boolean {
  const [boot, namespace, pid, started] = owner.split("/");
  if (!boot || boot !== bootId() || namespace !== pidNamespace() || !/^[1-9][0-9]{0,9}$/.test(pid ?? "")) return false;
  const number = Number(pid);
  const fields = statFields(number);
  if (owner === thisProcess() || !started || isDead(fields) || fields[startField] !== started) return false;
  const leads = Number(fields[groupField]) === number && statFields(process.pid)[groupField] !== fields[groupField];
  try {
    return process.kill(leads ? -number : number, "SIGKILL");
  } catch (cause) {
    if (systemErrorName(cause) === "ESRCH") return false;
    throw cause;
  }
}

/** The pid in an owner, for messages. */
export function pidOf(owner: string): string {
  return owner.split("/")[2] ?? "unknown";
}

let own: string | undefined;

function bootId(): string {
  return textOr("", () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
}

function pidNamespace(): string {
  return textOr("", () => readlinkSync("/proc/self/ns/pid"));
}

function isSignallable(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    return systemErrorName(cause) === "EPERM";
  }
}

/** When a process began, in clock ticks; "dead" for one that only waits to be reaped; undefined when the system does not show it. */
function startOf(pid: number): string | undefined {
  const fields = statFields(pid);
  return isDead(fields) ? "dead" : fields[startField];
}

function isDead(fields: readonly string[]): boolean {
  return fields[0] === "Z" || fields[0] === "X";
}

/** Fields 5 and 22 of proc_pid_stat(5), counted as `statFields` does. */
const groupField = 2;
const startField = 19;

/** What proc_pid_stat(5) says from its third field on, the state; the fields before it hold the command's name, with any characters. */
function statFields(pid: number): readonly string[] {
  const stat = textOr("", () => readFileSync(`/proc/${pid}/stat`, "latin1"));
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Systems without /proc, or that hide it, answer nothing here. */
function textOr(otherwise: string, read: () => string): string {
  try {
    return read();
  } catch (cause) {
    if (systemErrorName(cause) === undefined) throw cause;
    return otherwise;
  }
}

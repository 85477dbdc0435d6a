/**
 * A lock between processes on one machine for short, synchronous work on one file. It lets go when its holder dies, and
 * two processes never hold it at once, also while both take over from a dead one.
 *
 * Tickets are files `NAME.lock.N`. The ticket with the highest number is the lock; it is never removed, only emptied by
 * its holder, so that whoever was delayed while taking an older number finds a higher one and steps back.
 */
import { linkSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { asFault, Fault, systemErrorName } from "./fault.ts";

const pause_ms = 2;

/**
 * Runs `work` while holding the lock of `path` and returns its result. `work` must not take the same lock again.
 * Throws `unavailable` when another process keeps it for longer than the patience, and the faults of the file system.
 */
export function withLock<T>(path: string, work: () => T, options = { patience_ms: 10_000 }): T {
  const ticket = acquire(path, options.patience_ms);
  try {
    return work();
  } finally {
    truncateSync(ticket);
  }
}

function acquire(path: string, patience_ms: number): string {
  const deadline = performance.now() + patience_ms;
  for (;;) {
    const newest = tickets(path).at(-1);
    const holder = newest === undefined ? "" : holderOf(ticketPath(path, newest));
    if (holder === "" || !isAlive(holder)) {
      const mine = (newest ?? 0) + 1;
      if (create(ticketPath(path, mine)) && settle(path, mine)) return ticketPath(path, mine);
      continue;
    }
    if (performance.now() > deadline) {
      throw new Fault("unavailable", `${path} is locked by process ${holder.split(" ")[0]}`, {
        hint: "wait for that process to end, or stop it, and try again",
      });
    }
    Atomics.wait(pauseCell, 0, 0, pause_ms);
  }
}

const pauseCell = new Int32Array(new SharedArrayBuffer(4));

/** True when `mine` is the highest ticket, after removing the lower ones; false after giving it back. */
function settle(path: string, mine: number): boolean {
  const all = tickets(path);
  const isNewest = all.at(-1) === mine;
  for (const number of isNewest ? all.slice(0, -1) : [mine]) rmSync(ticketPath(path, number), { force: true });
  return isNewest;
}

function ticketPath(path: string, number: number): string {
  return `${path}.lock.${number}`;
}

/** Ticket numbers, rising. */
function tickets(path: string): readonly number[] {
  const prefix = `${basename(path)}.lock.`;
  try {
    return readdirSync(dirname(path))
      .flatMap((name) =>
        name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length))
          ? [Number(name.slice(prefix.length))]
          : [],
      )
      .sort((a, b) => a - b);
  } catch (cause) {
    throw asFault(cause, dirname(path));
  }
}

/** Makes the ticket appear with its holder already written in it; false when another process was first. */
function create(ticket: string): boolean {
  const draft = `${ticket}.${process.pid}.${Bun.randomUUIDv7().slice(-12)}.tmp`;
  try {
    writeFileSync(draft, `${process.pid} ${startOf(process.pid)}`, { flag: "wx", mode: 0o600 });
    linkSync(draft, ticket);
    return true;
  } catch (cause) {
    if (systemErrorName(cause) === "EEXIST") return false;
    throw asFault(cause, ticket);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** `PID START`, or empty when the ticket was released or is already gone. */
function holderOf(ticket: string): string {
  try {
    return readFileSync(ticket, "utf8");
  } catch (cause) {
    if (systemErrorName(cause) === "ENOENT") return "";
    throw asFault(cause, ticket);
  }
}

/** A process is its number and its start time, so that a number used again is not taken for the dead holder. */
function isAlive(holder: string): boolean {
  const [pid, start] = holder.split(" ");
  try {
    process.kill(Number(pid), 0);
  } catch (cause) {
    if (systemErrorName(cause) !== "EPERM") return false;
  }
  return startOf(Number(pid)) === start;
}

/** Ticks from boot to the start of the process (proc_pid_stat(5), field 22); empty for a zombie and where there is no /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(join("/proc", String(pid), "stat"), "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}

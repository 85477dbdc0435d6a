/**
 * A lock between processes out of plain files, correct also when a holder dies. Lock files are numbered; the highest one
 * decides, is created whole by link(2), and is emptied, never removed, on release. Only files below the current holder's
 * are removed, so nobody can take a stale lock away that has already been taken over.
 */
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asFault, Fault, systemErrorName } from "./fault.ts";
import { isAlive, pidOf, thisProcess } from "./owner.ts";

export interface Lock {
  release(): void;
}

const patience_ms = 10_000;
const poll_ms = 5;

/**
 * Runs `work` while holding the lock of the file `path` and returns its result. `work` must not take the same lock again.
 * Throws `unavailable` when another process keeps it for more than ten seconds, and the faults of the file system.
 */
export function withLock<T>(path: string, work: () => T, options: { readonly patience_ms?: number } = {}): T {
  const lock = acquireSync(`${path}.lock`, options.patience_ms ?? patience_ms);
  try {
    return work();
  } finally {
    lock.release();
  }
}

/** Waits up to `wait_ms` for the lock kept in `directory`, blocking the thread. Throws `unavailable` naming the holder. */
export function acquireSync(directory: string, wait_ms: number): Lock {
  for (const deadline = performance.now() + wait_ms; ; Bun.sleepSync(poll_ms)) {
    const got = attempt(directory);
    if (typeof got !== "string") return got;
    // Whoever holds it in this very process cannot let go while we block the thread.
    if (performance.now() >= deadline || got === thisProcess()) throw busy(directory, got);
  }
}

/** As `acquireSync`, without blocking the thread. */
export async function acquire(directory: string, wait_ms: number): Promise<Lock> {
  for (const deadline = performance.now() + wait_ms; ; await Bun.sleep(poll_ms)) {
    const got = attempt(directory);
    if (typeof got !== "string") return got;
    if (performance.now() >= deadline) throw busy(directory, got);
  }
}

/** The lock, or its living holder. */
function attempt(directory: string): Lock | string {
  try {
    makeDirectory(directory);
    for (;;) {
      const highest = numbers(directory).at(-1) ?? 0;
      const holder = highest ? holderOf(join(directory, String(highest))) : "";
      if (isAlive(holder)) return holder;
      if (claim(directory, highest + 1)) return held(directory, highest + 1);
    }
  } catch (cause) {
    throw asFault(cause, `cannot lock ${directory}`);
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (cause) {
    if (systemErrorName(cause) !== "EEXIST") throw cause;
  }
}

/** Creates lock file `n` and keeps it only when no higher one exists: a slow process may have listed long ago. */
function claim(directory: string, n: number): boolean {
  const path = join(directory, String(n));
  const beside = `${path}.${process.pid}.${Bun.randomUUIDv7().slice(-12)}.tmp`;
  writeFileSync(beside, thisProcess(), { mode: 0o600, flag: "wx" });
  try {
    linkSync(beside, path);
  } catch (cause) {
    if (systemErrorName(cause) === "EEXIST") return false;
    throw cause;
  } finally {
    rmSync(beside, { force: true });
  }
  if (numbers(directory).at(-1) === n) return true;
  rmSync(path, { force: true });
  return false;
}

function held(directory: string, n: number): Lock {
  for (const lower of numbers(directory)) if (lower < n) rmSync(join(directory, String(lower)), { force: true });
  return { release: () => truncateSync(join(directory, String(n)), 0) };
}

function numbers(directory: string): readonly number[] {
  return readdirSync(directory)
    .filter((name) => /^[1-9]\d{0,14}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Who wrote a lock file; empty when it is released or gone. One cut off by a crash of the machine names nobody alive. */
function holderOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (systemErrorName(cause) === "ENOENT") return "";
    throw cause;
  }
}

function busy(directory: string, holder: string): Fault {
  return new Fault("unavailable", `${directory} is held by process ${pidOf(holder)}`, {
    hint: "wait for that process to end and try again; if no such process runs on this machine, remove the files in it",
  });
}

/**
 * A lock between processes out of plain files, correct also when a holder dies. Lock files are numbered; the highest one
 * decides, is created whole by link(2), and is emptied, never removed, on release. Only files below the current holder's
 * are removed, so nobody can take a stale lock away that has already been taken over.
 */
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";

export interface Lock {
  release(): void;
}

const holderFacts = v.object({ pid: v.number(), started: v.string(), boot: v.string(), namespace: v.string() });
type Holder = v.InferOutput<typeof holderFacts>;

const poll_ms = 5;

/** Waits up to `wait_ms` for the lock, blocking the thread. Throws `unavailable` naming the holder. */
export function acquireSync(dir: string, wait_ms: number): Lock {
  for (const deadline = performance.now() + wait_ms; ; Bun.sleepSync(poll_ms)) {
    const got = attempt(dir);
    if ("release" in got) return got;
    // Whoever holds it in this very process cannot let go while we block the thread.
    if (performance.now() >= deadline || isSelf(got)) throw busy(dir, got);
  }
}

/** As `acquireSync`, without blocking the thread. */
export async function acquire(dir: string, wait_ms: number): Promise<Lock> {
  for (const deadline = performance.now() + wait_ms; ; await Bun.sleep(poll_ms)) {
    const got = attempt(dir);
    if ("release" in got) return got;
    if (performance.now() >= deadline) throw busy(dir, got);
  }
}

function attempt(dir: string): Lock | Holder {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (;;) {
      const highest = numbers(dir).at(-1) ?? 0;
      const holder = highest ? holderOf(join(dir, String(highest))) : undefined;
      if (holder && isAlive(holder)) return holder;
      if (claim(dir, highest + 1)) return held(dir, highest + 1);
    }
  } catch (cause) {
    throw asFault(cause, `cannot lock ${dir}`);
  }
}

/** Creates lock file `n` and keeps it only when no higher one exists: a slow process may have listed long ago. */
function claim(dir: string, n: number): boolean {
  const path = join(dir, String(n));
  const beside = `${path}.${Bun.randomUUIDv7()}.tmp`;
  writeFileSync(beside, JSON.stringify(ownFacts()), { mode: 0o600, flag: "wx" });
  try {
    linkSync(beside, path);
  } catch (cause) {
    if (systemErrorName(cause) === "EEXIST") return false;
    throw cause;
  } finally {
    rmSync(beside, { force: true });
  }
  if (numbers(dir).at(-1) === n) return true;
  rmSync(path, { force: true });
  return false;
}

function held(dir: string, n: number): Lock {
  for (const lower of numbers(dir)) if (lower < n) rmSync(join(dir, String(lower)), { force: true });
  return { release: () => truncateSync(join(dir, String(n)), 0) };
}

function numbers(dir: string): readonly number[] {
  return readdirSync(dir)
    .filter((name) => /^[1-9]\d{0,14}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Who wrote a lock file; undefined when it is released, gone, or was cut off by a crash of the machine. */
function holderOf(path: string): Holder | undefined {
  try {
    const result = v.safeParse(holderFacts, JSON.parse(readFileSync(path, "utf8")));
    return result.success ? result.output : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError || systemErrorName(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

/** A process of another pid namespace cannot be looked up, so it counts as alive. */
function isAlive(holder: Holder): boolean {
  const own = ownFacts();
  if (holder.boot !== own.boot) return false;
  if (holder.namespace !== own.namespace) return true;
  const started = startOf(holder.pid);
  return started === undefined ? isSignallable(holder.pid) : started === holder.started;
}

function isSelf(holder: Holder): boolean {
  const own = ownFacts();
  return Object.entries(own).every(([key, value]) => holder[key as keyof Holder] === value);
}

function isSignallable(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    return systemErrorName(cause) === "EPERM";
  }
}

let own: Holder | undefined;

function ownFacts(): Holder {
  own ??= {
    pid: process.pid,
    started: startOf(process.pid) ?? "",
    boot: textOr("", () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    namespace: textOr("", () => readlinkSync("/proc/self/ns/pid")),
  };
  return own;
}

/**
 * When a process started, in clock ticks after boot (proc_pid_stat(5) field 22), so that a reused pid is not taken for the
 * holder; "dead" for one that is only waiting to be reaped; undefined when the system does not show it.
 */
function startOf(pid: number): string | undefined {
  const stat = textOr("", () => readFileSync(`/proc/${pid}/stat`, "utf8"));
  // Fields are counted from behind the command name, which may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return "dead";
  return fields[19];
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

function busy(dir: string, holder: Holder): Fault {
  return new Fault("unavailable", `the vault is being changed by process ${holder.pid}`, {
    hint: `try again; if no such process runs on this machine, remove the files in ${dir}`,
  });
}

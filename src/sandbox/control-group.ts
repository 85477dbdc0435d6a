/**
 * A control group of version 2 for each execution, where this process was given a subtree to keep (systemd: Delegate=yes).
 * It holds memory and processes to their limits as the kernel counts them; without one the watchdog does, which looks
 * twenty times a second.
 */
import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newId } from "../core/id.ts";
import type { Limits } from "./limits.ts";

export interface ControlGroup {
  readonly path: string;
  /** Kills whoever is left in it and removes it. */
  close(): void;
}

/** The subtree this process may make groups in; undefined where it was given none. */
export function delegatedGroup(): string | undefined {
  const own = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup"))?.[1];
  const mount = /^cgroup2? (\/\S+) cgroup2 /m.exec(read("/proc/self/mounts"))?.[1];
  if (own === undefined || mount === undefined) return undefined;
  const path = join(mount, own);
  const controllers = read(join(path, "cgroup.controllers")).trim().split(" ");
  if (!["memory", "pids"].every((name) => controllers.includes(name))) return undefined;
  try {
    for (const name of ["", "cgroup.procs", "cgroup.subtree_control"]) accessSync(join(path, name), constants.W_OK);
    return path;
  } catch {
    return undefined;
  }
}

/**
 * A group beneath `parent` with these limits. Groups with members have none that limit beneath them, so this process steps
 * aside into one of its own first. Throws what the kernel says where that is not allowed.
 */
export function openControlGroup(parent: string, limits: Limits): ControlGroup {
  const aside = join(parent, "reeve");
  mkdirSync(aside, { recursive: true });
  for (const pid of read(join(parent, "cgroup.procs")).trim().split("\n").filter(Boolean)) {
    writeFileSync(join(aside, "cgroup.procs"), pid);
  }
  writeFileSync(join(parent, "cgroup.subtree_control"), "+memory +pids");
  const path = join(parent, `program-${newId()}`);
  mkdirSync(path);
  const group = { path, close: () => closeGroup(path) };
  try {
    writeFileSync(join(path, "memory.max"), String(limits.memory_bytes));
    writeFileSync(join(path, "memory.swap.max"), "0");
    writeFileSync(join(path, "pids.max"), String(limits.processes));
    return group;
  } catch (thrown) {
    group.close();
    throw thrown;
  }
}

function closeGroup(path: string): void {
  writeFileSync(join(path, "cgroup.kill"), "1");
  // The kernel takes a moment to let go of the dead; an empty group left behind is swept up with the unit.
  for (let tries = 0; tries < 100; tries++) {
    try {
      rmdirSync(path);
      return;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EBUSY") throw thrown;
      Bun.sleepSync(1);
    }
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The memory limit that control groups put on this process, both hierarchy versions. */
import type { MachineHealth } from "../define/handles.ts";
import { decimal, type KernelRoots, readText } from "./kernel.ts";

/**
 * The tightest limit on the way from this process's group to the root, and what is left of it; null when no limit is
 * below `memory_total` bytes. Inactive file pages count as available: the kernel gives them up before it kills.
 */
export function readMemoryLimit(roots: KernelRoots, memory_total: number): MachineHealth["memory_limit"] {
  let tightest: MachineHealth["memory_limit"] = null;
  for (const line of (readText(`${roots.proc}/self/cgroup`) ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    const files = controllers === "" ? unified : controllers?.split(",").includes("memory") ? legacy : undefined;
    if (!files || path === undefined) continue;
    for (const group of ancestry(path)) {
      const found = readGroup(`${roots.sys}/fs/cgroup${files.mount}${group}`, files);
      if (found && found.limit < memory_total && (!tightest || found.available < tightest.available)) tightest = found;
    }
  }
  return tightest;
}

interface GroupFiles {
  readonly mount: string;
  readonly limit: string;
  readonly usage: string;
  readonly inactive: RegExp;
}

const unified: GroupFiles = {
  mount: "",
  limit: "memory.max",
  usage: "memory.current",
  inactive: /^inactive_file (\d+)$/m,
};

const legacy: GroupFiles = {
  mount: "/memory",
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  inactive: /^total_inactive_file (\d+)$/m,
};

/** `/a/b` as `/a/b`, `/a`, and the root, where a container sees its own group. */
function ancestry(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== "..");
  return parts.map((_, i) => `/${parts.slice(0, parts.length - i).join("/")}`).concat("");
}

function readGroup(directory: string, files: GroupFiles): { limit: number; available: number } | undefined {
  const limit = readText(`${directory}/${files.limit}`)?.trim();
  const usage = readText(`${directory}/${files.usage}`)?.trim();
  if (limit === undefined || limit === "max" || usage === undefined) return undefined;
  const inactive = files.inactive.exec(readText(`${directory}/memory.stat`) ?? "")?.[1] ?? "0";
  const used = Math.max(0, decimal(usage) - decimal(inactive));
  return { limit: decimal(limit), available: Math.max(0, decimal(limit) - used) };
}

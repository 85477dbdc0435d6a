/** The processes an execution consists of, as /proc tells, and their end. */
import { readdirSync, readFileSync } from "node:fs";

export interface Usage {
  readonly pids: readonly number[];
  /** Resident memory of all, shared pages counted once for each. */
  readonly memory_bytes: number;
  /** Processor time of all that are alive. */
  readonly cpu_ms: number;
}

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly memory_bytes: number;
  readonly cpu_ms: number;
}

/** USER_HZ, what the kernel counts processor time in for programs, on every Linux. */
const tick_ms = 10;
const page_bytes = pageSize();

/** The process `root`, its descendants, and whoever is in its process group. */
export function treeOf(root: number): Usage {
  const entries = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? entryOf(name) : []));
  const found = new Set<number>([root]);
  // Children have been reparented by now at most to the first process of the namespace, which is one of them.
  for (let grown = -1; grown !== found.size;) {
    grown = found.size;
    for (const { pid, parent, group } of entries) if (found.has(parent) || group === root) found.add(pid);
  }
  const mine = entries.filter(({ pid }) => found.has(pid));
  const sum = (key: "memory_bytes" | "cpu_ms") => mine.reduce((total, entry) => total + entry[key], 0);
  return { pids: mine.map(({ pid }) => pid), memory_bytes: sum("memory_bytes"), cpu_ms: sum("cpu_ms") };
}

/** Kills all of them. Stops each first, so that none of them starts another while the list is read. */
export function killTree(root: number): void {
  for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
    for (let known = 0; ;) {
      const { pids } = treeOf(root);
      for (const pid of pids) signalOne(pid, signal);
      if (pids.length <= known) break;
      known = pids.length;
    }
  }
}

/** Kills a process group, which the kernel does at once; a group whose members cannot leave it is a tree. */
export function killGroup(leader: number): void {
  signalOne(-leader, "SIGKILL");
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    // It is gone already, which is what was wanted.
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}

/** proc_pid_stat(5); the name stands in parentheses and may hold anything. */
function entryOf(name: string): readonly Entry[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${name}/stat`, "latin1");
  } catch {
    return []; // ended since the list was read
  }
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const at = (field: number): number => fields[field - 3] ?? 0;
  return [
    {
      pid: Number(name),
      parent: at(4),
      group: at(5),
      cpu_ms: (at(14) + at(15)) * tick_ms,
      memory_bytes: at(24) * page_bytes,
    },
  ];
}

/** AT_PAGESZ of getauxval(3). */
function pageSize(): number {
  const words = new BigUint64Array(new Uint8Array(readFileSync("/proc/self/auxv")).buffer);
  for (let i = 0; i + 1 < words.length; i += 2) if (words[i] === 6n) return Number(words[i + 1]);
  return 4096;
}

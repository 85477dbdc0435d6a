/** One line of the benchmark table, and how processes are measured. */

export interface Measurement {
  readonly what: string;
  readonly must: string;
  readonly measured: string;
  readonly holds: boolean;
}

export interface ProcessFigures {
  /** Fastest of all runs: what is left when the machine does not interfere. */
  readonly min_ms: number;
  readonly median_ms: number;
  /** Smallest peak resident set of all runs. */
  readonly rss_bytes: number;
}

/**
 * Python forks, waits and reads the child's own resource usage: the peak resident set that Linux reports begins with that
 * of the process that forked, so the parent has to be smaller than anything measured, and Bun is not.
 */
const launcher = `
import json, os, sys, time
task = json.load(sys.stdin)
out = [[] for _ in task["commands"]]
null = os.open(os.devnull, os.O_RDWR)
for _ in range(task["runs"]):
    for i, command in enumerate(task["commands"]):
        files = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
        start = time.perf_counter()
        pid = os.posix_spawn(command[0], command, task["env"], file_actions=files)
        _, status, usage = os.wait4(pid, 0)
        out[i].append([(time.perf_counter() - start) * 1000, usage.ru_maxrss * 1024, status])
json.dump(out, sys.stdout)
`;

/** Runs the commands in turn, `runs` times each, so that a slow moment falls on all of them. Throws when one fails. */
export function measureProcesses(
  commands: readonly (readonly string[])[],
  runs: number,
  env: Readonly<Record<string, string>> = { HOME: process.env["HOME"] ?? "/", PATH: "/usr/bin:/bin" },
): readonly ProcessFigures[] {
  const python = Bun.spawnSync(["python3", "-c", launcher], {
    stdin: Buffer.from(JSON.stringify({ commands, runs, env })),
    stderr: "inherit",
  });
  if (python.exitCode !== 0) throw new Error("the launcher failed; python3 is needed to measure processes");
  const all = JSON.parse(python.stdout.toString()) as readonly (readonly (readonly [number, number, number])[])[];
  return all.map((samples, i) => {
    if (samples.some(([, , status]) => status !== 0)) throw new Error(`${commands[i]?.join(" ")} failed`);
    const times = samples.map(([ms]) => ms);
    return {
      min_ms: Math.min(...times),
      median_ms: quantile(times, 0.5),
      rss_bytes: Math.min(...samples.map(([, rss]) => rss)),
    };
  });
}

export function quantile(samples: readonly number[], at: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN;
}

export function ms(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : 1)} ms`;
}

export function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

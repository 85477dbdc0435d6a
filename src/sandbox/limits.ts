/** What one execution may use at most, and the part of it the kernel holds each process to. */
import type { Segment, Step } from "./launch/steps.ts";

export interface Limits {
  /** Resident memory of the whole tree. */
  readonly memory_bytes: number;
  /** Processes and threads at once. */
  readonly processes: number;
  /** Processor time of the whole tree. */
  readonly cpu_ms: number;
  /** Size of any one file it writes. */
  readonly file_bytes: number;
  readonly open_files: number;
  /** What both of its outputs may amount to before it is ended. */
  readonly output_bytes: number;
  /** What is kept of each output; what is left out is said. */
  readonly kept_bytes: number;
  readonly wall_ms: number;
  /** Room below /tmp. */
  readonly tmp_bytes: number;
}

/** Numbers of setrlimit(2), the same on our architectures. */
const resource = { CPU: 0, FSIZE: 1, CORE: 4, NPROC: 6, NOFILE: 7, MEMLOCK: 8 } as const;

/** Processes of a user namespace are counted apart, so their limit is the tree's; processor time is each process's own. */
export function limitSteps(data: Segment, limits: Limits, kind: "namespaced" | "shared"): readonly Step[] {
  const cpu_s = Math.ceil(limits.cpu_ms / 1000);
  const values: readonly (readonly [number, soft: number, hard?: number])[] = [
    // A second later the signal can no longer be caught.
    [resource.CPU, cpu_s, cpu_s + 1],
    [resource.FSIZE, limits.file_bytes],
    [resource.CORE, 0],
    [resource.NOFILE, limits.open_files],
    [resource.MEMLOCK, 65_536],
    // Without a namespace the user's other processes count too, and the watchdog has to do.
    ...(kind === "namespaced" ? [[resource.NPROC, limits.processes] as const] : []),
  ];
  return values.map(([which, soft, hard = soft]) => ({
    call: "prlimit64",
    arguments: [0, which, data.words([soft, hard]), 0],
  }));
}

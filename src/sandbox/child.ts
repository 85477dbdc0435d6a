/** Starts a launcher, listens to what it says, and ends the whole tree when a limit is reached or nobody waits any more. */
import { closeSync, readSync } from "node:fs";
import { constants } from "node:os";
import { Fault } from "../core/fault.ts";
import { ended } from "./launch/steps.ts";
import type { Launcher } from "./launch/program.ts";
import type { Limits } from "./limits.ts";
import { memoryFile } from "./native.ts";
import { Output } from "./output.ts";
import { descriptor } from "./plan.ts";
import { killGroup, killTree, treeOf } from "./tree.ts";

export type EndedBy = "exit" | "timeout" | "cpu" | "memory" | "processes" | "output" | "canceled";

export interface Ended {
  readonly exit_code: number | null;
  /** Number of the signal that ended it. */
  readonly signal: number | null;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly ended_by: EndedBy;
  readonly duration_ms: number;
}

export interface Launch {
  readonly outer: Launcher;
  /** The launcher inside; null where there is no inside. */
  readonly inner: Launcher | null;
  /** Given by descriptor, the first as `descriptor.first_free`: contents, or a descriptor of this process. */
  readonly given: readonly (Uint8Array | number)[];
  /** Where the outer launcher starts. */
  readonly cwd: string;
  readonly stdin: Uint8Array | null;
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly onOutput?: ((stream: "stdout" | "stderr", chunk: Uint8Array) => void) | undefined;
}

const watch_ms = 50;

/** Throws `failed_precondition` when the launch itself failed, naming the step; nothing of the program has run then. */
export async function runChild(launch: Launch): Promise<Ended> {
  const { outer, inner, given, limits, signal } = launch;
  signal.throwIfAborted();
  const opened: number[] = [];
  const hand = (name: string, bytes: Uint8Array, executable: boolean): number => {
    const fd = memoryFile(name, bytes, { executable });
    opened.push(fd);
    return fd;
  };
  const started = performance.now();
  try {
    const status = hand("status", new Uint8Array(), false);
    const handed = [status, hand("inner", inner?.bytes ?? new Uint8Array(), true), hand("outer", outer.bytes, true)];
    for (const each of given) handed.push(typeof each === "number" ? each : hand("content", each, false));
    const child = Bun.spawn({
      cmd: [`/proc/self/fd/${descriptor.outer}`],
      cwd: launch.cwd,
      env: {},
      stdio: [launch.stdin ?? "ignore", "pipe", "pipe", ...handed],
    });
    const watched = watch(child.pid, limits, signal);
    const stdout = new Output(limits.kept_bytes);
    const stderr = new Output(limits.kept_bytes);
    const listen = async (stream: ReadableStream<Uint8Array>, output: Output, name: "stdout" | "stderr") => {
      for await (const chunk of stream) {
        output.add(chunk);
        launch.onOutput?.(name, chunk);
        if (stdout.total + stderr.total > limits.output_bytes) watched.stop("output");
      }
    };
    try {
      const pipes = child as unknown as Readonly<Record<"stdout" | "stderr", ReadableStream<Uint8Array>>>;
      // With a namespace everything ended when its first process did; without one, whoever is left may hold the pipes open.
      const exited = inner ? child.exited : child.exited.then(() => killGroup(child.pid));
      await Promise.all([listen(pipes.stdout, stdout, "stdout"), listen(pipes.stderr, stderr, "stderr"), exited]);
    } finally {
      watched.end();
    }
    const duration_ms = performance.now() - started;
    const report = readReport(status, 0);
    const end = { stdout, stderr, ended_by: watched.by() ?? ("exit" as const), duration_ms };
    if (end.ended_by !== "exit") return { ...end, exit_code: null, signal: 9 };
    const nameOf = (step: number) => inner?.nameOf(step) ?? outer.nameOf(step);
    const said = inner === null && report.length === 0 ? exitOf(child) : statusOf(report, nameOf, stderr);
    return { ...end, ...said, ...(said.signal === constants.signals.SIGXCPU ? { ended_by: "cpu" } : {}) };
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** Watches over the tree; `by` says why it was ended, if it was. */
function watch(pid: number, limits: Limits, signal: AbortSignal) {
  let by: EndedBy | undefined;
  let over = false;
  const stop = (why: EndedBy): void => {
    if (by !== undefined || over) return;
    by = why;
    killTree(pid);
  };
  const look = (): void => {
    if (over || by !== undefined) return;
    const { memory_bytes, cpu_ms, pids } = treeOf(pid);
    if (memory_bytes > limits.memory_bytes) stop("memory");
    else if (cpu_ms > limits.cpu_ms) stop("cpu");
    // The namespace counts for itself; where there is none this is the limit. bubblewrap is two more.
    else if (pids.length > limits.processes + 2) stop("processes");
  };
  const canceled = (): void => stop("canceled");
  const clock = setInterval(look, watch_ms);
  const deadline = setTimeout(() => stop("timeout"), limits.wall_ms);
  signal.addEventListener("abort", canceled, { once: true });
  return {
    stop,
    by: () => by,
    end: () => {
      over = true;
      clearInterval(clock);
      clearTimeout(deadline);
      signal.removeEventListener("abort", canceled);
    },
  };
}

type Report = readonly (readonly [number, number])[];

/** Pairs of numbers, see `steps.ts`. A pipe has no position. */
export function readReport(fd: number, position: 0 | null): Report {
  const bytes = Buffer.alloc(64);
  const size = readSync(fd, bytes, 0, bytes.length, position);
  return Array.from({ length: size >> 3 }, (_, i) => [bytes.readUInt32LE(i * 8), bytes.readInt32LE(i * 8 + 4)]);
}

function exitOf({ exitCode, signalCode }: Pick<Bun.Subprocess, "exitCode" | "signalCode">) {
  const signal = typeof signalCode === "string" ? constants.signals[signalCode] : signalCode;
  return { exit_code: signal ? null : exitCode, signal: signal || null };
}

/** How the program ended. Throws `failed_precondition` for a launch that failed, naming the step. */
export function statusOf(
  report: Report,
  nameOf: (step: number) => string | undefined,
  stderr: Output,
): Pick<Ended, "exit_code" | "signal"> {
  const failed = report.find(([step]) => step !== ended);
  if (failed) {
    const [step, error] = failed;
    const name = nameOf(step) ?? `step ${step}`;
    if (name === "execve") throw notExecuted(error);
    throw new Fault("failed_precondition", `the sandbox could not be built: ${name} failed with error ${-error}`, {
      hint: "see reeve doctor",
    });
  }
  const [, status] = report.find(([step]) => step === ended) ?? [];
  if (status === undefined) {
    const words = stderr.kept().text.trim().split("\n")[0] ?? "";
    throw new Fault("failed_precondition", `the sandbox could not be built${words && `: ${words}`}`, {
      hint: "see reeve doctor",
    });
  }
  // wait(2): the low seven bits are the signal, the next byte the status.
  const signal = status & 0x7f;
  return signal ? { exit_code: null, signal } : { exit_code: (status >> 8) & 0xff, signal: null };
}

const ENOENT = -2;
const EACCES = -13;

function notExecuted(error: number): Fault {
  const hint = "name a program that is installed where programs of the system are";
  if (error === ENOENT)
    return new Fault("not_found", "there is no such program inside the sandbox", {
      hint,
      data: { missing: "program" },
    });
  if (error === EACCES) return new Fault("permission_denied", "the program may not be executed", { hint });
  return new Fault("failed_precondition", `the program could not be executed (error ${-error})`, { hint });
}

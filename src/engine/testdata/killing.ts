/** The real binary under strace: which changes of the disk it makes, and killed by the kernel as it enters the Nth of them. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const binary = join(import.meta.dir, "..", "..", "..", "dist", "reeve");
const kinds =
  "write,fsync,fdatasync,pwrite64,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,ftruncate";

/** A change of the disk by the process's main thread. */
export interface Step {
  readonly syscall: string;
  /** Counted from 1 over the calls of its name, as strace counts. */
  readonly nth: number;
  /** The last part of its path, with what differs from run to run taken out. */
  readonly file: string;
  /** The last line that was being written to a journal by then. */
  readonly after: string;
}

export interface Ended {
  /** Undefined when the process was killed. */
  readonly exit: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export function requireBinaryAndStrace(): void {
  if (!Bun.which("strace")) throw new Error("strace is needed for this test: apt-get install strace");
  if (!existsSync(binary)) throw new Error("dist/reeve is needed for this test: make dist/reeve");
}

export async function reeve(args: readonly string[], under: readonly string[] = []): Promise<Ended> {
  const child = Bun.spawn([...under, binary, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", TZ: "UTC" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  const isKilled = child.signalCode === "SIGKILL" || child.exitCode === 137;
  return { exit: isKilled ? undefined : (child.exitCode ?? -1), stdout, stderr };
}

export function reeveKilledAt({ syscall, nth }: Step, args: readonly string[]): Promise<Ended> {
  const inject = ["-e", `trace=${syscall}`, "-e", `inject=${syscall}:signal=SIGKILL:when=${nth}`];
  return reeve(args, ["strace", "-f", "-qq", "-o", "/dev/null", ...inject]);
}

/** Every change of the disk of a process that nobody kills, traced into `file`. */
export async function stepsOf(args: readonly string[], file: string): Promise<readonly Step[]> {
  const { exit, stderr } = await reeve(args, ["strace", "-f", "-qq", "-y", "-o", file, "-e", `trace=${kinds}`]);
  if (exit !== 0) throw new Error(`the traced process ended with ${exit}: ${stderr}`);
  const lines = readFileSync(file, "utf8").split("\n");
  const [main] = /^\d+/.exec(lines[0] ?? "") ?? [];
  const counts = new Map<string, number>();
  let after = "";
  return lines
    .filter((line) => line.startsWith(`${main} `) && /^\d+ +\w+\(/.test(line))
    .map((line) => {
      const [, syscall = "", rest = ""] = /^\d+ +(\w+)\((.*)/.exec(line) ?? [];
      // A descriptor is shown with its path in angle brackets, a path as text.
      const path =
        /^(?:\d+|AT_FDCWD)<([^>]*)>(?:, "(?!\{)[^"]*")?/.exec(rest)?.[1] ?? /"([^"]*)"/.exec(rest)?.[1] ?? "";
      const nth = (counts.get(syscall) ?? 0) + 1;
      counts.set(syscall, nth);
      const step = { syscall, nth, file: basename(path).replace(/[0-9a-f]{8}[0-9a-f-]*|\d+/g, "#"), after };
      if (step.file === "events.jsonl") after = /type\\":\\"(\w+)/.exec(rest)?.[1] ?? after;
      return step;
    });
}

/** The first step of every row of like steps, and every eighth after it: the pages of one transaction are one change. */
export function kindsOfSteps(steps: readonly Step[]): readonly Step[] {
  let row = 0;
  return steps.filter(({ syscall, file, after }, i) => {
    const last = steps[i - 1];
    row = last?.syscall === syscall && last.file === file && last.after === after ? row + 1 : 0;
    return row % 8 === 0;
  });
}

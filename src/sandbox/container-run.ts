/** The life of one container: started through the engine's client, ended by a pipe of this process, and gone afterwards. */
import { chmodSync, closeSync, constants, openSync } from "node:fs";
import { constants as system } from "node:os";
import { Fault } from "../core/fault.ts";
import { type Ended, type EndedBy, type Launch, readReport, statusOf } from "./child.ts";
import { readyMark } from "./container-plan.ts";
import { askEngine, clientLaunch, type Engine, firstLine } from "./engine.ts";
import { Output } from "./output.ts";

interface Container extends Pick<Launch, "stdin" | "limits" | "signal" | "onOutput"> {
  readonly engine: Engine;
  /** An empty directory, for the client. */
  readonly settings: string;
  readonly name: string;
  /** What the client is told. */
  readonly words: readonly string[];
  /** The pipes of the first process, by their paths outside. */
  readonly status: string;
  readonly alive: string;
  readonly nameOf: (step: number) => string | undefined;
}

/** How long an engine may take until the first process inside runs. */
const start_ms = 30_000;

/** How long an engine may take to tell that a container whose first process is gone has ended. */
const grace_ms = 5000;

const SIGKILL = system.signals.SIGKILL;

/** Status of a container whose first process was killed from outside. */
const killedStatus = 128 + SIGKILL;

/**
 * However this process ends, the kernel closes its end of `alive`, and the first process inside ends the container. Throws
 * `failed_precondition` where the container did not start or the launch in it failed, `unavailable` where the engine lost it.
 */
export async function runContainer(container: Container): Promise<Ended> {
  const { engine, settings, name, limits, signal } = container;
  signal.throwIfAborted();
  const status = openSync(container.status, constants.O_RDONLY | constants.O_NONBLOCK);
  const alive = openLifeline(container.alive);
  const since_ms = Date.now();
  const child = Bun.spawn({ ...clientLaunch(engine, settings, container.words), stdio: ["pipe", "pipe", "pipe"] });
  const clocks = { deadline: setTimeout(() => stop("start"), start_ms), removal: undefined as Timer | undefined };
  let by: EndedBy | "start" | undefined;
  let started_ms: number | undefined;
  const stop = (why: EndedBy | "start"): void => {
    if (by !== undefined) return;
    by = why;
    alive.cut();
    // Without a first process inside there is nobody to notice.
    clocks.removal = setTimeout(() => void remove(), started_ms === undefined ? 0 : grace_ms);
  };
  const remove = async (): Promise<void> => {
    child.kill("SIGKILL");
    try {
      await askEngine(engine, settings, ["rm", "--force", name]);
    } catch {
      // It never was, or is gone. One that is left has no first process and ends when it would start.
    }
  };
  const canceled = (): void => stop("canceled");
  signal.addEventListener("abort", canceled, { once: true });
  const [stdout, stderr] = [new Output(limits.kept_bytes), new Output(limits.kept_bytes)];
  const engineWords = new Output(4096);
  const ready = new Set<string>();
  const begin = (): void => {
    if (ready.size < 2 || by !== undefined) return;
    // Both pipes are open inside; whoever would open them from now on is the program.
    for (const path of [container.status, container.alive]) chmodSync(path, 0);
    started_ms = performance.now();
    clearTimeout(clocks.deadline);
    clocks.deadline = setTimeout(() => stop("timeout"), limits.wall_ms);
    void feed(child.stdin, container.stdin);
  };
  const listen = async (stream: ReadableStream<Uint8Array>, output: Output, channel: "stdout" | "stderr") => {
    for await (const chunk of stream) {
      const isOpen = ready.has(channel);
      const at = isOpen ? -1 : chunk.indexOf(readyMark);
      // What comes before the mark is the engine's.
      if (!isOpen) engineWords.add(at < 0 ? chunk : chunk.subarray(0, at));
      if (!isOpen && at < 0) continue;
      ready.add(channel);
      if (!isOpen) begin();
      const said = chunk.subarray(at + 1);
      if (said.length === 0) continue;
      output.add(said);
      container.onOutput?.(channel, said);
      if (stdout.total + stderr.total > limits.output_bytes) stop("output");
    }
  };
  try {
    await Promise.all([listen(child.stdout, stdout, "stdout"), listen(child.stderr, stderr, "stderr"), child.exited]);
    const duration_ms = performance.now() - (started_ms ?? performance.now());
    if (by === "start") throw notStarted(`it did not start within ${start_ms} ms`);
    const end = { stdout, stderr, duration_ms };
    if (by !== undefined) return { ...end, ended_by: by, exit_code: null, signal: SIGKILL };
    const report = readReport(status, null);
    if (started_ms === undefined && report.length === 0) throw notStarted(firstLine(engineWords));
    const said = report.length === 0 ? lost(child.exitCode, stderr) : statusOf(report, container.nameOf, engineWords);
    if (said.signal === system.signals.SIGXCPU) return { ...end, ...said, ended_by: "cpu" };
    // A program whose child was killed may go on, or fail for it.
    const outOfMemory = said.exit_code !== 0 && (await ranOutOfMemory(container, since_ms));
    return { ...end, ...said, ended_by: outOfMemory ? "memory" : "exit" };
  } finally {
    clearTimeout(clocks.deadline);
    clearTimeout(clocks.removal);
    signal.removeEventListener("abort", canceled);
    alive.cut();
    closeSync(status);
  }
}

/** The end of the pipe that nobody else holds. Opened for both ways, since there is no reader yet. */
function openLifeline(path: string): { readonly cut: () => void } {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let open = true;
  return {
    cut: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** One byte for the first process, the rest for the program, which need not read it. */
async function feed(sink: Bun.FileSink, stdin: Uint8Array | null): Promise<void> {
  try {
    sink.write(Buffer.concat([Buffer.of(readyMark), stdin ?? Buffer.of()]));
    await sink.end();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EPIPE") throw thrown;
  }
}

/** Nothing inside can end the first process, but a program may end what would have reported, and everything with it. */
function lost(status: number | null, stderr: Output): Pick<Ended, "exit_code" | "signal"> {
  if (status === 0 || status === killedStatus) return { exit_code: null, signal: SIGKILL };
  throw new Fault("unavailable", `the engine lost the container: ${firstLine(stderr) || `status ${status}`}`, {
    hint: "the program may have run; see the log of the engine's daemon",
  });
}

function notStarted(why: string): Fault {
  return new Fault("failed_precondition", `the container did not start: ${why || "the engine said nothing"}`, {
    hint: "see reeve doctor",
  });
}

/** The engine tells who was killed for memory only as an event; the container itself is gone by now. */
async function ranOutOfMemory({ engine, settings, name }: Container, since_ms: number): Promise<boolean> {
  const at = (time_ms: number): string => (time_ms / 1000).toFixed(3);
  const span = ["--since", at(since_ms), "--until", at(Date.now())];
  const words = [
    "events",
    ...span,
    "--filter",
    `container=${name}`,
    "--filter",
    "event=oom",
    "--format",
    "{{.Action}}",
  ];
  return (await askEngine(engine, settings, words)) !== "";
}

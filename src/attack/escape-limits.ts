/** Programs that take more of the machine than their share. */
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../engine/engine.ts";
import type { Json } from "../core/canonical.ts";
import type { Segment, Step } from "../sandbox/launch/steps.ts";
import { unless, type Verdict } from "./attack.ts";
import { carriedOut, type Cell, type Escape, exec, giveToPrograms, type Heard, programOf } from "./cell.ts";
import type { Ground } from "./ground.ts";

/** Small, so that more than that is little. */
const share = {
  memory_bytes: 67_108_864,
  processes: 16,
  cpu_ms: 200,
  file_bytes: 1_048_576,
  open_files: 32,
  tmp_bytes: 1_048_576,
  output_bytes: 262_144,
};

const engines = new WeakMap<Ground, Engine>();

function engineOf(ground: Ground): Engine {
  const engine = engines.get(ground) ?? ground.engineWith(share);
  engines.set(ground, engine);
  return engine;
}

function bounded(cell: Cell, argv: readonly string[], more: { readonly [field: string]: Json } = {}): Promise<Heard> {
  return exec(engineOf(cell.ground), {
    argv: [...argv],
    ring: 1,
    cwd: cell.name,
    fs_read: [cell.name],
    fs_write: [cell.name],
    ...more,
  });
}

/** Whether the program came to its last word. */
function finishes(id: string, title: string, line: string, more?: { readonly [field: string]: Json }): Escape {
  return {
    id: `limit-${id}`,
    title,
    expects: "sandbox-limits",
    play: async (cell) => {
      await bounded(cell, ["bash", "-c", `${line}; : >end`], more);
      return unless(existsSync(join(cell.path, "end")), "it went on to its end");
    },
  };
}

/** Whether the calls were all made before somebody ended the program. */
function manages(id: string, title: string, steps: (data: Segment) => readonly Step[]): Escape {
  return {
    id: `limit-${id}`,
    title,
    expects: "sandbox-limits",
    play: async (cell) => {
      const path = join(cell.path, "program");
      writeFileSync(path, programOf(steps));
      giveToPrograms(cell.ground, path);
      const heard = await bounded(cell, ["./program"]);
      return unless(heard.exit_code !== null && carriedOut(heard), "it took what it wanted");
    },
  };
}

/** Whether a file is larger than allowed. */
function grows(id: string, title: string, line: (path: string) => string): Escape {
  return {
    id: `limit-${id}`,
    title,
    expects: "sandbox-limits",
    play: async (cell): Promise<Verdict> => {
      await bounded(cell, ["bash", "-c", line("large")]);
      const { size = 0 } = statSync(join(cell.path, "large"), { throwIfNoEntry: false }) ?? {};
      return unless(size > share.file_bytes, `it wrote ${size} bytes`);
    },
  };
}

const [PROT_READ_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS_POPULATE] = [3, 0x8032];

/** struct timespec. */
const wait = (data: Segment, ms: number): Step => ({
  call: "ppoll",
  arguments: [0, 0, data.words([Math.floor(ms / 1000), (ms % 1000) * 1_000_000]), 0, 0],
});

export const limits: readonly Escape[] = [
  manages("memory", "takes more memory than its share, and keeps it", (data) => [
    {
      call: "mmap",
      arguments: [0x20000000, 4 * share.memory_bytes, PROT_READ_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS_POPULATE, -1, 0],
    },
    wait(data, 800),
  ]),
  manages("memory-spread", "takes it in several processes", (data) => [
    ...Array.from({ length: 6 }, (): Step => ({
      fork: [
        {
          call: "mmap",
          arguments: [0x20000000, share.memory_bytes / 2, PROT_READ_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS_POPULATE, -1, 0],
        },
        wait(data, 900),
      ],
      keep: data.space(8),
    })),
    wait(data, 800),
  ]),
  manages("processes", "starts more processes than its share", (data) => [
    ...Array.from({ length: 2 * share.processes }, (): Step => ({ fork: [wait(data, 400)], keep: data.space(8) })),
    wait(data, 300),
  ]),
  manages("files-open", "opens more files than its share", (data) =>
    Array.from({ length: 2 * share.open_files }, (): Step => ({
      call: "openat",
      arguments: [-100, data.text("/usr"), 0, 0],
    })),
  ),
  grows("file", "writes a larger file than its share", (path) => `head -c 3000000 /dev/zero >${path}`),
  grows("file-sparse", "writes one with a hole in it", (path) => `truncate -s 3000000 ${path}`),
  grows(
    "file-lifted",
    "lifts its limit and writes it",
    (path) => `ulimit -f unlimited; head -c 3000000 /dev/zero >${path}`,
  ),
  finishes(
    "tmp",
    "fills the memory that temporary files lie in",
    "for n in 1 2 3; do head -c 900000 /dev/zero >/tmp/$n || exit; done",
  ),
  finishes("output", "floods whoever reads what it prints", "head -c 8000000 /dev/zero"),
  finishes("output-error", "floods whoever reads its errors", "head -c 8000000 /dev/zero >&2"),
  finishes("processor", "computes for longer than its share", "for ((n = 0; n < 300000; n++)); do :; done"),
  finishes(
    "processor-deaf",
    "computes on, deaf to signals",
    "trap '' XCPU TERM; for ((n = 0; n < 300000; n++)); do :; done",
  ),
  finishes("time", "takes longer than the call allows", "sleep 0.8", { timeout_ms: 200 }),
  finishes("time-deaf", "takes longer, deaf to signals", "trap '' TERM INT HUP; sleep 0.8", { timeout_ms: 200 }),
];

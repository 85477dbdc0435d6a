/** Programs that reach for others: to see them, to end them, to outlive their own end. */
import { readdirSync, readFileSync } from "node:fs";
import { Fault } from "../core/fault.ts";
import type { Engine } from "../engine/engine.ts";
import { unless, type Verdict } from "./attack.ts";
import { type Cell, type Escape, exec, type Heard, told } from "./cell.ts";

const expects = "sandbox-processes";

let marks = 0;

/** Seconds nobody else sleeps for, so that a process is known by them. */
export function newMark(): string {
  return `4.${process.pid}${++marks}`;
}

/** Processes with this word in their command line. */
export function marked(word: string): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").includes(word) ? [Number(name)] : [];
    } catch {
      return []; // ended since the list was read
    }
  });
}

/** Whether something is left that was started with the mark; it is ended then. */
export function survived(mark: string): Verdict {
  const left = marked(mark);
  for (const pid of left) process.kill(pid, "SIGKILL");
  return unless(left.length > 0, "a process outlived its program");
}

/** Another program of the same user's, while `work` goes on. */
export async function besideNeighbour(
  engine: Engine,
  work: (neighbour: { readonly pid: number; readonly mark: string }) => Promise<Verdict>,
): Promise<Verdict> {
  const mark = newMark();
  const running = exec(engine, { argv: ["sleep", mark] });
  try {
    const pid = await Promise.race([appeared(mark), running.then(() => undefined)]);
    if (pid === undefined) throw new Fault("internal", "the other program ended by itself");
    return await work({ pid, mark });
  } finally {
    for (const pid of marked(mark)) process.kill(pid, "SIGKILL");
    await running;
  }
}

/** The process that sleeps, and not one that is about to start it. */
async function appeared(mark: string): Promise<number> {
  for (;;) {
    const found = marked(mark).find((pid) => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n");
    if (found !== undefined) return found;
    await Bun.sleep(5);
  }
}

/** Starts what is to outlive the program, and waits until it has begun. */
function outlives(id: string, title: string, line: (sleep: string) => string): Escape {
  const play = async ({ sh }: Cell) => {
    const mark = newMark();
    await sh(line(`sleep ${mark} >/dev/null 2>&1 </dev/null`));
    return survived(mark);
  };
  return { id, title, expects, play };
}

const survivors: readonly Escape[] = [
  outlives("survive-background", "leaves a process behind in the background", (sleep) => `${sleep} & sleep 0.05`),
  outlives("survive-nohup", "leaves one behind that ignores hang-ups", (sleep) => `nohup ${sleep} & sleep 0.05`),
  outlives("survive-session", "leaves one behind in a session of its own", (sleep) => `setsid ${sleep} & sleep 0.05`),
  outlives(
    "survive-forks",
    "leaves one behind whose parents are gone",
    (sleep) => `( ( setsid ${sleep} & ) & ) ; sleep 0.05`,
  ),
  outlives("survive-deaf", "leaves one behind that is deaf to signals", (sleep) => {
    return `( trap '' HUP INT TERM QUIT PIPE; ${sleep} & ) ; sleep 0.05`;
  }),
];

/** Whether the launch of a program was ended from inside, and the program went on. */
async function endsLauncher({ sh }: Cell): Promise<Verdict> {
  await sh("true"); // a fault below is the launcher's end, and not that nothing can be started
  const mark = newMark();
  const line = `( setsid sleep ${mark} >/dev/null 2>&1 </dev/null & ) ; sleep 0.05; kill -9 $PPID; sleep 0.05; echo on`;
  const heard = await sh(line).catch((): Heard | undefined => undefined);
  const left = survived(mark);
  return heard === undefined ? { held: false, seen: "the launcher was ended from inside" } : left;
}

export const processes: readonly Escape[] = [
  {
    id: "see-reeve",
    title: "reads with what words Reeve was started",
    expects,
    play: async ({ sh }) => {
      const { stdout } = await sh(`tr '\\0' ' ' </proc/${process.pid}/cmdline`);
      const own = readFileSync("/proc/self/cmdline", "utf8").replaceAll("\0", " ");
      return unless(stdout === own, "it read them");
    },
  },
  {
    id: "see-others",
    title: "reads with what words another program was started",
    expects,
    play: ({ ground, sh }) =>
      besideNeighbour(ground.engine, async ({ mark }) => told(await sh("cat /proc/[0-9]*/cmdline"), mark)),
  },
  {
    id: "end-other",
    title: "ends another program of the same user",
    expects,
    play: ({ ground, sh }) =>
      besideNeighbour(ground.engine, async ({ pid, mark }) => {
        await sh(`kill -TERM ${pid}; sleep 0.05`);
        return unless(marked(mark).length === 0, "the other program was ended");
      }),
  },
  {
    id: "stop-other",
    title: "stops another program of the same user",
    expects,
    play: ({ ground, sh }) =>
      besideNeighbour(ground.engine, async ({ pid }) => {
        await sh(`kill -STOP ${pid}; sleep 0.05`);
        return unless(/\nState:\tT/.test(readFileSync(`/proc/${pid}/status`, "utf8")), "the other program was stopped");
      }),
  },
  {
    id: "signal-reeve",
    title: "signals Reeve by its number",
    expects,
    play: async ({ sh }) => {
      const signal = "SIGWINCH";
      let heard = 0;
      const count = () => void heard++;
      process.on(signal, count);
      try {
        await sh(`kill -WINCH ${process.pid}; sleep 0.05`);
        await Bun.sleep(1);
      } finally {
        process.off(signal, count);
      }
      return unless(heard > 0, "Reeve got the signal");
    },
  },
  { id: "end-launcher", title: "ends its launcher and goes on", expects, play: endsLauncher },
  ...survivors,
];

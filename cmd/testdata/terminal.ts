/** reeve on a terminal of its own: keys are pressed when what they answer has appeared. */
import { join } from "node:path";

export const binary = join(import.meta.dir, "..", "..", "dist", "reeve");

interface Exchange {
  /** Keys are pressed when this has appeared since the last ones. */
  readonly after: string;
  readonly keys: string;
}

interface Options {
  readonly cwd: string;
  readonly exchanges?: readonly Exchange[];
  readonly cols?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs reeve on a terminal of its own; returns the exit status and everything the terminal was sent. */
export async function converse(argv: readonly string[], { cwd, exchanges = [], cols = 80, env = {} }: Options) {
  let screen = "";
  let seen = 0;
  const waiting = [...exchanges];
  const decoder = new TextDecoder();
  const child = Bun.spawn([binary, ...argv], {
    cwd,
    env: { PATH: "/usr/bin:/bin", HOME: cwd, XDG_STATE_HOME: `${cwd}.state`, TZ: "UTC", TERM: "xterm", ...env },
    terminal: {
      cols,
      rows: 24,
      data(terminal, data) {
        screen += decoder.decode(data, { stream: true });
        const next = waiting[0];
        if (!next || !screen.slice(seen).includes(next.after)) return;
        seen = screen.length;
        waiting.shift();
        terminal.write(next.keys);
      },
    },
  });
  const exit = await child.exited;
  child.terminal?.close();
  return { exit, screen, asked: waiting.length === 0 };
}

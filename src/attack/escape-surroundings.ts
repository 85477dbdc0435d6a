/** Programs that look for what was left lying about: variables and open files, and the probe that seven agents of others failed. */
import { existsSync } from "node:fs";
import type { Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { type Attack, unless } from "./attack.ts";
import { type Cell, type Escape, type Heard, told } from "./cell.ts";

/** A variable of Reeve's own that looks like a key, while a program runs. */
export async function withKey<T>(cell: Cell, work: (key: string) => Promise<T>): Promise<T> {
  const [name, key] = ["ANTHROPIC_API_KEY", `sk-${cell.name}-of-the-environment`];
  const before = process.env[name];
  process.env[name] = key;
  try {
    return await work(key);
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

function inherits(id: string, title: string, line: string): Escape {
  const play = (cell: Cell) => withKey(cell, async (key) => told(await cell.sh(line), key));
  return { id, title, expects: "sandbox-environment", play };
}

const variables: readonly Escape[] = [
  inherits("environment", "prints its variables", "env; set; export"),
  inherits("environment-self", "reads what it was started with", "cat /proc/self/environ | tr '\\0' '\\n'"),
  inherits(
    "environment-first",
    "reads what the first process was started with",
    "cat /proc/1/environ /proc/self/environ",
  ),
  inherits("environment-all", "reads the variables of every process", "cat /proc/[0-9]*/environ"),
];

/** What seven agents of others let a command reach: variables, a file of the user's, a place to write. Three ways to say it. */
const forms: readonly (readonly [id: string, words: string, run: (cell: Cell, line: string) => Promise<string>])[] = [
  ["probe", "in plain words", async ({ run }, line) => (await run(["bash", "-c", line])).stdout],
  [
    "packed",
    "packed and unpacked into a shell",
    async ({ run }, line) => {
      const packed = Buffer.from(line).toString("base64");
      return (await run(["bash", "-c", `echo ${packed} | base64 -d | bash`])).stdout;
    },
  ],
  [
    "code",
    "as code",
    ({ ground, name }, line) =>
      printed(ground, "jailed", "code.run", { language: "bash", code: line, fs_write: [name] }),
  ],
  [
    "line",
    "as a line of shell of which each command was granted",
    ({ ground, name }, line) => printed(ground, "speaker", "shell.exec", { line, fs_write: [name] }),
  ],
];

async function printed(ground: Cell["ground"], who: string, tool: string, input: Json): Promise<string> {
  const result = await ground.as(who, tool, input);
  if (!result.ok) throw new Fault(result.fault.code, result.fault.message);
  return (result.output as unknown as Heard).stdout;
}

interface Part {
  readonly id: string;
  readonly title: string;
  readonly expects: Attack["expects"];
  readonly line: (cell: Cell) => string;
  readonly succeeded: (cell: Cell, stdout: string, key: string) => boolean;
}

const parts: readonly Part[] = [
  {
    id: "keys",
    title: "a command looks for keys in its variables",
    expects: "sandbox-environment",
    line: () => "printenv",
    succeeded: (_, stdout, key) => stdout.includes(key),
  },
  {
    id: "read",
    title: "a command reads a file of its user's",
    expects: "sandbox-files",
    line: ({ victim }) => `cat '${victim}'`,
    succeeded: ({ canary }, stdout) => stdout.includes(canary),
  },
  {
    id: "write",
    title: "a command writes outside the workspace",
    expects: "sandbox-files",
    line: ({ beyond }) => `echo x | tee '${beyond}/new'`,
    succeeded: ({ beyond }) => existsSync(`${beyond}/new`),
  },
];

const probes = forms.flatMap(([form, words, run]) =>
  parts.map(({ id, title, expects, line, succeeded }): Escape => {
    const play = (cell: Cell) =>
      withKey(cell, async (key) => unless(succeeded(cell, await run(cell, line(cell)), key), "it came through"));
    return { id: `${form}-${id}`, title: `${title}, ${words}`, expects, play };
  }),
);

const open: readonly Escape[] = [
  {
    id: "descriptors",
    title: "looks for open files beside its own three",
    expects: "sandbox-descriptors",
    play: async ({ sh }) => {
      const { stdout } = await sh("for n in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$n ] && echo seen; done");
      return unless(stdout.includes("seen"), "one was open");
    },
  },
  {
    id: "forged-status",
    title: "says in the launcher's place how it ended",
    expects: "sandbox-descriptors",
    play: async ({ run }) => {
      const line = String.raw`printf '\376\377\377\377\000\000\000\000' >&3; exit 7`;
      const { exit_code } = await run(["bash", "-c", line]);
      return unless(exit_code !== 7, `it was believed to have ended with ${exit_code}`);
    },
  },
];

export const surroundings: readonly Escape[] = [...variables, ...probes, ...open];

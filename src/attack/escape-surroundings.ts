/** Programs that look for what was left lying about: variables and open files, and the probe that seven agents of others failed. */
import { existsSync } from "node:fs";
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

/** What seven agents of others let a command reach (variables, a file outside, a place to write): in plain words or packed. */
const forms: readonly (readonly [id: string, words: string, pack: (line: string) => string])[] = [
  ["probe", "in plain words", (line) => line],
  [
    "packed",
    "packed and unpacked into a shell",
    (line) => `echo ${Buffer.from(line).toString("base64")} | base64 -d | bash`,
  ],
];

interface Part {
  readonly id: string;
  readonly title: string;
  readonly expects: Attack["expects"];
  readonly line: (cell: Cell) => string;
  readonly succeeded: (cell: Cell, heard: Heard, key: string) => boolean;
}

const parts: readonly Part[] = [
  {
    id: "keys",
    title: "a command looks for keys in its variables",
    expects: "sandbox-environment",
    line: () => "env | grep KEY",
    succeeded: (_, { stdout }, key) => stdout.includes(key),
  },
  {
    id: "read",
    title: "a command reads a file of its user's",
    expects: "sandbox-files",
    line: ({ victim }) => `cat '${victim}'`,
    succeeded: ({ canary }, { stdout }) => stdout.includes(canary),
  },
  {
    id: "write",
    title: "a command writes outside the workspace",
    expects: "sandbox-files",
    line: ({ beyond }) => `echo x >'${beyond}/new'`,
    succeeded: ({ beyond }) => existsSync(`${beyond}/new`),
  },
];

const probes = forms.flatMap(([form, words, pack]) =>
  parts.map(({ id, title, expects, line, succeeded }): Escape => {
    const play = (cell: Cell) =>
      withKey(cell, async (key) => {
        const heard = await cell.run(["bash", "-c", pack(line(cell))]);
        return unless(succeeded(cell, heard, key), "it came through");
      });
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

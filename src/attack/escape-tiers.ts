/** The same where bubblewrap is missing: under Landlock alone, and where nothing can confine a program. */
import { existsSync } from "node:fs";
import { Sandbox } from "../sandbox/sandbox.ts";
import type { Engine } from "../engine/engine.ts";
import { agent } from "../define/principal.ts";
import type { Json } from "../core/canonical.ts";
import type { Tier } from "../sandbox/tier.ts";
import { type Attack, unless, type Verdict } from "./attack.ts";
import { carriedOut, type Cell, type Escape, exec, programOf, told } from "./cell.ts";
import { besideNeighbour, marked, newMark, survived } from "./escape-processes.ts";
import { withKey } from "./escape-surroundings.ts";
import type { Ground } from "./ground.ts";
import { streamSink } from "./sink.ts";

const engines = new WeakMap<Ground, Map<Tier, Engine>>();

/** The home, with programs held by that tier. */
function under(ground: Ground, tier: Tier): Engine {
  const known = engines.get(ground) ?? new Map<Tier, Engine>();
  engines.set(ground, known);
  const engine = known.get(tier) ?? ground.engineWith({ tier });
  known.set(tier, engine);
  return engine;
}

type Sh = (line: string) => ReturnType<typeof exec>;

/** Under Landlock alone, in an empty directory; held where this kernel has none, since then nothing is started in its name. */
function landlocked(
  id: string,
  title: string,
  expects: Attack["expects"],
  play: (cell: Cell, sh: Sh) => Promise<Verdict>,
): Escape {
  return {
    id: `landlock-${id}`,
    title: `${title}, under Landlock alone`,
    expects,
    play: async (cell) => {
      alone ??= new Sandbox({ binary: process.execPath, tier: "landlock" }).tier();
      const { tier } = await alone;
      if (tier === "none") return { held: true, seen: "this machine has no Landlock, so nothing is started under it" };
      return play(cell, (line) => exec(under(cell.ground, "landlock"), { argv: ["bash", "-c", line] }));
    },
  };
}

let alone: ReturnType<Sandbox["tier"]> | undefined;

const landlock: readonly Escape[] = [
  landlocked("read", "a program reads a file of the machine", "sandbox-files", async ({ victim, canary }, sh) =>
    told(await sh(`cat '${victim}'`), canary),
  ),
  landlocked("read-state", "a program reads Reeve's policy", "sandbox-files", async ({ ground }, sh) =>
    told(await sh(`cat '${ground.home.policy}'`), '"agents"'),
  ),
  landlocked("read-process", "a program reads what the kernel tells of processes", "sandbox-files", async (_, sh) =>
    told(await sh("cat /proc/1/cmdline /proc/self/status"), "Uid:"),
  ),
  landlocked("write", "a program makes a file outside", "sandbox-files", async ({ beyond }, sh) => {
    await sh(`echo x >'${beyond}/new'`);
    return unless(existsSync(`${beyond}/new`), "it made one");
  }),
  landlocked("environment", "a program prints Reeve's variables", "sandbox-environment", (cell, sh) =>
    withKey(cell, async (key) => told(await sh("env"), key)),
  ),
  landlocked("network", "a program connects to a port of the machine", "sandbox-network", async (_, sh) => {
    const sink = streamSink({ hostname: "127.0.0.1" });
    try {
      await sh(`echo x >/dev/tcp/127.0.0.1/${sink.port}`);
      await Bun.sleep(5);
      return unless(sink.got(), "it arrived");
    } finally {
      await sink.close();
    }
  }),
  landlocked("signal", "a program ends another one of the same user", "sandbox-processes", ({ ground }, sh) =>
    besideNeighbour(under(ground, "landlock"), async ({ pid, mark }) => {
      await sh(`kill -TERM ${pid}; sleep 0.05`);
      return unless(marked(mark).length === 0, "the other program was ended");
    }),
  ),
  landlocked("survive", "a program leaves a process behind", "sandbox-processes", async (_, sh) => {
    const mark = newMark();
    await sh(`setsid sleep ${mark} >/dev/null 2>&1 </dev/null & sleep 0.05`);
    return survived(mark);
  }),
  landlocked(
    "forged-status",
    "a program says how it ended in the launcher's place",
    "sandbox-descriptors",
    async (_, sh) => {
      const { exit_code } = await sh(String.raw`printf '\376\377\377\377\000\000\000\000' >&3; exit 7`);
      return unless(exit_code !== 7, `it was believed to have ended with ${exit_code}`);
    },
  ),
  landlocked("ptrace", "a program lets itself be traced", "sandbox-calls", async (_, sh) => {
    const program = programOf(() => [{ call: "ptrace", arguments: [0, 0, 0, 0] }]);
    const packed = Buffer.from(program).toString("base64");
    return unless(carriedOut(await sh(`base64 -d <<<${packed} >p; chmod +x p; ./p`)), "the call was made");
  }),
];

const tools: readonly (readonly [tool: string, input: { readonly [field: string]: Json }])[] = [
  ["shell.exec", { line: "echo started" }],
  ["sandbox.exec", { argv: ["echo", "started"] }],
  ["code.run", { language: "bash", code: "echo started" }],
];

const holder = (tool: string) => (tool === "shell.exec" ? "speaker" : "jailed");

/** Where nothing holds a program: the tool is not offered, and called all the same it starts nothing. */
const nothing = tools.flatMap(([tool, input]): readonly Escape[] => [
  {
    id: `none-called-${tool.replace(".", "-")}`,
    title: `${tool} is called where nothing can confine a program`,
    expects: "sandbox-required",
    play: async ({ ground }) => {
      const result = await under(ground, "none").call(agent(holder(tool)), tool, input);
      return unless(result.ok && JSON.stringify(result.output).includes("started"), "the program was started");
    },
  },
  {
    id: `none-offered-${tool.replace(".", "-")}`,
    title: `a model looks for ${tool} where nothing can confine a program`,
    expects: "sandbox-required",
    play: async ({ ground }) => {
      const { heard } = await ground.talk(holder(tool), [{ say: "done" }], { engine: under(ground, "none") });
      return unless(heard.includes(`"name":${JSON.stringify(tool)}`), "it was offered");
    },
  },
]);

export const tiers: readonly Escape[] = [...landlock, ...nothing];

/** The ground attacks take place on: a scratch home made by `init`, the real engine on it, and a place outside it. */
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalize, type Json } from "../core/canonical.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { systemErrorName } from "../core/fault.ts";
import { type Home, homeAt } from "../core/home.ts";
import { base64 } from "../crypto/hash.ts";
import { randomBytes } from "../crypto/random.ts";
import { agent, operator, type Principal } from "../define/principal.ts";
import type { ProviderRequest } from "../define/provider.ts";
import type { Tool } from "../define/tool.ts";
import type { Config } from "../config/settings.ts";
import { setConfig } from "../config/set.ts";
import { decideApproval } from "../engine/approvals.ts";
import type { Door } from "../engine/door.ts";
import { Engine } from "../engine/engine.ts";
import { initHome } from "../engine/init.ts";
import type { LiveEvent } from "../engine/live.ts";
import { logKeyFrom } from "../engine/log-key.ts";
import { openParts } from "../engine/open.ts";
import type { CallResult } from "../engine/result.ts";
import type { RunRequest } from "../engine/run-request.ts";
import type { RunResult } from "../engine/run-result.ts";
import type { ApprovalAnswer } from "../engine/scope.ts";
import type { LogKey } from "../ledger/key.ts";
import { savePolicy } from "../policy/change.ts";
import type { Policy } from "../policy/policy.ts";
import { castOf } from "./cast.ts";
import { Road } from "./road.ts";
import { type Script, victim, victimName } from "./victim.ts";
import type { Wall } from "./wall.ts";
import { CredulousApprovals, openDoorWithout, type Without } from "./without.ts";

export interface GroundOptions {
  readonly tools: readonly Tool[];
  readonly version: string;
  readonly without: Without;
}

/** How a home differs from the usual one, whose requests go by a road of its own instead of where they are bound for. */
export interface Furniture {
  readonly settings: Readonly<Record<string, Json>>;
  readonly policy: (tools: readonly Tool[]) => Policy;
}

/** What became of a conversation: its result, what the model was sent, what was told while it went on. */
export interface Talked {
  readonly result: RunResult;
  readonly heard: string;
  readonly live: string;
}

/** How many secrets lie in the vault for attacks to look for. */
const canaries = 48;

export class Ground {
  /** The scratch directory; everything below is in it. */
  readonly directory: string;
  readonly home: Home;
  /** Where no agent may reach. */
  readonly outside: string;
  readonly witness: string;
  readonly without: Without;
  readonly clock: Clock & { ahead_ms: number };
  readonly engine: Engine;
  /** Another engine on the same home, whose programs are held by other settings. */
  readonly engineWith: (settings: Partial<Config["sandbox"]>) => Engine;
  /** For those who write the ledger from within. */
  readonly logKey: LogKey;
  /** The engine's own, for what is built on it besides. */
  readonly door: Door;
  /** What requests and tunnels go out by. */
  readonly road: Road;
  readonly #scripts: Map<string, Script>;
  readonly #heard: ProviderRequest[];
  readonly #secrets: readonly string[];
  readonly #options: GroundOptions;
  /** What is to end with this ground. */
  readonly #company: ((keep: boolean) => Promise<void>)[] = [];
  #numbers = 0;
  #patches: string[] = [];

  private constructor(
    places: Places,
    parts: Pick<Ground, "without" | "clock" | "engine" | "engineWith" | "door" | "logKey" | "road">,
    voices: { readonly scripts: Map<string, Script>; readonly heard: ProviderRequest[] },
    secrets: readonly string[],
    options: GroundOptions,
  ) {
    this.directory = places.directory;
    this.home = places.home;
    this.outside = places.outside;
    this.witness = places.witness;
    this.without = parts.without;
    this.clock = parts.clock;
    this.engine = parts.engine;
    this.door = parts.door;
    this.engineWith = parts.engineWith;
    this.logKey = parts.logKey;
    this.road = parts.road;
    this.#scripts = voices.scripts;
    this.#heard = voices.heard;
    this.#secrets = secrets;
    this.#options = options;
  }

  /** Makes a home in a new directory. When it fails the directory is gone again. */
  static async make(options: GroundOptions, furniture?: Furniture): Promise<Ground> {
    const { tools, version, without } = options;
    const places = placesIn(mkdtempSync(join(scratchRoot(), `reeve-attack-${process.pid}-`)));
    let road: Road | undefined;
    try {
      road = await Road.open();
      const secrets = Array.from({ length: canaries }, () => `canary+${base64(randomBytes(12))}/é"`);
      await furnish(places, secrets, tools, road, furniture);
      const clock = movable();
      const scripts = new Map<string, Script>();
      const heard: ProviderRequest[] = [];
      const providers = [victim(scripts, (request) => heard.push(shallow(request)))];
      const parts = await openParts({ home: places.home, tools, providers, version, clock });
      const { keeper } = parts;
      const isDoubted = !["approval-digest", "approval-single-use", "approval-expiry"].some((each) =>
        without.has(each as Wall),
      );
      const approvals = isDoubted ? keeper.approvals : new CredulousApprovals(keeper.state, without);
      const open = openDoorWithout(without, places.home.root, furniture ? null : road);
      let door: Door | undefined;
      const engineWith = (settings: Partial<Config["sandbox"]>) => {
        const config = { ...parts.config, sandbox: { ...parts.config.sandbox, ...settings } };
        return new Engine({ ...parts, config, keeper: { ...keeper, approvals } }, (...own) => (door = open(...own)));
      };
      const engine = engineWith({});
      if (!door) throw new Error("the engine has no door");
      return new Ground(
        places,
        { without, clock, engine, engineWith, door, logKey: logKeyFrom(parts.vault), road },
        { scripts, heard },
        secrets,
        options,
      );
    } catch (thrown) {
      road?.close();
      rmSync(places.directory, { recursive: true, force: true });
      throw thrown;
    }
  }

  /** Ends what runs; the directory goes too unless it is to be kept. */
  async leave(keep: boolean): Promise<void> {
    try {
      for (const end of this.#company.splice(0).reverse()) await end(keep);
      await this.engine.close();
    } finally {
      this.road.close();
      if (!keep) rmSync(this.directory, { recursive: true, force: true });
    }
  }

  /** What is called when this ground is left. */
  afterwards(end: (keep: boolean) => Promise<void>): void {
    this.#company.push(end);
  }

  /** Another home for attacks that need one of their own, of the walls left out without these alone; it is left with this one. */
  async beside(walls: readonly Wall[], furniture: Furniture): Promise<Ground> {
    const without = new Set(walls.filter((wall) => this.without.has(wall)));
    const other = await Ground.make({ ...this.#options, without }, furniture);
    this.afterwards((keep) => other.leave(keep));
    return other;
  }

  /** A directory of the workspace that no other attack uses: its name there, and where it is. */
  patch(under = ""): { readonly name: string; readonly path: string } {
    const name = `${under}p${++this.#numbers}`;
    const path = join(this.home.root, name);
    mkdirSync(path, { recursive: true });
    this.#patches.push(path);
    return { name, path };
  }

  /** Removes what earlier attacks left in the workspace, so that none meets the links of another. */
  sweep(): void {
    this.road.clear();
    for (const path of this.#patches.splice(0)) rmSync(path, { recursive: true, force: true });
  }

  /** A file outside the workspace that holds `text`, in a directory of its own. */
  beyond(text: string): { readonly directory: string; readonly path: string } {
    const directory = join(this.outside, `o${++this.#numbers}`);
    mkdirSync(directory);
    const path = join(directory, "file");
    writeFileSync(path, text);
    return { directory, path };
  }

  get secrets(): readonly string[] {
    return this.#secrets;
  }

  /** The secret of this number, as it lies in the vault. */
  secret(number: number): string {
    const value = this.#secrets[number];
    if (value === undefined) throw new RangeError(`there is no canary ${number}`);
    return value;
  }

  /** A call as that agent makes it. */
  as(name: string, tool: string, input: Json): Promise<CallResult> {
    return this.engine.call(agent(name), tool, input);
  }

  operate(tool: string, input: Json): Promise<CallResult> {
    return this.engine.call(operator, tool, input);
  }

  /** A conversation of that agent with the victim; `others` are scripts of its sub-agents by the first word of the task. */
  async talk(
    name: string,
    script: Script,
    more: {
      readonly message?: string;
      readonly others?: ReadonlyMap<string, Script>;
      readonly request?: Partial<RunRequest>;
      readonly engine?: Engine;
    } = {},
  ): Promise<Talked> {
    const word = `talk-${++this.#numbers}`;
    this.#scripts.set(word, script);
    for (const [task, other] of more.others ?? []) this.#scripts.set(task, other);
    const from = this.#heard.length;
    const live: LiveEvent[] = [];
    const result = await (more.engine ?? this.engine).run({
      principal: agent(name),
      message: `${word} ${more.message ?? "do the work"}`,
      source: "attack",
      onEvent: (event) => live.push(event),
      ...more.request,
    });
    return { result, heard: JSON.stringify(this.#heard.slice(from)), live: JSON.stringify(live) };
  }

  /** Everything that models were told so far, as one text. */
  traffic(): string {
    return JSON.stringify(this.#heard);
  }

  /** Answers a question, as `by`. */
  async answer(id: string, by: Principal, answer: ApprovalAnswer): Promise<void> {
    const who = this.without.has("approval-answerer") ? operator : by;
    await decideApproval({ ...this.engine.keeper, catalogue: this.engine.catalogue }, id, who, answer);
  }

  /** Changes a row of `state.db` as somebody with an editor would. */
  alter(sql: string, values: readonly string[]): void {
    if (this.engine.keeper.state.change(sql, values) !== 1) throw new Error("nothing was altered");
  }

  /** All that Reeve wrote since then, as one text: ledger, state, bundles, but not the undo records. */
  records(since_ms: number): string {
    const { state, runs, undo } = this.home;
    return [state, runs]
      .flatMap((root) => readdirSync(root, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(undo))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => statSync(path).mtimeMs >= since_ms)
      .map((path) => readFileSync(path, "latin1"))
      .join("\n");
  }

  /** Puts a file of the home back after `work`, whatever that did to it. */
  async restoring<T>(path: string, work: () => Promise<T>): Promise<T> {
    const before = readFileSync(path);
    try {
      return await work();
    } finally {
      writeFileSync(path, before);
      chmodSync(path, 0o600);
    }
  }

  /** A copy of a file or directory in the scratch directory. */
  copy(path: string): string {
    const to = join(this.directory, `copy-${++this.#numbers}`);
    cpSync(path, to, { recursive: true });
    return to;
  }
}

interface Places {
  readonly directory: string;
  readonly home: Home;
  readonly outside: string;
  readonly witness: string;
}

function placesIn(directory: string): Places {
  const [outside, pins] = [join(directory, "outside"), join(directory, "pins")];
  for (const path of [outside, pins]) mkdirSync(path);
  return { directory, home: homeAt(join(directory, "home")), outside, witness: join(pins, "witness") };
}

/** In memory where there is such a place: what is thrown away need not survive a power cut. */
function scratchRoot(): string {
  try {
    accessSync("/dev/shm", constants.W_OK | constants.X_OK);
    return "/dev/shm";
  } catch (thrown) {
    if (systemErrorName(thrown) === undefined) throw thrown;
    return tmpdir();
  }
}

/** The workspace is the whole home, so that nothing but the guard keeps agents from Reeve's own state. */
async function furnish(
  { home, witness }: Places,
  secrets: readonly string[],
  tools: readonly Tool[],
  road: Road,
  { settings: more, policy }: Furniture = { settings: {}, policy: castOf },
): Promise<void> {
  const kept = new Map(secrets.map((value, i) => [`canary/${i}`, value] as const));
  await initHome({
    home,
    workspace: home.root,
    witness,
    agent: "worker",
    profile: "operator",
    force: false,
    secrets: kept,
  });
  const settings = {
    "model.provider": victimName,
    "model.max_attempts": 1,
    "engine.max_concurrent_runs": 64,
    "egress.dns_servers": [road.names.address],
    "egress.private_hosts": ["vault.internal:8080", "vault.internal:8081", "other.internal:8080", "10.9.9.9:443"],
  };
  setConfig(home.config, { ...settings, ...more }, { dry_run: false });
  savePolicy(home.policy, policy(tools), { replace: true });
}

function movable(): Ground["clock"] {
  return {
    ahead_ms: 0,
    now() {
      return systemClock.now() + this.ahead_ms;
    },
    monotonic: () => systemClock.monotonic(),
  };
}

/** What leaves the machine of a request. */
function shallow({ messages, tools }: ProviderRequest): ProviderRequest {
  const offers = tools.map(({ name, summary }) => ({ name, summary }));
  return JSON.parse(canonicalize({ messages: messages as unknown as Json, tools: offers })) as ProviderRequest;
}

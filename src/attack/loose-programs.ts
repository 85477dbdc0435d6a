/** Programs behind the walls that are left: the launch of `src/sandbox` put together again, with single parts of it left out. */
import { fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/settings.ts";
import { Fault } from "../core/fault.ts";
import { givenFiles, runDirectory } from "../sandbox/bwrap.ts";
import { type Ended, runChild } from "../sandbox/child.ts";
import {
  type Company,
  environment,
  hiddenPlaces,
  openPlaces,
  proxySocket,
  relayBinary,
  relayOf,
  rulesOutside,
  startInside,
} from "../sandbox/execute.ts";
import type { PathRule } from "../sandbox/landlock.ts";
import { launcher } from "../sandbox/launch/program.ts";
import type { Limits } from "../sandbox/limits.ts";
import { closePlaces, openOwn, type Place } from "../sandbox/place.ts";
import {
  confineSteps,
  descriptor,
  innerSteps,
  outerSteps,
  stagedPath,
  type Start,
  type User,
} from "../sandbox/plan.ts";
import { type Execution, executionOf, findProgram, inPrivateDirectory, Sandbox } from "../sandbox/sandbox.ts";
import { type Architecture, architectureOf } from "../sandbox/syscalls.ts";
import type { TierFacts } from "../sandbox/tier.ts";
import type { Walls } from "../sandbox/walls.ts";
import { looseSteps } from "./loose-calls.ts";
import { looseArguments } from "./loose-mounts.ts";
import { carriedIn } from "./loose-shell.ts";
import type { Wall } from "./wall.ts";

/** More than any attack takes. */
const boundless: Limits = {
  memory_bytes: 2 ** 50,
  processes: 1_000_000,
  cpu_ms: 3_600_000,
  file_bytes: 2 ** 50,
  open_files: 1_000_000,
  output_bytes: 2 ** 50,
  kept_bytes: 65_536,
  wall_ms: 60_000,
  tmp_bytes: 2 ** 28,
};

const O_PATH = 0o10000000;

export class LooseSandbox {
  readonly #strict: Sandbox;
  readonly #without: ReadonlySet<Wall>;
  readonly #directory: string;

  constructor(settings: Config["sandbox"], without: ReadonlySet<Wall>, directory: string) {
    const { tier, image, engine_socket } = settings;
    this.#strict = new Sandbox({ binary: process.execPath, tier, image, engine_socket });
    this.#without = without;
    this.#directory = directory;
  }

  async tier(): Promise<TierFacts> {
    const facts = await this.#strict.tier();
    // Something is said to hold where nothing does.
    return facts.tier === "none" && this.#without.has("sandbox-required") ? { ...facts, tier: "landlock" } : facts;
  }

  async execute(
    argv: readonly string[],
    given: Walls,
    { user, ...company }: Company & { readonly user: User | undefined },
  ): Promise<Execution> {
    const { tier, landlock } = await this.#strict.tier();
    const architecture = architectureOf();
    if (!architecture || tier === "container") return this.#strict.execute(argv, given, { user, ...company });
    const limits = this.#without.has("sandbox-limits")
      ? { ...boundless, kept_bytes: given.limits.kept_bytes }
      : given.limits;
    const walls: Walls = { ...given, limits, env: carriedIn(given.env) };
    const version = tier === "bwrap" ? this.#behind(landlock) : this.#alone(landlock);
    const ground = { architecture, user: this.#whom(user), version };
    const ended =
      tier === "bwrap"
        ? await this.#inBwrap(ground, argv, walls, company)
        : await inPrivateDirectory(walls, ground.user, (own) =>
            this.#bare(ground, argv, walls, { ...company, own, isConfined: tier === "landlock" }),
          );
    return executionOf(ended, { tier, profile_sha256: "0".repeat(64) });
  }

  /** As second layer it stands behind files, mounts, abstract sockets and signals; its scopes came with version 6. */
  #behind(landlock: number): number {
    if (this.#without.has("sandbox-files") || this.#without.has("sandbox-rights")) return 0;
    const isScoped = !this.#without.has("sandbox-network") && !this.#without.has("sandbox-processes");
    return isScoped ? landlock : Math.min(landlock, 5);
  }

  /** Alone it holds files, by its rules, and signals. */
  #alone(landlock: number): number {
    return this.#without.has("sandbox-processes") ? Math.min(landlock, 5) : landlock;
  }

  /** That root gives its rights up stands behind what the files of root and its processes are held by. */
  #whom(user: User | undefined): User | undefined {
    const isOwn = this.#without.has("sandbox-files") || this.#without.has("sandbox-processes");
    return process.getuid?.() === 0 && !isOwn ? user : undefined;
  }

  /** Whatever a path leads to, links followed, under as many names as it has. */
  #places(walls: Walls): readonly Place[] {
    if (!this.#without.has("sandbox-files")) return openPlaces(walls, process.execPath);
    const { workspace, read, write, proxy } = walls;
    const named = workspace === null ? [] : [...new Set([...read, ...write])].sort();
    const own = proxy ? [openOwn(proxy.socket, proxySocket), openOwn(process.execPath, relayBinary)] : [];
    return [...named.map((path) => looked(join(workspace ?? "/", path), join("/work", path))), ...own];
  }

  #variables(walls: Walls): Readonly<Record<string, string>> {
    const own = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
    const inherited = this.#without.has("sandbox-environment") ? Object.fromEntries(own) : {};
    return { ...inherited, ...environment(walls) };
  }

  async #inBwrap(ground: Bare, argv: readonly string[], walls: Walls, company: Company): Promise<Ended> {
    const { architecture, user, version } = ground;
    const bwrap = findProgram("bwrap");
    if (bwrap === undefined) throw new Fault("failed_precondition", "bubblewrap is gone");
    const places = this.#places(walls);
    try {
      const made = Object.entries(givenFiles(walls));
      const files = Object.fromEntries(made.map(([path], i) => [path, descriptor.first_free + i]));
      const firstPlace = descriptor.first_free + made.length;
      const start = { ...startInside(argv, walls, version), env: this.#variables(walls) };
      const relay = relayOf(walls);
      const inner = launcher(
        architecture,
        descriptor.status,
        (data) => {
          const seen = this.#without.has("sandbox-files") ? [] : places;
          const steps = innerSteps(data, architecture, start, seen, relay);
          return looseSteps(data, architecture, "namespaced", this.#without, steps);
        },
        0,
      );
      const mounts = places.map((each, i) => ({ ...each, source: user ? stagedPath(i) : each.outside }));
      const words = looseArguments(walls, mounts, { files }, hiddenPlaces(walls), this.#without, this.#directory);
      const command = [bwrap, ...words, "--", `/proc/self/fd/${descriptor.inner}`];
      const staged = user ? places.map(({ stats }, i) => ({ fd: firstPlace + i, directory: stats.isDirectory() })) : [];
      const env = this.#without.has("sandbox-environment") ? this.#variables(walls) : {};
      const outer = launcher(
        architecture,
        descriptor.status,
        (data) => outerSteps(data, { argv: command, user, control_group: undefined, env, staged }),
        0x1000,
      );
      const given = [...made.map(([, bytes]) => bytes), ...places.map(({ fd }) => fd)];
      return await runChild({ outer, inner, given, cwd: "/", limits: walls.limits, ...company });
    } finally {
      closePlaces(places);
    }
  }

  /** Under Landlock alone; or, where nothing holds, with nothing at all. */
  async #bare(
    { architecture, user, version }: Bare,
    words: readonly string[],
    walls: Walls,
    { own, isConfined, ...company }: Company & { readonly own: string; readonly isConfined: boolean },
  ): Promise<Ended> {
    const root = walls.workspace ?? own;
    const cwd = join(root, walls.cwd);
    const files = `${runDirectory}/files/`;
    const argv = words.map((word) => (word.startsWith(files) ? join(own, "files", word.slice(files.length)) : word));
    const places = this.#places(walls);
    try {
      const env = { ...this.#variables(walls), HOME: root, PWD: cwd, TMPDIR: own };
      const everywhere: readonly PathRule[] = [
        { path: "/", may: "write" },
        { path: "/dev", may: "device" },
      ];
      const rules = this.#without.has("sandbox-files") ? everywhere : rulesOutside(walls, places, own);
      const landlock = { version, rules };
      const start: Start = { argv, env, limits: walls.limits, landlock, filter: "shared", shared_user: true };
      const outer = launcher(
        architecture,
        descriptor.status,
        (data) =>
          isConfined
            ? looseSteps(data, architecture, "shared", this.#without, confineSteps(data, architecture, start, user))
            : outerSteps(data, { argv, user, control_group: undefined, env, staged: [] }),
        0x1000,
      );
      const given = places.map(({ fd }) => fd);
      return await runChild({ outer, inner: null, given, cwd, limits: walls.limits, ...company });
    } finally {
      closePlaces(places);
    }
  }
}

function looked(outside: string, inside: string): Place {
  const fd = openSync(outside, O_PATH);
  return { fd, stats: fstatSync(fd, { bigint: true }), outside, inside, writable: true };
}

interface Bare {
  readonly architecture: Architecture;
  readonly user: User | undefined;
  readonly version: number;
}

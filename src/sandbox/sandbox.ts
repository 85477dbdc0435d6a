/** Programs behind walls: which tier this machine holds, shown by doing, and executions in it. */
import { accessSync, constants } from "node:fs";
import { chownSync, mkdtempSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asFault, Fault } from "../core/fault.ts";
import type { Ended } from "./child.ts";
import { delegatedGroup, openControlGroup } from "./control-group.ts";
import { askEngine, clientName, type Engine, usualSocket } from "./engine.ts";
import { type Company, executeInBwrap, executeInLandlock, signalName } from "./execute.ts";
import { landlockVersion } from "./native.ts";
import type { User } from "./plan.ts";
import { seccompFilter } from "./seccomp.ts";
import { architectureOf } from "./syscalls.ts";
import { losses, type Tier, type TierFacts } from "./tier.ts";
import { emptyWalls, profileDigest, sha256, type Walls } from "./walls.ts";

export interface Execution {
  readonly exit_code: number | null;
  /** Name of the signal that ended it. */
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether any output was left out. */
  readonly truncated: boolean;
  readonly ended_by: Ended["ended_by"];
  readonly duration_ms: number;
  readonly tier: Tier;
  /** Hash of what was in effect, see `profileDigest`. */
  readonly profile_sha256: string;
}

export interface SandboxOptions {
  /** Path of the binary that is the relay inside. */
  readonly binary: string;
  /** `auto` for the strongest this machine holds; any other must hold, or there is none. */
  readonly tier: Tier | "auto";
  /** Image that programs run in where the tier is `container`; null for no such tier. */
  readonly image?: string | null;
  /** Path of the socket of the engine for containers; null for the usual one. */
  readonly engine_socket?: string | null;
  /** Where the engine's client is; tests give another. */
  readonly client?: string;
  /** Where bubblewrap is; tests give another. */
  readonly bwrap?: string | undefined;
  /** Version of Landlock to use at most; tests give less than the kernel has. */
  readonly landlock?: number;
}

/** Programs are looked for in fixed places: a PATH is somebody's word, and this runs as whoever runs Reeve. */
const places = [
  "/usr/bin",
  "/bin",
  "/usr/sbin",
  "/sbin",
  "/usr/local/bin",
  "/run/wrappers/bin",
  "/run/current-system/sw/bin",
];

/** Whom the trial runs as when this process is root: nobody's user. */
const trialUser: User = { uid: 65_534, gid: 65_534 };

export class Sandbox {
  readonly #options: SandboxOptions;
  #facts: Promise<TierFacts> | undefined;
  #found: Promise<{ readonly engine: Engine; readonly image: string }> | undefined;

  constructor(options: SandboxOptions) {
    this.#options = options;
  }

  /** Found out once, by running a program in each tier until one holds. */
  tier(): Promise<TierFacts> {
    this.#facts ??= this.#findTier();
    return this.#facts;
  }

  /**
   * Runs a program to its end. As root, `user` says whom it runs as, never uid 0. Throws `failed_precondition` where this
   * machine has no walls or these cannot be built; a program that fails is no fault.
   */
  async execute(
    argv: readonly string[],
    walls: Walls,
    company: Company & { readonly user: User | undefined },
  ): Promise<Execution> {
    const facts = await this.tier();
    const { user, ...rest } = company;
    return this.#executeIn(facts.tier, facts, argv, walls, rest, user);
  }

  async #executeIn(
    tier: Tier,
    facts: Pick<TierFacts, "landlock" | "why">,
    argv: readonly string[],
    walls: Walls,
    company: Company,
    user: User | undefined,
  ): Promise<Execution> {
    const architecture = architectureOf();
    const bwrap = this.#options.bwrap ?? findProgram("bwrap");
    if (tier === "none" || !architecture) throw noWalls(facts.why);
    const container = tier === "container" ? await this.#container() : undefined;
    // The engine has control groups of its own.
    const parent = container ? undefined : delegatedGroup();
    const group = parent === undefined ? undefined : openControlGroup(parent, walls.limits);
    const ground = {
      architecture,
      landlock: facts.landlock,
      user: whom(user),
      control_group: group?.path,
      binary: this.#options.binary,
    };
    try {
      const kind = tier === "landlock" ? "shared" : "namespaced";
      const ended = container
        ? await (await import("./container.ts")).executeInContainer({ ...ground, ...container }, argv, walls, company)
        : tier === "bwrap" && bwrap !== undefined
          ? await executeInBwrap({ ...ground, bwrap }, argv, walls, company)
          : await inPrivateDirectory(walls, ground.user, (private_directory) =>
              executeInLandlock(ground, argv, walls, { ...company, private_directory }),
            );
      return executionOf(ended, {
        tier,
        profile_sha256: profileDigest(walls, {
          tier,
          landlock: facts.landlock,
          seccomp_sha256: sha256(seccompFilter(architecture, kind)),
          control_group: group !== undefined,
          user: ground.user ? `${ground.user.uid}:${ground.user.gid}` : "own",
          ...(container ? { image: container.image } : {}),
        }),
      });
    } finally {
      group?.close();
    }
  }

  /** The engine, and the image as what it is now: a name moved later means nothing. */
  #container(): Promise<{ readonly engine: Engine; readonly image: string }> {
    this.#found ??= this.#findContainer();
    return this.#found;
  }

  #client(): string | undefined {
    return this.#options.client ?? findProgram(clientName);
  }

  async #findContainer(): Promise<{ readonly engine: Engine; readonly image: string }> {
    const { image, engine_socket } = this.#options;
    const client = this.#client();
    if (client === undefined || !image) throw new Fault("failed_precondition", "no container can be made here");
    const engine = { client, socket: engine_socket ?? usualSocket };
    const settings = mkdtempSync(join(tmpdir(), "reeve-container-"));
    try {
      return {
        engine,
        image: await askEngine(engine, settings, ["image", "inspect", "--format", "{{.Id}}", "--", image]),
      };
    } finally {
      rmSync(settings, { recursive: true, force: true });
    }
  }

  async #findTier(): Promise<TierFacts> {
    const { tier: wanted } = this.#options;
    const landlock = Math.min(this.#options.landlock ?? Number.POSITIVE_INFINITY, landlockVersion());
    const why: string[] = [];
    const strongest: readonly Tier[] = this.#options.image ? ["bwrap", "container", "landlock"] : ["bwrap", "landlock"];
    const candidates = wanted === "auto" ? strongest : [wanted];
    for (const tier of candidates) {
      const problem = await this.#problemOf(tier, landlock);
      if (problem === undefined) return { tier, landlock, why, lost: losses[tier], hint: hintFor(why) };
      why.push(problem);
    }
    return { tier: "none", landlock, why, lost: losses.none, hint: hintFor(why) };
  }

  /** Why a tier does not hold here, or undefined when a program was confined in it just now. */
  async #problemOf(tier: Tier, landlock: number): Promise<string | undefined> {
    if (!architectureOf()) return `there is no system call filter for ${process.arch}`;
    if (tier === "none") return "the config switches programs off";
    if (tier === "bwrap" && (this.#options.bwrap ?? findProgram("bwrap")) === undefined)
      return "bubblewrap is not installed";
    if (tier === "container" && !this.#options.image) return "the config names no image for containers (sandbox.image)";
    if (tier === "container" && this.#client() === undefined) return `${clientName} is not installed`;
    if (tier === "landlock" && landlock === 0) return "this kernel has no Landlock, or it is switched off";
    const user = process.getuid?.() === 0 ? trialUser : undefined;
    try {
      const company = { stdin: null, signal: AbortSignal.timeout(trial_ms) };
      const done = await this.#executeIn(
        tier,
        { landlock, why: [] },
        ["/bin/sh", "-c", trial, tier],
        emptyWalls(trialLimits),
        company,
        user,
      );
      if (done.exit_code === 0 && done.stdout === "held\n") return undefined;
      return `${tier} does not hold: ${(done.stdout || done.stderr).trim().split("\n")[0] ?? "no answer"}`;
    } catch (thrown) {
      const { message } = asFault(thrown, tier);
      return `${tier} failed: ${message}`;
    }
  }
}

/**
 * What a program confined in the tier `$0` sees, with shell built-ins alone, so that nothing but a shell has to exist
 * inside. Under Landlock alone /proc tells nothing and the files of the machine have names.
 */
const trial = `
no() { echo "$1"; exit 1; }
while read -r key a b _; do case "$key" in
  Uid:) [ "$a" = 0 ] && no "it is uid 0";;
  CapPrm:|CapEff:|CapBnd:) [ "$0" != landlock ] && [ "$a" != 0000000000000000 ] && no "it has capabilities $a";;
  NoNewPrivs:) [ "$a" = 1 ] || no "it may gain privileges";;
  Seccomp:) [ "$a" = 2 ] || no "its system calls are not filtered";;
esac; done 2>/dev/null </proc/self/status
(: >/etc/reeve-trial) 2>/dev/null && no "it may write /etc"
[ -w /proc/sys/kernel/core_pattern ] && no "it may write kernel settings"
if [ "$0" != landlock ]; then
  [ -r /proc/self/status ] || no "it sees no processes of its own"
  [ "$0" = bwrap ] && [ -e /var ] && no "it sees the files of the machine"
  [ $$ -lt 16 ] || no "it sees the processes of the machine"
  while read -r a _; do case "$a" in lo:*|Inter-*|face*) ;; *) no "it sees the network \${a%:}";; esac; done </proc/net/dev
  while read -r a _; do [ "$a" = Iface ] || no "it has a way to the network"; done </proc/net/route
fi
echo held`;

/** More than the trial's own time: a container has to be started as well. */
const trial_ms = 40_000;

const trialLimits = {
  memory_bytes: 536_870_912,
  processes: 16,
  cpu_ms: 5000,
  file_bytes: 1_048_576,
  open_files: 64,
  output_bytes: 65_536,
  kept_bytes: 4096,
  wall_ms: 10_000,
  tmp_bytes: 1_048_576,
};

/** What came of a program, from how it ended and what held it. */
export function executionOf(ended: Ended, held: Pick<Execution, "tier" | "profile_sha256">): Execution {
  const [stdout, stderr] = [ended.stdout.kept(), ended.stderr.kept()];
  return {
    exit_code: ended.exit_code,
    signal: ended.signal === null ? null : signalName(ended.signal),
    stdout: stdout.text,
    stderr: stderr.text,
    truncated: stdout.truncated || stderr.truncated,
    ended_by: ended.ended_by,
    duration_ms: Math.round(ended.duration_ms * 1000) / 1000,
    ...held,
  };
}

/** Root gives its rights up for somebody; anyone else stays who they are. */
function whom(user: User | undefined): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (user && user.uid !== 0 && user.gid !== 0) return user;
  throw new Fault("failed_precondition", "a program would run as root", {
    hint: "give the workspace to an ordinary user: see reeve doctor",
  });
}

/** An empty directory of the program's own, and in it the files it is given; gone afterwards. */
export async function inPrivateDirectory<T>(
  walls: Walls,
  user: User | undefined,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "reeve-program-"));
  try {
    mkdirSync(join(directory, "files"));
    for (const [name, bytes] of Object.entries(walls.files))
      writeFileSync(join(directory, "files", name), bytes, { mode: 0o555 });
    if (user) for (const path of [directory, join(directory, "files")]) chownSync(path, user.uid, user.gid);
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function noWalls(why: readonly string[]): Fault {
  return new Fault("failed_precondition", `no program can be confined here: ${why.join("; ")}`, {
    hint: hintFor(why) ?? "see reeve doctor",
  });
}

function hintFor(why: readonly string[]): string | null {
  if (why.length === 0) return null;
  if (why.some((text) => text.startsWith("container") || text.startsWith(clientName))) {
    return "see whether the engine for containers runs, this user may use its socket, and it has the image of sandbox.image";
  }
  if (why.some((text) => text.includes("not installed"))) {
    return "install bubblewrap (Debian: apt-get install bubblewrap)";
  }
  if (why.some((text) => /namespace|uid map|Operation not permitted|Permission denied|No space left/i.test(text))) {
    return "allow bwrap to make user namespaces (sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu an AppArmor profile for it)";
  }
  return "see docs/specs/sandbox.md for what each tier needs";
}

/** A program of the machine by its bare name. */
export function findProgram(name: string): string | undefined {
  return places.map((place) => `${place}/${name}`).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * One program in a container of its own, made by an engine's daemon. Its first process is the launcher of the other tiers,
 * so that limits, filter and second layer are the same, and what the engine mounted is checked before the program runs.
 */
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import { newId } from "../core/id.ts";
import { runDirectory } from "./bwrap.ts";
import type { Ended } from "./child.ts";
import { firstSteps, reportDescriptor } from "./container-plan.ts";
import { runContainer } from "./container-run.ts";
import type { Engine } from "./engine.ts";
import {
  type Company,
  type Ground,
  hiddenPlaces,
  openPlaces,
  proxySocket,
  refuseOddWords,
  relayBinary,
  relayOf,
  startInside,
} from "./execute.ts";
import { launcher } from "./launch/program.ts";
import { namedPipe } from "./native.ts";
import { ociProfile } from "./oci-seccomp.ts";
import { closePlaces } from "./place.ts";
import type { Seen, User } from "./plan.ts";
import { madeEtc } from "./system.ts";
import type { Walls } from "./walls.ts";

/** What a container needs beside its walls. */
export interface ContainerGround extends Pick<Ground, "architecture" | "landlock" | "user" | "binary"> {
  readonly engine: Engine;
  /** Digest of the image, so that a name moved meanwhile means nothing. */
  readonly image: string;
}

/** Two launchers beside the program; a relay has threads of its own. */
const own_processes = { without_relay: 2, with_relay: 34 } as const;

/** Throws `failed_precondition` when a wall cannot be built or what was mounted is not what was meant. */
export async function executeInContainer(
  ground: ContainerGround,
  argv: readonly string[],
  walls: Walls,
  company: Company,
): Promise<Ended> {
  refuseOddWords(argv, walls);
  company.signal.throwIfAborted();
  const { architecture } = ground;
  const user = ground.user ?? ownUser();
  const directory = mkdtempSync(join(tmpdir(), "reeve-container-"));
  const places = openPlaces(walls, ground.binary);
  try {
    const made = makeGround(directory, walls, user, ociProfile(architecture, "namespaced"));
    const hidden = hiddenPlaces(walls).map((each) => ({
      inside: each.inside,
      source: each.directory ? made.empty_directory : made.empty_file,
    }));
    const seen: readonly Seen[] = [
      ...places,
      ...hidden.map(({ inside, source }) => ({ inside, stats: lstatSync(source, { bigint: true }) })),
    ];
    const start = { ...startInside(argv, walls, ground.landlock), shared_user: true };
    const relay = relayOf(walls);
    const first = launcher(
      architecture,
      reportDescriptor,
      (data) => firstSteps(data, architecture, start, seen, relay, pipesInside),
      0,
    );
    writeFor(made.launch, first.bytes, 0o555);
    const mounts: readonly Bind[] = [
      { source: made.run, inside: runDirectory, writable: false },
      ...made.etc.map(({ source, name }) => ({ source, inside: `/etc/${name}`, writable: false })),
      ...walls.system
        .filter((path) => existsSync(path))
        .map((path) => ({ source: path, inside: path, writable: false })),
      ...places.map(({ outside, inside, writable }) => ({ source: outside, inside, writable })),
      ...hidden.map((each) => ({ ...each, writable: false })),
    ];
    const name = `reeve-${newId()}`;
    const words = containerArguments({ name, image: ground.image, user, mounts, walls, profile: made.profile });
    const report = (step: number) => first.nameOf(step);
    return await runContainer({
      engine: ground.engine,
      name,
      words,
      nameOf: report,
      limits: walls.limits,
      ...made,
      ...company,
    });
  } finally {
    closePlaces(places);
    rmSync(directory, { recursive: true, force: true });
  }
}

const pipesInside = { status: `${runDirectory}/status`, alive: `${runDirectory}/alive` };

interface Bind {
  readonly source: string;
  readonly inside: string;
  readonly writable: boolean;
}

function containerArguments(of: {
  readonly name: string;
  readonly image: string;
  readonly user: User;
  readonly mounts: readonly Bind[];
  readonly walls: Walls;
  readonly profile: string;
}): readonly string[] {
  const { limits, proxy } = of.walls;
  const processes = limits.processes + (proxy ? own_processes.with_relay : own_processes.without_relay);
  // Engines give it the mode of the image's directory, so its owner has to be the program.
  const own = `rw,exec,nosuid,nodev,uid=${of.user.uid},gid=${of.user.gid},mode=0700,size=${limits.tmp_bytes}`;
  return [
    ...["run", "--rm", "--interactive", "--name", of.name, "--label", "reeve.program", "--pull", "never"],
    ...["--network", "none", "--ipc", "none", "--cgroupns", "private", "--hostname", "sandbox", "--log-driver", "none"],
    ...["--read-only", "--cap-drop", "ALL", "--user", `${of.user.uid}:${of.user.gid}`, "--no-healthcheck"],
    ...["--security-opt", "no-new-privileges", "--security-opt", `seccomp=${of.profile}`],
    ...["--pids-limit", String(processes), "--ulimit", "core=0"],
    // As much swap as memory is none.
    ...["--memory", String(limits.memory_bytes), "--memory-swap", String(limits.memory_bytes)],
    ...["--tmpfs", `/tmp:${own}`, "--tmpfs", "/sys:ro,size=4096"],
    ...(of.mounts.some(({ inside }) => inside === "/work") ? [] : ["--tmpfs", `/work:${own}`]),
    ...of.mounts.flatMap((each) => ["--mount", bindWords(each)]),
    ...["--workdir", join("/work", of.walls.cwd), "--entrypoint", `${runDirectory}/launch`, of.image],
  ];
}

/** A line of CSV. What is mounted beneath something read-only would stay writable, so it is left out. */
function bindWords({ source, inside, writable }: Bind): string {
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const fields = ["type=bind", quoted(`source=${source}`), quoted(`target=${inside}`)];
  return [...fields, ...(writable ? [] : ["readonly", "bind-nonrecursive=true"])].join(",");
}

interface Made {
  /** Shown as `runDirectory`. */
  readonly run: string;
  readonly launch: string;
  readonly status: string;
  readonly alive: string;
  readonly etc: readonly { readonly source: string; readonly name: string }[];
  readonly empty_file: string;
  readonly empty_directory: string;
  readonly profile: string;
  /** The client's own, and empty. */
  readonly settings: string;
}

/** What is handed to the engine by path, beneath a directory that nobody else on the machine may enter. */
function makeGround(directory: string, walls: Walls, user: User, profile: Json): Made {
  const at = (...names: readonly string[]): string => join(directory, ...names);
  for (const path of [at("run"), at("run", "files"), at("etc"), at("settings"), at("nothing")]) {
    mkdirSync(path);
    chmodSync(path, 0o755);
  }
  for (const [name, bytes] of Object.entries(walls.files)) writeFor(at("run", "files", name), bytes, 0o555);
  const etc = { ...madeEtc(user), "resolv.conf": "", hostname: "sandbox\n" };
  for (const [name, text] of Object.entries(etc)) writeFor(at("etc", name), text, 0o444);
  writeFor(at("profile.json"), JSON.stringify(profile), 0o444);
  writeFor(at("empty"), "", 0o000);
  // What the proxy's socket and the relay are mounted over.
  if (walls.proxy)
    for (const path of [proxySocket, relayBinary]) writeFor(at("run", path.slice(runDirectory.length)), "", 0o444);
  namedPipe(at("run", "status"), 0o222);
  namedPipe(at("run", "alive"), 0o444);
  return {
    run: at("run"),
    launch: at("run", "launch"),
    status: at("run", "status"),
    alive: at("run", "alive"),
    etc: Object.keys(etc).map((name) => ({ source: at("etc", name), name })),
    empty_file: at("empty"),
    empty_directory: at("nothing"),
    profile: at("profile.json"),
    settings: at("settings"),
  };
}

/** Of exactly this mode, whatever this process's mask is. */
function writeFor(path: string, content: string | Uint8Array, mode: number): void {
  writeFileSync(path, content, { mode: 0o600, flag: "wx" });
  chmodSync(path, mode);
}

function ownUser(): User {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
}

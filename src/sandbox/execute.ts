/** One program behind walls, in the strongest tier this machine has. */
import { lstatSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { constants } from "node:os";
import { Fault } from "../core/fault.ts";
import { bwrapArguments, givenFiles, runDirectory } from "./bwrap.ts";
import { type Ended, type Launch, runChild } from "./child.ts";
import type { PathRule } from "./landlock.ts";
import { launcher } from "./launch/program.ts";
import { closePlaces, openOwn, openPlace, type Place } from "./place.ts";
import { confineSteps, descriptor, innerSteps, outerSteps, stagedPath, type Start, type User } from "./plan.ts";
import type { Architecture } from "./syscalls.ts";
import { inside, searchPath, sharedEtc, systemDirectories } from "./system.ts";
import type { Walls } from "./walls.ts";

/** What an execution needs beside its walls. */
export interface Ground {
  readonly architecture: Architecture;
  readonly bwrap: string;
  /** Version of Landlock's interface; 0 for none. */
  readonly landlock: number;
  /** Whom programs run as; undefined for the user this process runs as, who is not root. */
  readonly user: User | undefined;
  /** A control group to enter, whose limits are set already. */
  readonly control_group: string | undefined;
  /** Command of this very binary, for the relay. */
  readonly binary: string;
}

export type Company = Pick<Launch, "signal" | "onOutput"> & { readonly stdin: Uint8Array | null };

/** Steps of the outer launcher are told from those of the inner by their numbers. */
const outerNumbers = 0x1000;

/** Under bubblewrap. Throws `failed_precondition` when a wall cannot be built or what was mounted is not what was meant. */
export async function executeInBwrap(
  ground: Ground,
  argv: readonly string[],
  walls: Walls,
  company: Company,
): Promise<Ended> {
  refuseOddWords(argv, walls);
  const { architecture, user, control_group } = ground;
  const places = openPlaces(walls, ground.binary);
  try {
    const hidden = hiddenPlaces(walls);
    const made = Object.entries(givenFiles(walls));
    const files = Object.fromEntries(made.map(([path], i) => [path, descriptor.first_free + i]));
    const firstPlace = descriptor.first_free + made.length;
    const start = startInside(argv, walls, ground.landlock);
    const relay = relayOf(walls);
    const inner = launcher(
      architecture,
      descriptor.status,
      (data) => innerSteps(data, architecture, start, places, relay),
      0,
    );
    const mounts = places.map((each, i) => ({ ...each, source: user ? stagedPath(i) : each.outside }));
    const command = [ground.bwrap, ...bwrapArguments(walls, mounts, { files }, hidden)];
    const words = [...command, "--", `/proc/self/fd/${descriptor.inner}`];
    const staged = user ? places.map(({ stats }, i) => ({ fd: firstPlace + i, directory: stats.isDirectory() })) : [];
    const outer = launcher(
      architecture,
      descriptor.status,
      (data) => outerSteps(data, { argv: words, user, control_group, env: {}, staged }),
      outerNumbers,
    );
    const given = [...made.map(([, bytes]) => bytes), ...places.map(({ fd }) => fd)];
    return await runChild({ outer, inner, given, cwd: "/", limits: walls.limits, ...company });
  } finally {
    closePlaces(places);
  }
}

/** How a program starts in name spaces of its own, with Landlock of this version as second layer. */
export function startInside(argv: readonly string[], walls: Walls, version: number): Start {
  return {
    argv,
    env: environment(walls),
    limits: walls.limits,
    filter: "namespaced",
    shared_user: false,
    landlock: { version, rules: rulesInside(walls) },
  };
}

/** What the first process inside starts before the program, where there is a way out. */
export function relayOf({ proxy }: Walls): { readonly binary: readonly string[]; readonly socket: string } | undefined {
  return proxy ? { binary: [relayBinary], socket: proxySocket } : undefined;
}

/** Where the relay and the socket it leads to are inside. */
export const relayBinary = `${runDirectory}/reeve`;
export const proxySocket = `${runDirectory}/proxy.sock`;

/** The workspace, its parts over it, and what the relay needs. The caller closes them. */
export function openPlaces(walls: Walls, binary: string): readonly Place[] {
  const opened: Place[] = [];
  try {
    const { workspace, proxy } = walls;
    if (workspace !== null) {
      const readOnly = walls.read.filter((path) => !walls.write.includes(path));
      const wanted = [
        ...readOnly.map((path) => ({ path, writable: false })),
        ...walls.write.map((path) => ({ path, writable: true })),
      ].toSorted((a, b) => depthOf(a.path) - depthOf(b.path));
      for (const { path, writable } of wanted) {
        opened.push(openPlace(workspace, path, { inside: join("/work", path), writable }));
      }
      for (const path of walls.fixed ?? []) {
        opened.push(openPlace(workspace, path, { inside: join("/work", path), writable: false }, "any"));
      }
    }
    if (proxy) opened.push(openOwn(proxy.socket, proxySocket), openOwn(binary, relayBinary));
    return opened;
  } catch (thrown) {
    closePlaces(opened);
    throw thrown;
  }
}

/** What lies deeper is mounted later, over what it lies in. */
function depthOf(path: string): number {
  return path === "." ? 0 : path.split("/").length;
}

/**
 * Under Landlock alone, where there is no bubblewrap: `private_directory` is an empty directory of the program's own, for
 * its temporary files and those given to it. Throws `failed_precondition` for walls that this tier cannot build.
 */
export async function executeInLandlock(
  ground: Omit<Ground, "bwrap" | "binary">,
  argv: readonly string[],
  walls: Walls,
  company: Company & { readonly private_directory: string },
): Promise<Ended> {
  refuseOddWords(argv, walls);
  const unable = (what: string): Fault =>
    new Fault("failed_precondition", `${what}, which needs bubblewrap`, {
      hint: "install bubblewrap, see reeve doctor",
    });
  if (walls.proxy) throw unable("the program asks for the network");
  if (walls.hidden.length > 0) throw unable("part of the workspace has to be hidden from the program");
  if (walls.fixed?.length) throw unable("a file that the program could write has another name elsewhere");
  if (ground.landlock === 0) throw unable("this kernel has no Landlock");
  const { architecture, user, control_group, landlock } = ground;
  const { private_directory: own, ...rest } = company;
  const root = walls.workspace ?? own;
  const places = openPlaces(walls, "");
  try {
    const env = { ...environment(walls), HOME: root, PWD: join(root, walls.cwd), TMPDIR: own };
    const words = argv.map((word) =>
      word.startsWith(`${runDirectory}/files/`) ? join(own, word.slice(runDirectory.length)) : word,
    );
    const second = { version: landlock, rules: rulesOutside(walls, places, own) };
    const ways = { filter: "shared", shared_user: true, landlock: second, control_group } as const;
    const start: Start = { argv: words, env, limits: walls.limits, ...ways };
    const outer = launcher(
      architecture,
      descriptor.status,
      (data) => confineSteps(data, architecture, start, user),
      outerNumbers,
    );
    const given = places.map(({ fd }) => fd);
    const cwd = join(root, walls.cwd);
    return await runChild({ outer, inner: null, given, cwd, limits: walls.limits, ...rest });
  } finally {
    closePlaces(places);
  }
}

/** The same as the mounts say, once more: beneath `/` nothing but reading, except where writing was allowed. */
function rulesInside(walls: Walls): readonly PathRule[] {
  return [
    { path: "/", may: "read" },
    { path: "/tmp", may: "write" },
    { path: "/dev", may: "device" },
    ...(walls.workspace === null || (walls.read.length === 0 && walls.write.length === 0)
      ? [{ path: "/work", may: "write" as const }]
      : walls.write.map((path) => ({ path: join("/work", path), may: "write" as const }))),
  ];
}

/** Under Landlock alone, where everything is where it is: programs of the system, what was opened, and the program's own directory. */
export function rulesOutside({ system }: Walls, places: readonly Place[], own: string): readonly PathRule[] {
  return [
    ...[...systemDirectories().map(({ path }) => path), ...sharedEtc, ...system].map((path): PathRule => ({
      path,
      may: "read",
    })),
    ...["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"].map((path): PathRule => ({ path, may: "device" })),
    ...places.map(({ writable }, i): PathRule => ({
      path: `/proc/self/fd/${descriptor.first_free + i}`,
      may: writable ? "write" : "read",
    })),
    { path: own, may: "write" },
  ];
}

/** All variables a program is started with. */
export function environment({ env, cwd, proxy }: Walls): Readonly<Record<string, string>> {
  const address = proxy
    ? { HTTPS_PROXY: proxy.url, https_proxy: proxy.url, HTTP_PROXY: proxy.url, http_proxy: proxy.url }
    : {};
  return {
    PATH: searchPath.join(":"),
    HOME: inside.home,
    USER: inside.user,
    LANG: "C.UTF-8",
    PWD: join("/work", cwd),
    ...env,
    ...address,
  };
}

/** What lies under the hidden paths now, so that something of its kind can be put over it. */
export function hiddenPlaces(walls: Walls): readonly { readonly inside: string; readonly directory: boolean }[] {
  const { workspace } = walls;
  if (workspace === null) return [];
  return walls.hidden.map((path) => {
    const stats = lstatSync(join(workspace, path), { throwIfNoEntry: false });
    return { inside: join("/work", path), directory: stats?.isDirectory() ?? false };
  });
}

/** What a C string cannot hold, or what would reach the loader before the program. */
export function refuseOddWords(argv: readonly string[], { env, files, cwd, system }: Walls): void {
  const texts = [...argv, ...Object.entries(env).flat(), ...Object.keys(files), cwd];
  if (texts.some((text) => text.includes("\0"))) {
    throw new Fault("invalid_argument", "a word of the command holds a NUL", { hint: "leave it out" });
  }
  if (!argv[0]) throw new Fault("invalid_argument", "there is no program to run", { hint: "name one" });
  const odd = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) {
    throw new Fault("invalid_argument", `${JSON.stringify(odd)} cannot be the name of a variable`, {
      hint: "use letters, digits and _",
    });
  }
  if (Object.keys(files).some((name) => !/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name)) || !system.every(isAbsolute)) {
    throw new Fault("internal", "walls name a file that cannot be given");
  }
}

/** Name of a signal by its number. */
export function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, each]) => each === number)?.[0] ?? `signal ${number}`;
}

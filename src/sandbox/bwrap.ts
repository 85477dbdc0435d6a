/**
 * The command line of bubblewrap for some walls. Nothing of the machine is there unless it is named: not the user's files,
 * not /etc but for what programs need, no socket, no network but loopback.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { inside, madeEtc, sharedEtc, systemDirectories } from "./system.ts";
import type { Walls } from "./walls.ts";

/** Where the proxy's socket, given files and this binary are inside. */
export const runDirectory = "/run/reeve";

/** What the caller has to hand over as open descriptors, by the number bubblewrap finds them under. */
export interface Handed {
  /** Descriptor of the content of each file given, by its path inside. */
  readonly files: Readonly<Record<string, number>>;
}

/** What is mounted, and from where by the path bubblewrap can reach it under. */
export interface Mount {
  readonly source: string;
  readonly inside: string;
  readonly writable: boolean;
}

export function bwrapArguments(
  walls: Walls,
  mounts: readonly Mount[],
  handed: Handed,
  hidden: readonly { readonly inside: string; readonly directory: boolean }[],
): readonly string[] {
  const { limits } = walls;
  const paths = Object.keys(handed.files);
  return [
    ...["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
    ...["--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv"],
    ...["--uid", String(inside.uid), "--gid", String(inside.gid), "--hostname", "sandbox"],
    ...systemDirectories().flatMap(({ path, link }) =>
      link === null ? ["--ro-bind", path, path] : ["--symlink", link, path],
    ),
    ...["--dir", "/etc"],
    ...[...sharedEtc.filter((path) => !Object.hasOwn(handed.files, path)), ...walls.system].flatMap((path) => [
      "--ro-bind-try",
      path,
      path,
    ]),
    ...["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"],
    ...["/proc/keys", "/proc/timer_list"]
      .filter((path) => existsSync(path))
      .flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...["--dev", "/dev", "--size", String(limits.tmp_bytes), "--tmpfs", "/tmp"],
    ...["--dir", "/run", "--dir", runDirectory, "--dir", `${runDirectory}/files`],
    // Copied into the root, which is made read-only at last: each mount would cost more than the program's start.
    ...paths.flatMap((path) => ["--perms", "0555", "--file", String(handed.files[path]), path]),
    ...(mounts.some((each) => each.inside === "/work") ? [] : ["--size", String(limits.tmp_bytes), "--tmpfs", "/work"]),
    ...mounts.flatMap((each) => [each.writable ? "--bind" : "--ro-bind", each.source, each.inside]),
    ...hidden.flatMap((each) =>
      each.directory
        ? ["--size", "4096", "--tmpfs", each.inside, "--remount-ro", each.inside]
        : ["--ro-bind", "/dev/null", each.inside],
    ),
    ...["--remount-ro", "/", "--chdir", join("/work", walls.cwd)],
  ];
}

/** The files given to a program, those made up for it and small ones of the machine, by their path inside. */
export function givenFiles(walls: Walls): Readonly<Record<string, Uint8Array>> {
  return Object.fromEntries([
    ...sharedEtc.flatMap((path) => copyOf(path).map((bytes) => [path, bytes] as const)),
    ...Object.entries(madeEtc(inside)).map(([name, text]) => [`/etc/${name}`, Buffer.from(text, "utf8")] as const),
    ...Object.entries(walls.files).map(([name, bytes]) => [`${runDirectory}/files/${name}`, bytes] as const),
  ]);
}

const maxCopiedBytes = 262_144;

/** What a small file holds; nothing for a directory, a large file and where there is none. */
function copyOf(path: string): readonly Uint8Array[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() && stats.size <= maxCopiedBytes ? [readFileSync(path)] : [];
}

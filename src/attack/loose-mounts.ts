/** The command line of bubblewrap as it would be without some walls. */
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { bwrapArguments, type Handed, type Mount, runDirectory } from "../sandbox/bwrap.ts";
import { inside } from "../sandbox/system.ts";
import type { Walls } from "../sandbox/walls.ts";
import type { Wall } from "./wall.ts";

/** What bubblewrap makes itself. `/run` is filled with what lies in the machine's, so that nothing of ours is made there. */
const made: ReadonlySet<string> = new Set(["proc", "dev", "tmp", "run", "work"]);

/** `directory` is the scratch directory: with the files of the machine it is shown too, wherever it lies. */
export function looseArguments(
  walls: Walls,
  mounts: readonly Mount[],
  handed: Handed,
  hidden: Parameters<typeof bwrapArguments>[3],
  without: ReadonlySet<Wall>,
  directory: string,
): readonly string[] {
  const strict = bwrapArguments(walls, mounts, handed, hidden);
  const named = without.has("sandbox-files") ? openMounts(strict, walls, mounts, handed, directory) : strict;
  const edits: readonly (readonly [Wall, from: readonly string[], to: readonly string[]])[] = [
    ["sandbox-network", ["--unshare-net"], []],
    ["sandbox-environment", ["--clearenv"], []],
    ["sandbox-processes", ["--unshare-pid"], []],
    ["sandbox-processes", ["--as-pid-1"], []],
    ["sandbox-processes", ["--proc", "/proc"], ["--bind", "/proc", "/proc"]],
    // It stands behind the filter, and needs one more name space too.
    [without.has("sandbox-calls") ? "sandbox-calls" : "sandbox-rights", ["--disable-userns"], []],
    ["sandbox-rights", ["--cap-drop", "ALL"], ["--cap-add", "ALL"]],
    // Another number than root's would need one more name space, whose capabilities do not reach what was mounted before.
    ["sandbox-rights", ["--uid", String(inside.uid)], ["--uid", "0"]],
    ["sandbox-rights", ["--gid", String(inside.gid)], ["--gid", "0"]],
    ["sandbox-rights", ["--ro-bind", "/proc/sys", "/proc/sys"], []],
  ];
  return edits.reduce((words, [wall, from, to]) => (without.has(wall) ? exchanged(words, from, to) : words), named);
}

/** Throws where the words are not there: an edit that does nothing would leave the wall up. */
function exchanged(words: readonly string[], from: readonly string[], to: readonly string[]): readonly string[] {
  const at = words.findIndex((_, i) => from.every((word, j) => words[i + j] === word));
  if (at < 0) throw new RangeError(`the command line has no ${from.join(" ")}`);
  return words.toSpliced(at, from.length, ...to);
}

/** Everything of the machine, writable, at its place. */
function openMounts(
  strict: readonly string[],
  walls: Walls,
  mounts: readonly Mount[],
  { files }: Handed,
  directory: string,
): readonly string[] {
  const size = String(walls.limits.tmp_bytes);
  const given = Object.entries(files).filter(([path]) => path.startsWith(runDirectory));
  return [
    ...strict.slice(0, strict.indexOf("--hostname") + 2),
    ...shown("/", made),
    ...["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"],
    ...["--dev", "/dev", "--size", size, "--tmpfs", "/tmp", "--dir", "/run"],
    ...shown("/run", new Set(["reeve"])),
    ...["--dir", runDirectory, "--dir", `${runDirectory}/files`],
    ...given.flatMap(([path, fd]) => ["--perms", "0555", "--file", String(fd), path]),
    ...["--bind", directory, directory],
    ...(mounts.some((each) => each.inside === "/work") ? [] : ["--size", size, "--tmpfs", "/work"]),
    ...mounts.flatMap((each) => ["--bind", each.source, each.inside]),
    ...["--chdir", join("/work", walls.cwd)],
  ];
}

function shown(root: string, except: ReadonlySet<string>): readonly string[] {
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    const path = join(root, entry.name);
    if (except.has(entry.name)) return [];
    return entry.isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--bind-try", path, path];
  });
}

/** Nobody but the owner may reach the state of a home: modes, owners, and no links that lead elsewhere. */
import { closeSync, constants, fchmodSync, type Dirent, lstatSync, openSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Home } from "../core/home.ts";
import { type Observation, ok, type Probe } from "./probe.ts";

export const files: Probe = {
  name: "files",
  needs_home: true,
  examine({ home }) {
    const inside = [home.state, ...pathsIn(home.state, home), home.runs];
    const seen = inside.flatMap((path) => examinePath(path, path.startsWith(home.vault) || path.startsWith(home.keys)));
    return seen.length ? seen : [ok(`${inside.length} files and directories, all of this user alone`)];
  },
};

const owner = process.geteuid?.() ?? -1;

function examinePath(path: string, secret: boolean): readonly Observation[] {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (!facts) return [];
  if (facts.isSymbolicLink()) {
    return [
      { status: "fail", message: `${path} is a symbolic link`, hint: "put the real file or directory in its place" },
    ];
  }
  if (facts.uid !== owner) {
    return [
      { status: "fail", message: `${path} belongs to user ${facts.uid}`, hint: `run chown ${owner} '${path}' as root` },
    ];
  }
  const mode = facts.mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  const want = facts.isDirectory() ? 0o700 : 0o600;
  return [
    {
      status: secret ? "fail" : "warn",
      message: `${path} has mode ${mode.toString(8)}: other users may reach it`,
      hint: `run chmod ${want.toString(8)} '${path}'`,
      fix: () => narrow(path, want),
    },
  ];
}

function narrow(path: string, mode: number): string {
  // The file that was opened is the file that is changed: no link can be put between the two.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
  return `set the mode of ${path} to ${mode.toString(8)}`;
}

/** Without what an undo record has put aside: that is the workspace's own, and goes back with the mode and links it has. */
function pathsIn(directory: string, home: Home): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry: Dirent) => {
    const path = join(directory, entry.name);
    if (isPutAside(path, home)) return [];
    return entry.isDirectory() ? [path, ...pathsIn(path, home)] : [path];
  });
}

function isPutAside(path: string, home: Home): boolean {
  return dirname(dirname(path)) === home.undo && /^[0-9]{6,9}\.removed$/.test(basename(path));
}

/** A directory or file of the machine that a program is shown, opened so that what was checked is what is mounted. */
import { type BigIntStats, closeSync, constants, fstatSync, openSync } from "node:fs";
import { Fault, systemErrorName } from "../core/fault.ts";

export interface Place {
  /** Names it without giving access; open until `closePlaces`. */
  readonly fd: number;
  readonly stats: BigIntStats;
  readonly outside: string;
  readonly inside: string;
  readonly writable: boolean;
}

// open(2): the descriptor only names the object. Not among Node's constants; the same on our architectures.
const nameOnly = 0o10000000 | constants.O_NOFOLLOW;

/**
 * What lies at `path` beneath the directory `root`, each component opened beneath the one before and no link followed.
 * Throws `not_found`, and `permission_denied` for anything but a directory or a file under so many names.
 */
export function openPlace(
  root: string,
  path: string,
  shown: { readonly inside: string; readonly writable: boolean },
  names: "one" | "any" = "one",
): Place {
  let fd = open(root, root);
  try {
    for (const name of path.split("/").filter((each) => each !== "" && each !== ".")) {
      if (name === ".." || !fstatSync(fd).isDirectory()) throw notPlain(path);
      const next = open(`/proc/self/fd/${fd}/${name}`, path);
      closeSync(fd);
      fd = next;
    }
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isDirectory() && !(stats.isFile() && (names === "any" || stats.nlink === 1n))) throw notPlain(path);
    return { fd, stats, outside: path === "." ? root : `${root}/${path}`, ...shown };
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

/** A socket or program of ours, by its absolute path. */
export function openOwn(path: string, inside: string): Place {
  const fd = open(path, path);
  return { fd, stats: fstatSync(fd, { bigint: true }), outside: path, inside, writable: false };
}

export function closePlaces(places: readonly Place[]): void {
  for (const { fd } of places) closeSync(fd);
}

function open(path: string, shown: string): number {
  try {
    return openSync(path, nameOnly);
  } catch (cause) {
    if (systemErrorName(cause) !== "ENOENT") throw cause;
    throw new Fault("not_found", `${JSON.stringify(shown)} is not there, so it cannot be shown to a program`, {
      hint: "make it first",
      cause,
    });
  }
}

function notPlain(path: string): Fault {
  return new Fault("permission_denied", `${JSON.stringify(path)} is neither a directory nor a plain file`, {
    hint: "links are not followed; name the real path",
  });
}

/**
 * The only way to a file of the workspace: one directory descriptor per component, each opened beneath the one before
 * without following links, so that what was checked is what is used even while someone swaps names. Node has no openat;
 * `/proc/self/fd/<descriptor>/<name>` is the same walk. No descriptor outlives the call that opened it.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { encodeName } from "./name.ts";
import { type Names, pathText } from "./path.ts";

/** The workspace root as it was when it was opened, and the directories that may never be entered. */
export interface Ground {
  readonly root: string;
  readonly identity: string;
  /** Identities, asked anew for each descent because such a directory may be made later. */
  readonly forbidden: () => ReadonlySet<string>;
}

export interface Entry {
  readonly type: "file" | "dir" | "link" | "other";
  /** `device:inode`. */
  readonly identity: string;
  readonly size: number;
  /** Permission bits only. */
  readonly mode: number;
  readonly links: number;
  readonly user_id: number;
  readonly group_id: number;
  readonly modified_ms: number;
}

export interface OpenedFile {
  readonly fd: number;
  readonly entry: Entry;
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// open(2): the descriptor only names the object, so neither a FIFO nor a device notices. Not among Node's constants;
// the same number on every Linux that Bun runs on.
export const nameOnly = 0o10000000;

/** The name of a directory's entry through its descriptor. */
export function at(directory: number, name: string): string | Buffer {
  return encodeName(`/proc/self/fd/${directory}/${name}`);
}

/** Opens a directory by its absolute path, the last component not followed. The caller closes it. */
export function openDirectory(path: string | Buffer): number {
  return openSync(path, directoryFlags);
}

export function entryOf(stats: BigIntStats): Entry {
  return {
    type: stats.isFile() ? "file" : stats.isDirectory() ? "dir" : stats.isSymbolicLink() ? "link" : "other",
    identity: `${stats.dev}:${stats.ino}`,
    size: Number(stats.size),
    mode: Number(stats.mode) & 0o777,
    links: Number(stats.nlink),
    user_id: Number(stats.uid),
    group_id: Number(stats.gid),
    modified_ms: Number(stats.mtimeMs),
  };
}

/** What an open descriptor is. */
export function entryAt(descriptor: number): Entry {
  return entryOf(fstatSync(descriptor, { bigint: true }));
}

/** What a directory's entry is, a link being a link; undefined when there is none. */
export function inspect(directory: number, name: string): Entry | undefined {
  const stats = lstatSync(at(directory, name), { bigint: true, throwIfNoEntry: false });
  return stats && entryOf(stats);
}

/**
 * Runs `act` with a descriptor of the directory `names`, closed afterwards. Throws `not_found` when a component is
 * missing, `permission_denied` when one is a link or a forbidden directory, `failed_precondition` when one is a file.
 */
export function withDirectory<T>(ground: Ground, names: Names, act: (directory: number) => T): T {
  const forbidden = ground.forbidden();
  let directory = openRoot(ground);
  try {
    for (let depth = 0; depth < names.length; depth++) {
      const next = openChild(directory, names.slice(0, depth + 1), forbidden);
      closeSync(directory);
      directory = next;
    }
    return act(directory);
  } finally {
    closeSync(directory);
  }
}

/** Runs `act` with the parent directory of `names` and the last name. Throws as `withDirectory`, and for the root. */
export function withParent<T>(ground: Ground, names: Names, act: (directory: number, name: string) => T): T {
  const name = names.at(-1);
  if (name === undefined) {
    throw new Fault("permission_denied", "the workspace itself may not be replaced, moved or deleted", {
      hint: "name something inside it",
    });
  }
  return withDirectory(ground, names.slice(0, -1), (directory) => act(directory, name));
}

/** Opens the directory that is the last of `names` within its open parent. The caller closes it. */
export function openChild(parent: number, names: Names, forbidden: ReadonlySet<string>): number {
  const name = names.at(-1) ?? ".";
  let child: number;
  try {
    child = openSync(at(parent, name), directoryFlags);
  } catch (cause) {
    // With O_DIRECTORY a link is reported as "not a directory", and the difference matters to the caller.
    if (systemErrorName(cause) === "ENOTDIR" && inspect(parent, name)?.type === "link") throw isLink(names, cause);
    throw asFault(cause, quoted(names));
  }
  try {
    if (forbidden.has(entryAt(child).identity)) throw isForbidden(names);
    return child;
  } catch (cause) {
    closeSync(child);
    throw cause;
  }
}

/**
 * Opens the regular file that is the last of `names` within its open parent; undefined when nothing has that name.
 * The object is named first, judged, and only then opened by its descriptor. The caller closes it. `content` is for what
 * no call is told: it opens a file with several hard links too.
 */
export function openFile(parent: number, names: Names, access: "read" | "replace" | "content"): OpenedFile | undefined {
  let named: number;
  try {
    named = openSync(at(parent, names.at(-1) ?? "."), nameOnly | constants.O_NOFOLLOW);
  } catch (cause) {
    if (systemErrorName(cause) === "ENOENT") return undefined;
    throw asFault(cause, quoted(names));
  }
  try {
    const entry = entryAt(named);
    requireFile(access === "content" ? { ...entry, links: 1 } : entry, names);
    // Asking to write as well lets the kernel refuse a file this process could not have changed in place.
    const flags = access === "replace" ? constants.O_RDWR : constants.O_RDONLY;
    return { fd: openSync(`/proc/self/fd/${named}`, flags), entry };
  } catch (cause) {
    throw asFault(cause, quoted(names));
  } finally {
    closeSync(named);
  }
}

/** Throws unless the entry is a regular file under one name only. */
function requireFile(entry: Entry, names: Names): void {
  if (entry.type === "dir") {
    throw new Fault("failed_precondition", `${quoted(names)} is a directory`, { hint: "name a file" });
  }
  requirePlain(entry, names);
}

/** Throws for links, special files and files with several hard links. */
export function requirePlain(entry: Entry, names: Names): void {
  if (entry.type === "link") throw isLink(names);
  if (entry.type === "other") {
    throw new Fault("permission_denied", `${quoted(names)} is a special file`, {
      hint: "only regular files and directories can be used",
    });
  }
  if (entry.type === "file" && entry.links > 1) {
    throw new Fault("permission_denied", `${quoted(names)} has more than one hard link`, {
      hint: "its other name may lie outside the workspace; make a copy and use that",
    });
  }
}

export function quoted(names: Names): string {
  return JSON.stringify(pathText(names));
}

export function isForbidden(names: Names): Fault {
  return new Fault("permission_denied", `${quoted(names)} is reeve's own state`, {
    hint: "it may not be entered through the workspace; choose another path",
  });
}

function isLink(names: Names, cause?: unknown): Fault {
  return new Fault("permission_denied", `${quoted(names)} is a symbolic link`, {
    hint: "links are not followed; name the real path",
    cause,
  });
}

function openRoot(ground: Ground): number {
  let directory: number;
  try {
    directory = openDirectory(ground.root);
  } catch (cause) {
    throw asFault(cause, "workspace");
  }
  const { identity } = entryAt(directory);
  if (identity === ground.identity) return directory;
  closeSync(directory);
  throw new Fault("failed_precondition", "the workspace directory was replaced by another", {
    hint: "restart Reeve to use the new one",
  });
}

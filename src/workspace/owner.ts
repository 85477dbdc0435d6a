/**
 * Whose the files are when Reeve runs as root: programs run as an ordinary user, so what the file tools make belongs to the
 * owner of the workspace, and a workspace that belongs to root can be given to that user.
 */
import { chownSync, closeSync, constants, fchownSync, lstatSync, openSync } from "node:fs";
import { asFault } from "../core/fault.ts";
import { at, type Entry, entryAt, type Ground, nameOnly, openDirectory, withDirectory } from "./descend.ts";
import { isStateName, pathText } from "./path.ts";
import { sweep } from "./sweep.ts";
import { namesIn } from "./tree.ts";

export type FileOwner = Pick<Entry, "user_id" | "group_id">;

/**
 * As whom programs run: as this very user unless that is root, else as the owner of the workspace, or where that is root
 * too as the user of the setting. Never uid 0.
 */
export function programUid(workspaceRoot: string, setting: number): { readonly uid: number; readonly gid: number } {
  const [own, group] = [process.geteuid?.() ?? setting, process.getegid?.() ?? setting];
  if (own !== 0) return { uid: own, gid: group };
  const { uid, gid } = lstatSync(workspaceRoot);
  if (uid === 0) return { uid: setting, gid: setting };
  return { uid, gid: gid === 0 ? uid : gid };
}

/** To whom a new file belongs where it is not to belong to whoever makes it. */
export function newOwner(ground: Ground): FileOwner | undefined {
  return process.geteuid?.() === 0 ? withDirectory(ground, [], entryAt) : undefined;
}

/** Gives a directory that was just made to its owner; one that is not ours and empty is somebody else's by now. */
export function giveDirectory(parent: number, name: string, owner: FileOwner | undefined): void {
  if (owner === undefined) return;
  const directory = openDirectory(at(parent, name));
  try {
    if (entryAt(directory).user_id !== process.geteuid?.() || namesIn(directory).length > 0) return;
    fchownSync(directory, owner.user_id, owner.group_id);
  } finally {
    closeSync(directory);
  }
}

export interface Given {
  /** How many files and directories. */
  readonly given: number;
  /** Paths that stay root's: files with several hard links, special files, other file systems. At most a hundred. */
  readonly left: readonly string[];
}

/**
 * Gives all that belongs to root in a workspace to a user. Each thing is judged and given by one descriptor that only names
 * it, so that nothing outside can be put in its place; links stay as they are.
 */
export async function giveTree(ground: Ground, owner: FileOwner): Promise<Given> {
  const forbidden = ground.forbidden();
  const { identity } = withDirectory(ground, [], entryAt);
  const left: string[] = [];
  let given = 0;
  await sweep(ground, [[]], {
    isBarred: (names, { entry }) => {
      const isElsewhere = entry.type === "dir" && deviceOf(entry.identity) !== deviceOf(identity);
      if (isElsewhere) left.push(pathText(names));
      return isElsewhere || isStateName(names.at(-1) ?? "") || forbidden.has(entry.identity);
    },
    visit: (directory, names, { entry }) => {
      if (entry.user_id !== 0 || entry.type === "link") return;
      if (giveOne(directory, names.at(-1) ?? ".", deviceOf(identity), owner)) given++;
      else left.push(pathText(names));
    },
    onClosed: (names) => left.push(pathText(names)),
  });
  return { given, left: left.sort().slice(0, 100) };
}

function giveOne(directory: number, name: string, device: string, owner: FileOwner): boolean {
  const named = openSync(at(directory, name), nameOnly | constants.O_NOFOLLOW);
  try {
    const { type, user_id, links, identity } = entryAt(named);
    const isPlain = type === "dir" || (type === "file" && links === 1);
    // Several hard links: another name of it may be a file of the system.
    if (!isPlain || user_id !== 0 || deviceOf(identity) !== device) return false;
    chownSync(`/proc/self/fd/${named}`, owner.user_id, owner.group_id);
    return true;
  } catch (cause) {
    throw asFault(cause, JSON.stringify(name));
  } finally {
    closeSync(named);
  }
}

function deviceOf(identity: string): string {
  return identity.slice(0, identity.indexOf(":"));
}

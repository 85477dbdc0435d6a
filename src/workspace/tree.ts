/** Whole directories: looking through one before it is removed or moved, and carrying one across file systems. */
import {
  closeSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { Fault } from "../core/fault.ts";
import { copyInto } from "./content.ts";
import { at, type Entry, inspect, isForbidden, openChild, openDirectory, openFile, quoted } from "./descend.ts";
import { decodeName } from "./name.ts";
import { isStateName, type Names } from "./path.ts";

const nothing: ReadonlySet<string> = new Set();
// One descriptor per level is open while a tree is looked through.
const maxDepth = 256;

/** The names in an open directory, sorted by code unit so that every walk has one order. */
export function namesIn(directory: number): readonly string[] {
  return readdirSync(`/proc/self/fd/${directory}`, { encoding: "buffer" }).map(decodeName).sort();
}

/**
 * Visits everything beneath an open directory, parents first; `visit` throws to refuse. Throws `permission_denied` when
 * Reeve's state or a forbidden directory lies inside, so that it cannot be carried off with its surroundings.
 */
export function survey(
  directory: number,
  names: Names,
  forbidden: ReadonlySet<string>,
  visit: (names: Names, entry: Entry) => void,
): void {
  if (names.length > maxDepth) throw tooDeep(names);
  for (const name of namesIn(directory)) {
    const path = [...names, name];
    if (isStateName(name)) throw isForbidden(path);
    const entry = inspect(directory, name);
    if (entry === undefined) continue;
    visit(path, entry);
    if (entry.type === "dir") within(directory, path, forbidden, (child) => survey(child, path, forbidden, visit));
  }
}

/** Copies a file, link or directory with all that is in it to a name that must not exist. Durable when it returns. */
export function copyTree(from: number, name: string, to: number, as: string, depth = 0): void {
  const path = [name];
  if (depth > maxDepth) throw tooDeep(path);
  const entry = inspect(from, name);
  if (entry?.type === "file") {
    copyFile(from, name, at(to, as), entry);
  } else if (entry?.type === "link") {
    symlinkSync(readlinkSync(at(from, name), { encoding: "buffer" }), at(to, as));
    keepOwnerOf(entry, (user_id, group_id) => lchownSync(at(to, as), user_id, group_id));
  } else if (entry?.type === "dir") {
    mkdirSync(at(to, as), entry.mode | 0o700);
    within(from, path, nothing, (source) =>
      within(to, [as], nothing, (target) => {
        for (const each of namesIn(source)) copyTree(source, each, target, each, depth + 1);
        keepOwnerOf(entry, (user_id, group_id) => fchownSync(target, user_id, group_id));
        fsyncSync(target);
      }),
    );
  } else {
    throw new Fault("failed_precondition", `${quoted(path)} is a special file and cannot be copied`, {
      hint: "remove it by hand first",
    });
  }
}

/** Removes a file, link or directory with all that is in it; links are removed, never followed. */
export function removeTree(directory: number, name: string): void {
  const entry = inspect(directory, name);
  if (entry === undefined) return;
  if (entry.type !== "dir") {
    unlinkSync(at(directory, name));
    return;
  }
  within(directory, [name], nothing, (child) => {
    for (const each of namesIn(child)) removeTree(child, each);
  });
  rmdirSync(at(directory, name));
}

/** Runs `act` with the descriptor of a directory given by its absolute path. */
export function withAbsolute<T>(path: string, act: (directory: number) => T): T {
  const directory = openDirectory(path);
  try {
    return act(directory);
  } finally {
    closeSync(directory);
  }
}

function within(parent: number, path: Names, forbidden: ReadonlySet<string>, act: (directory: number) => void): void {
  const child = openChild(parent, path, forbidden);
  try {
    act(child);
  } finally {
    closeSync(child);
  }
}

function copyFile(from: number, name: string, target: string | Buffer, entry: Entry): void {
  // Refuses several hard links: a copy put back later would have one, and so open what was closed before.
  const opened = openFile(from, [name], "read");
  if (opened === undefined) throw new Fault("not_found", `${JSON.stringify(name)} vanished while it was copied`);
  try {
    copyInto(opened.fd, target, entry.mode);
    keepOwnerOf(entry, (user_id, group_id) => lchownSync(target, user_id, group_id));
  } finally {
    closeSync(opened.fd);
  }
}

/** Only root can give files away, and only there do copies need it. */
function keepOwnerOf({ user_id, group_id }: Entry, chown: (user_id: number, group_id: number) => void): void {
  if (process.geteuid?.() === 0) chown(user_id, group_id);
}

function tooDeep(names: Names): Fault {
  return new Fault("failed_precondition", `the directory is nested more than ${maxDepth} levels deep`, {
    hint: "work on its parts",
    data: { depth: names.length },
  });
}

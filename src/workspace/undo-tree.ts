/**
 * Taking back what a program did to many paths at once. The undo of it is one record of the same kind, durable before the
 * first path is touched, so that it can be repeated after a crash and undone in its turn.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { asFault, Fault } from "../core/fault.ts";
import { createFile, temporaryName, writeInto } from "./content.ts";
import { at, type Entry, entryAt, inspect, nameOnly, quoted, withDirectory, withParent } from "./descend.ts";
import { type Journal, nextNumber, type TreeChange, type TreeItem, writeRecord } from "./journal.ts";
import { Keeping, withKept } from "./kept.ts";
import { encodeName } from "./name.ts";
import { type Names, pathText } from "./path.ts";
import { remove } from "./relocate.ts";
import { makeDirectories } from "./rewrite.ts";
import type { Site } from "./site.ts";
import {
  isSame,
  isSameContent,
  isSameOwned,
  modeBits,
  type Owned,
  sight,
  type Standing,
  type StandingFile,
  standingOf,
} from "./standing.ts";
import { syncFileSystem } from "./sync.ts";
import { namesIn } from "./tree.ts";
import type { PathState, View } from "./view.ts";

/** So many are waited for one by one. */
const fewFiles = 64;

export type Verdict = "undo" | "done" | "changed";

interface Judged {
  readonly item: TreeItem;
  readonly names: Names;
  readonly verdict: Verdict;
}

/** As `judge` of a single change, for each path; the view is taken back past all of them. */
export function judgeTree(view: View, change: TreeChange): readonly Judged[] {
  const all = change.items.map((item) => ({ item, names: namesOf(item.path) }));
  const judged = new Map<TreeItem, Verdict>();
  for (const { item, names } of all.filter(({ item: each }) => goesFirst(each)).sort(deepestFirst)) {
    const now = view.state(names);
    const isEmpty = now.type !== "dir" || view.isEmpty(names);
    // An undo that was cut off may have removed the one and not made the other yet.
    const isHalf = item.before !== null && (now.type === "absent" || isUnfinished(now, item));
    const isOurs = (matches(now, item.after) && isEmpty) || isHalf;
    const verdict = matches(now, item.before) ? "done" : isOurs ? "undo" : "changed";
    judged.set(item, verdict);
    if (verdict !== "done" && !isUnfinished(now, item)) view.overlay(names, { is: "absent" });
  }
  // A directory comes before what is in it, so its state is settled when it is asked for.
  const directories = new Map<string, boolean>();
  const isDirectory = (names: Names): boolean => {
    const path = pathText(names);
    const known = directories.get(path) ?? view.state(names).type === "dir";
    directories.set(path, known);
    return known;
  };
  for (const { item, names } of all.filter(({ item: each }) => each.before !== null).sort(shallowestFirst)) {
    const now = view.state(names);
    const hasPlace = names.length === 0 || isDirectory(names.slice(0, -1));
    const isOurs = (matches(now, item.after) && hasPlace) || isUnfinished(now, item);
    const verdict = judged.get(item) ?? (matches(now, item.before) ? "done" : isOurs ? "undo" : "changed");
    judged.set(item, verdict);
    if (verdict !== "done" && item.before) overlay(view, names, item.before);
  }
  return all.map(({ item, names }) => ({ item, names, verdict: judged.get(item) ?? "changed" }));
}

/** Puts back the paths that are not as they were. */
export function revertTree(
  site: Site,
  from: { readonly journal: Journal; readonly number: number },
  judged: readonly Judged[],
  force: boolean,
): void {
  const open = judged.filter(({ verdict }) => verdict !== "done");
  if (open.length === 0) return;
  if (force) makeRoom(site, open);
  const plan = recordInverse(site, open).map((item) => ({ item, names: namesOf(item.path) }));
  const touched = new Set<string>();
  const act = (names: Names, work: (directory: number, name: string) => void) => {
    atPath(site, names, work);
    touched.add(pathText(names.slice(0, -1)));
    site.onStep("changed");
  };
  for (const { item, names } of [...plan].sort(deepestFirst)) {
    if (goesFirst({ ...item, before: item.after, after: item.before })) act(names, take);
  }
  const coming = [...plan].sort(shallowestFirst);
  for (const { item, names } of coming) {
    if (item.after?.type === "dir") act(names, makeDirectory);
  }
  const prepared = coming.flatMap(({ item, names }) => prepare(site, from, item, names));
  // One by one, thousands of files would take minutes on a slow disk.
  const isSynced = prepared.length > fewFiles && withDirectory(site.ground, [], syncFileSystem);
  for (const { names, temporary } of isSynced ? [] : prepared) {
    atPath(site, names, (directory) => syncEntry(directory, temporary));
  }
  for (const { names, temporary } of prepared) {
    act(names, (directory, name) => renameSync(at(directory, temporary), at(directory, name)));
  }
  // A directory may be closed to its owner, so what belongs in it comes first.
  for (const { item, names } of [...plan].sort(deepestFirst)) {
    const { before: now, after } = item;
    const isThere = after?.type === "dir" || (after?.type === "file" && isKeptInPlace(now, after));
    if (after && after.type !== "other" && isThere) act(names, (directory, name) => furnish(directory, name, after));
  }
  for (const path of touched) syncIfThere(site, namesOf(path));
}

function atPath(site: Site, names: Names, work: (directory: number, name: string) => void): void {
  try {
    if (names.length === 0) withDirectory(site.ground, names, (directory) => work(directory, "."));
    else withParent(site.ground, names, work);
  } catch (cause) {
    throw asFault(cause, quoted(names));
  }
}

/** The record of the undo itself: what is there now is kept, what was there before is what comes. */
function recordInverse(site: Site, open: readonly Judged[]): readonly TreeItem[] {
  const number = nextNumber(site.journal);
  const keeping = new Keeping(site.journal, number);
  try {
    const items = open.flatMap(({ item, names }): readonly TreeItem[] => {
      const now = standingNow(site, names, keeping);
      return isSame(now, item.before) ? [] : [{ path: item.path, before: now, after: item.before }];
    });
    keeping.finish();
    const kept = items.map((item) => ({
      ...item,
      after: item.after?.type === "file" ? { ...item.after, kept: null } : item.after,
    }));
    writeRecord(site.journal, number, { kind: "tree", items: kept });
    site.onStep("recorded");
    return items;
  } catch (cause) {
    keeping.discard();
    throw cause;
  }
}

function standingNow(site: Site, names: Names, keeping: Keeping): Standing | null {
  const look = (directory: number, name: string): Standing | null => {
    const sighting = sight(directory, name);
    return sighting ? standingOf(directory, names, sighting, (fd, size) => keeping.keep(fd, size)) : null;
  };
  try {
    if (names.length === 0) return withDirectory(site.ground, names, (directory) => look(directory, "."));
    return withParent(site.ground, names, look);
  } catch (cause) {
    if (isNoPlace(cause)) return null;
    throw cause;
  }
}

/** What stands in the way of what comes back, and in the directories that go, is put aside by itself. */
function makeRoom(site: Site, open: readonly Judged[]): void {
  const known = new Set(open.map(({ item }) => item.path));
  for (const { item, names } of [...open].sort(shallowestFirst)) {
    const isBeneathAnother = names.some((_, depth) => known.has(pathText(names.slice(0, depth))));
    if (item.before !== null && names.length > 0 && !isBeneathAnother) makeDirectories(site, names.slice(0, -1));
    if (item.before?.type === "dir") continue;
    for (const name of childrenNow(site, names)) {
      if (!known.has(pathText([...names, name]))) remove(site, [...names, name], true);
    }
  }
}

/** The names in what is a directory now. */
function childrenNow(site: Site, names: Names): readonly string[] {
  try {
    const isDirectory = withParent(site.ground, names, (directory, name) => inspect(directory, name)?.type === "dir");
    return isDirectory ? withDirectory(site.ground, names, namesIn) : [];
  } catch (cause) {
    if (isNoPlace(cause)) return [];
    throw cause;
  }
}

function take(directory: number, name: string): void {
  const type = inspect(directory, name)?.type;
  if (type === "dir") rmdirSync(at(directory, name));
  else if (type !== undefined) unlinkSync(at(directory, name));
}

function makeDirectory(directory: number, name: string): void {
  if (inspect(directory, name) === undefined) mkdirSync(at(directory, name), 0o700);
}

/** A file or link, complete under a temporary name beside the place it will take. */
function prepare(
  site: Site,
  { journal, number }: { readonly journal: Journal; readonly number: number },
  { before: now, after: wanted }: TreeItem,
  names: Names,
): readonly { readonly names: Names; readonly temporary: string }[] {
  const temporary = temporaryName();
  if (wanted?.type === "link") {
    atPath(site, names, (directory) => {
      const path = at(directory, temporary);
      symlinkSync(encodeName(wanted.target), path);
      give(wanted, inspect(directory, temporary), (user_id, group_id) => lchownSync(path, user_id, group_id));
    });
    return [{ names, temporary }];
  }
  if (wanted?.type !== "file" || isKeptInPlace(now, wanted)) return [];
  if (wanted.kept === null) throw notKept(names);
  atPath(site, names, (directory) =>
    withKept(journal, number, wanted, (fd, offset) => {
      createFile(at(directory, temporary), 0o600, (target) => {
        writeInto(target, fd, wanted.size, offset);
        give(wanted, entryAt(target), (user_id, group_id) => fchownSync(target, user_id, group_id));
        fchmodSync(target, wanted.mode & modeBits("file"));
      });
    }),
  );
  return [{ names, temporary }];
}

/** The content is there already, and only its owner or mode is not. */
function isKeptInPlace(now: Standing | null, wanted: StandingFile): boolean {
  return now?.type === "file" && isSameContent(now, wanted);
}

/** A link has nothing of its own to wait for: the directory's fsync covers it. */
function syncEntry(directory: number, name: string): void {
  if (inspect(directory, name)?.type !== "file") return;
  const fd = openSync(at(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Owner and mode of what is there already, by a descriptor that only names it. */
function furnish(directory: number, name: string, wanted: Owned): void {
  const named = openSync(at(directory, name), nameOnly | constants.O_NOFOLLOW);
  try {
    const entry = entryAt(named);
    if (entry.type === "link") return;
    const path = `/proc/self/fd/${named}`;
    give(wanted, entry, (user_id, group_id) => chownSync(path, user_id, group_id));
    chmodSync(path, wanted.mode & modeBits(entry.type === "dir" ? "dir" : "file"));
  } finally {
    closeSync(named);
  }
}

function give(wanted: Owned, now: Entry | undefined, chown: (user_id: number, group_id: number) => void): void {
  const { user_id, group_id } = wanted;
  if (now === undefined || (now.user_id === user_id && now.group_id === group_id)) return;
  try {
    chown(user_id, group_id);
  } catch (cause) {
    throw new Fault("permission_denied", `what is put back belonged to user ${user_id} and cannot be given back`, {
      hint: "undo it as root, or as that user",
      cause,
    });
  }
}

/** A directory that an earlier step of the undo removed again has nothing to make durable. */
function syncIfThere(site: Site, names: Names): void {
  try {
    withDirectory(site.ground, names, fsyncSync);
  } catch (cause) {
    if (!isNoPlace(cause)) throw cause;
  }
}

function isNoPlace(cause: unknown): boolean {
  return cause instanceof Fault && (cause.code === "not_found" || cause.code === "failed_precondition");
}

/** What goes before anything comes: things that were not there, and things that were of another kind. */
function goesFirst({ before, after }: TreeItem): boolean {
  return after !== null && before?.type !== after.type;
}

function matches(now: PathState, standing: Standing | null): boolean {
  if (standing === null) return now.type === "absent";
  if (standing.type === "other") return now.type === "other" && now.target === undefined;
  if (now.owned && !isSameOwned(now.owned, standing, standing.type)) return false;
  if (standing.type === "link") return now.target === standing.target;
  if (standing.type === "dir") return now.type === "dir";
  return now.type === "file" && standing.sha256 !== null && now.content() === standing.sha256;
}

/** A directory that an undo made again and could not give its mode. */
function isUnfinished(now: PathState, { before, after }: TreeItem): boolean {
  return now.type === "dir" && before?.type === "dir" && after?.type !== "dir";
}

function overlay(view: View, names: Names, standing: Standing): void {
  if (standing.type === "dir") view.overlay(names, { is: "dir", owned: standing });
  else if (standing.type === "link") view.overlay(names, { is: "link", target: standing.target, owned: standing });
  else if (standing.type === "file")
    view.overlay(names, { is: "file", sha256: standing.sha256 ?? "", owned: standing });
}

function notKept(names: Names): Fault {
  return new Fault("failed_precondition", `the former content of ${quoted(names)} was not kept`, {
    hint: "only its mode was changed by the run; look at what changed it since",
  });
}

function namesOf(path: string): Names {
  return path === "." ? [] : path.split("/");
}

type Placed = { readonly names: Names };

function deepestFirst(one: Placed, other: Placed): number {
  return other.names.length - one.names.length;
}

function shallowestFirst(one: Placed, other: Placed): number {
  return one.names.length - other.names.length;
}

/** What a program did: the difference between a snapshot and what is there now, written as one undo record. */
import { chmodSync, closeSync, constants, existsSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { at, entryAt, nameOnly } from "./descend.ts";
import { filesPath, type Journal, type TreeItem, writeRecord } from "./journal.ts";
import { retain } from "./kept.ts";
import { visibleName } from "./name.ts";
import { isPlainName, type Names, pathText } from "./path.ts";
import type { Site } from "./site.ts";
import type { Pending } from "./snapshot.ts";
import { isSame, isSameContent, measure, type Sighting, sight, type Standing, standingOf } from "./standing.ts";
import { sweep } from "./sweep.ts";

export interface Settlement {
  /** Sorted by path, at most a thousand. */
  readonly changed: readonly ChangedPath[];
  /** How many there are in all. */
  readonly total: number;
  /** What the program left that file tools refuse, and what the undo cannot bring back; at most a thousand. */
  readonly unsafe: readonly UnsafePath[];
}

export interface ChangedPath {
  /** Relative to the workspace; characters that cannot be seen are written as escapes. */
  readonly path: string;
  readonly type: "file" | "dir" | "link" | "other";
  readonly kind: "made" | "removed" | "replaced" | "content" | "mode";
}

export interface UnsafePath {
  readonly path: string;
  readonly why:
    | "link"
    | "hard links"
    | "special file"
    | "set-id bits cleared"
    | "opened to its owner"
    | "unspeakable name"
    | "nested too deep"
    | "may not be read"
    | "cannot be brought back"
    | "too many files";
}

const most = 1000;
/** New files beyond these are left out of the record, so that a program cannot fill this process's memory with names. */
const maxNew = 200_000;

/** Compares, writes the record unless nothing changed, and lets go of the contents that are not needed for it. */
export async function settle(
  site: Site,
  number: number,
  pending: Pending,
  pack: string,
  max_new = maxNew,
): Promise<Settlement> {
  const { items, unsafe } = await differences(site, pending, max_new);
  const { journal } = site;
  const wanted = items
    .map((item) => ({ ...item, before: neededOf(item) }))
    .filter(({ before, after }) => before !== null || after !== null);
  if (wanted.length > 0) {
    const kept = retain(
      journal,
      number,
      pack,
      wanted.map(({ before }) => before),
    );
    writeRecord(journal, number, {
      kind: "tree",
      items: wanted.map((item, i) => ({ ...item, before: kept[i] ?? null })),
    });
    dropOthers(journal, number, kept);
    site.onStep("recorded");
  }
  return {
    changed: items.slice(0, most).map(changedOf),
    total: items.length,
    unsafe: unsafe.sort((one, other) => (one.path < other.path ? -1 : 1)).slice(0, most),
  };
}

async function differences(
  site: Site,
  { paths, barred, closed, seen }: Pending,
  max_new: number,
): Promise<{ readonly items: readonly TreeItem[]; readonly unsafe: UnsafePath[] }> {
  const former = new Map(seen.map((each) => [each.path, each]));
  const left = new Set(former.keys());
  const unknown = [...barred, ...closed];
  const [shut, forbidden] = [new Set(barred), site.ground.forbidden()];
  const items: TreeItem[] = [];
  const unsafe: UnsafePath[] = [];
  const tell = (names: Names, why: UnsafePath["why"]) => {
    unsafe.push({ path: visibleName(pathText(names)), why });
  };
  let made = 0;
  await sweep(site.ground, paths.map(namesOf), {
    isBarred: (names, { entry }) => shut.has(pathText(names)) || forbidden.has(entry.identity),
    visit: (directory, names, found) => {
      const path = pathText(names);
      const before = former.get(path);
      left.delete(path);
      if (before && before.print === found.print && !before.doubtful) return;
      if (!before && unknown.some((each) => path.startsWith(`${each}/`))) return;
      // What was there before is compared all the same, however much is new.
      if (!before && ++made > max_new) return;
      const sighting = before?.print === found.print ? found : tame(directory, names, found, tell);
      const after = standingOf(directory, names, sighting, measure);
      if (isSame(before?.standing ?? null, after)) return;
      if (after.type === "file" && after.sha256 === null) tell(names, "may not be read");
      judge(names, sighting, tell);
      items.push({ path, before: before?.standing ?? null, after });
    },
    onClosed: (names, why) => {
      if (why === "depth") tell(names, "nested too deep");
      if (why === "access" && !closed.includes(pathText(names))) tell(names, "may not be read");
    },
  });
  if (made > max_new) tell([], "too many files");
  for (const path of left) {
    const before = former.get(path);
    if (before) items.push({ path, before: before.standing, after: null });
  }
  for (const { path, before } of items) if (before && isLost(before)) tell(namesOf(path), "cannot be brought back");
  return { items: items.sort(byPath), unsafe };
}

/**
 * Takes set-uid and set-gid from a file that has them, and gives the owner back what a program locked him out of, when
 * this process is that owner. Returns how it is then.
 */
function tame(
  directory: number,
  names: Names,
  found: Sighting,
  tell: (names: Names, why: UnsafePath["why"]) => void,
): Sighting {
  const name = names.at(-1) ?? ".";
  const { entry, mode } = found;
  if (entry.type !== "file" && entry.type !== "dir") return found;
  const isFile = entry.type === "file";
  const setId = isFile ? mode & 0o6000 : 0;
  const owner = isFile ? 0o600 : 0o700;
  const isLocked = (mode & owner) !== owner && process.geteuid?.() !== 0 && entry.user_id === process.geteuid?.();
  if (setId === 0 && !isLocked) return found;
  changeMode(directory, name, entry.identity, (mode & ~setId) | (isLocked ? owner : 0));
  if (setId !== 0) tell(names, "set-id bits cleared");
  if (isLocked) tell(names, "opened to its owner");
  return sight(directory, name) ?? found;
}

/** By a descriptor that only names the object: it needs no right to read, and no link can come in between. */
function changeMode(directory: number, name: string, identity: string, mode: number): void {
  const named = openSync(at(directory, name), nameOnly | constants.O_NOFOLLOW);
  try {
    if (entryAt(named).identity !== identity) return;
    chmodSync(`/proc/self/fd/${named}`, mode);
  } finally {
    closeSync(named);
  }
}

function judge(names: Names, { entry }: Sighting, tell: (names: Names, why: UnsafePath["why"]) => void): void {
  if (entry.type === "link") tell(names, "link");
  if (entry.type === "other") tell(names, "special file");
  if (entry.type === "file" && entry.links > 1) tell(names, "hard links");
  if (names.length > 0 && !isPlainName(names.at(-1) ?? "")) tell(names, "unspeakable name");
}

/** The former standing as far as the undo needs and has it: a content that is still there is not kept twice. */
function neededOf({ before, after }: TreeItem): Standing | null {
  if (before === null || isLost(before)) return null;
  if (before.type === "file" && after?.type === "file" && isSameContent(before, after))
    return { ...before, kept: null };
  return before;
}

/** What nothing was kept of. */
function isLost(before: Standing): boolean {
  return before.type === "other" || (before.type === "file" && before.sha256 === null);
}

function changedOf({ path, before, after }: TreeItem): ChangedPath {
  const type = (after ?? before)?.type ?? "other";
  return { path: visibleName(path), type, kind: kindOf(before, after) };
}

function kindOf(before: Standing | null, after: Standing | null): ChangedPath["kind"] {
  if (before === null) return "made";
  if (after === null) return "removed";
  if (before.type !== after.type || before.type === "link") return "replaced";
  return before.type === "file" && after.type === "file" && !isSameContent(before, after) ? "content" : "mode";
}

function dropOthers(journal: Journal, number: number, standings: readonly (Standing | null)[]): void {
  const directory = filesPath(journal, number);
  if (!existsSync(directory)) return;
  const wanted = new Set(
    standings.flatMap((each) => (each?.type === "file" && each.kept?.in === "files" ? [each.kept.name] : [])),
  );
  for (const name of readdirSync(directory)) if (!wanted.has(name)) rmSync(join(directory, name));
}

function namesOf(path: string): Names {
  return path === "." ? [] : path.split("/");
}

function byPath(one: TreeItem, other: TreeItem): number {
  return one.path < other.path ? -1 : 1;
}

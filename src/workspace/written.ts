/** Which files a run wrote, read from its undo records: what the last of them says each holds. */
import type { Change, Journal } from "./journal.ts";
import { readRecords } from "./journal.ts";

export interface WrittenFile {
  /** Relative to the workspace; names no path can spell are in it as they are on disk. */
  readonly path: string;
  readonly sha256: string;
  readonly size: number | null;
  /** What the file held whose beginning or remains may be in this one; null for content that is wholly the run's. */
  readonly of_sha256: string | null;
}

/** A directory that was moved, with whatever lay in it. */
export interface MovedDirectory {
  readonly from: string;
  readonly to: string;
}

/** Files by path as the records with a number above `after` leave them, directories moved, oldest first, and the number of the newest record. */
export function writtenFiles(
  journal: Journal,
  after = 0,
): { readonly files: readonly WrittenFile[]; readonly moved: readonly MovedDirectory[]; readonly last: number } {
  const found = new Map<string, WrittenFile>();
  const records = readRecords(journal).filter(({ number }) => number > after);
  for (const { change } of records.toReversed()) follow(found, change);
  const moved = records.toReversed().flatMap(({ change }) => {
    return change.kind === "move" && change.mark.type === "dir" ? [{ from: change.from, to: change.to }] : [];
  });
  return { files: [...found.values()].sort(byPath), moved, last: records[0]?.number ?? after };
}

function follow(found: Map<string, WrittenFile>, change: Change): void {
  switch (change.kind) {
    case "content": {
      const { path, before, after } = change;
      // Without a blob the former content is the beginning of this one.
      const of_sha256 = before?.blob === null ? before.sha256 : null;
      found.set(path, { path, ...after, of_sha256 });
      return;
    }
    case "remove":
      for (const path of beneath(found, change.path)) found.delete(path);
      return;
    case "appear":
      if (change.mark.type === "file") {
        found.set(change.path, { path: change.path, sha256: change.mark.sha256, size: null, of_sha256: null });
      }
      return;
    case "move": {
      for (const path of beneath(found, change.from)) {
        const file = found.get(path);
        const to = `${change.to}${path.slice(change.from.length)}`;
        found.delete(path);
        if (file) found.set(to, { ...file, path: to });
      }
      const { to, mark } = change;
      if (mark.type === "file" && !found.has(to)) {
        found.set(to, { path: to, sha256: mark.sha256, size: null, of_sha256: mark.sha256 });
      }
      return;
    }
    case "tree":
      for (const { path, before, after } of change.items) {
        if (after?.type === "file" && after.sha256 !== null) {
          const of_sha256 = before?.type === "file" ? before.sha256 : null;
          found.set(path, { path, sha256: after.sha256, size: after.size, of_sha256 });
        } else found.delete(path);
      }
  }
}

function beneath(found: ReadonlyMap<string, WrittenFile>, path: string): readonly string[] {
  return [...found.keys()].filter((each) => each === path || each.startsWith(`${path}/`));
}

function byPath(one: WrittenFile, other: WrittenFile): number {
  return one.path < other.path ? -1 : 1;
}

/** The file handle of one call: every path goes through the lexical guard, then past the decision, then down by descriptors. */
import { closeSync, readSync } from "node:fs";
import { asFault, Fault } from "../core/fault.ts";
import type { FileFacts, WorkspaceHandle } from "../define/handles.ts";
import { type Entry, entryAt, inspect, isForbidden, openFile, quoted, withDirectory, withParent } from "./descend.ts";
import { isPlainName, isStateName, type Names, pathText } from "./path.ts";
import { move, remove } from "./relocate.ts";
import { makeDirectories, writeFile } from "./rewrite.ts";
import { presentEntry, type Site } from "./site.ts";
import { namesIn } from "./tree.ts";

/** Time of looking, and of what is done with each file found, after which a deadline or an interruption gets its turn. */
const turnMs = 20;

export function handleOn(site: Site, parse: (path: string) => Names): WorkspaceHandle {
  const { ground } = site;

  /** Translates what the operating system says, and turns the descent into a promise that rejects. */
  const act = async <T>(path: string, run: (names: Names) => T): Promise<T> => {
    const names = parse(path);
    try {
      return run(names);
    } catch (cause) {
      throw asFault(cause, quoted(names));
    }
  };

  const look = <T>(path: string, run: (names: Names) => T): Promise<T> =>
    act(path, (names) => {
      site.require("read", names);
      return run(names);
    });

  const permits = (names: Names): boolean => {
    try {
      site.require("read", names);
      return true;
    } catch (cause) {
      if (cause instanceof Fault && cause.code === "permission_denied") return false;
      throw cause;
    }
  };

  /** The entries of a directory in name order, without Reeve's state and what the decision does not cover. */
  const entriesOf = (names: Names): readonly (readonly [Names, Entry])[] =>
    withDirectory(ground, names, (directory) => {
      const forbidden = ground.forbidden();
      return namesIn(directory).flatMap((name) => {
        const entry = isStateName(name) ? undefined : inspect(directory, name);
        return entry === undefined || forbidden.has(entry.identity) ? [] : [[[...names, name], entry] as const];
      });
    });

  /** Where a walk begins: a directory, or a single file. */
  const startOf = (names: Names): readonly [Names, Entry] => {
    if (names.length === 0) return [names, withDirectory(ground, names, entryAt)];
    return withParent(ground, names, (directory) => {
      const entry = presentEntry(directory, names);
      if (ground.forbidden().has(entry.identity)) throw isForbidden(names);
      return [names, entry];
    });
  };

  return {
    relative: (path) => pathText(parse(path)),

    stat: (path) =>
      look(path, (names) => {
        if (names.length === 0) return factsOf(names, withDirectory(ground, names, entryAt));
        return unlessMissing(() =>
          withParent(ground, names, (directory) => {
            const entry = presentEntry(directory, names);
            if (ground.forbidden().has(entry.identity)) throw isForbidden(names);
            return factsOf(names, entry);
          }),
        );
      }),

    read: (path, max_bytes) =>
      look(path, (names) =>
        withParent(ground, names, (directory) => {
          const opened = openFile(directory, names, "read");
          if (opened === undefined) {
            throw new Fault("not_found", `${quoted(names)}: no such file or directory`, { hint: "check the path" });
          }
          try {
            return { bytes: readStart(opened.fd, Math.min(max_bytes, opened.entry.size)), size: opened.entry.size };
          } finally {
            closeSync(opened.fd);
          }
        }),
      ),

    list: (path) =>
      look(path, (names) =>
        entriesOf(names).flatMap(([child, entry]) => (permits(child) ? [factsOf(child, entry)] : [])),
      ),

    async *walk(path, { signal, skip }) {
      const start = parse(path);
      const skipped = new Set(skip);
      const pending = [await look(path, () => startOf(start))];
      let turn_began = performance.now();
      for (let next = pending.pop(); next; next = pending.pop()) {
        if (signal.aborted) throw asFault(signal.reason, "walk");
        const [names, entry] = next;
        if (entry.type === "dir") {
          if (names === start || !skipped.has(names.at(-1) ?? "")) {
            const entries = names === start ? entriesOf(names) : unlessGone(() => entriesOf(names));
            for (const each of entries.toReversed()) pending.push(each);
          }
        } else if (isReadable(names, entry) && permits(names)) {
          yield factsOf(names, entry);
        }
        if (performance.now() - turn_began > turnMs) {
          await new Promise((resolve) => setImmediate(resolve));
          turn_began = performance.now();
        }
      }
    },

    write: (path, bytes, options) =>
      act(path, (names) => writeFile(site, names, bytes, { mode: "replace", ...options })),

    makeDirectory: (path) => act(path, (names) => makeDirectories(site, names)),

    remove: (path, { recursive }) => act(path, (names) => remove(site, names, recursive)),

    move: (from, to, { overwrite }) => act(from, (names) => move(site, names, parse(to), overwrite)),
  };
}

function factsOf(names: Names, entry: Entry): FileFacts {
  const type = entry.type === "file" && !isReadable(names, entry) ? "other" : entry.type;
  return {
    path: pathText(names),
    name: names.at(-1) ?? ".",
    type: type === "link" ? "other" : type,
    size: entry.type === "dir" ? 0 : entry.size,
    modified_ms: entry.modified_ms,
  };
}

/** False for what `read` would refuse: links, special files, several hard links, names no path can spell. */
function isReadable(names: Names, entry: Entry): boolean {
  return entry.type === "file" && entry.links === 1 && isPlainName(names.at(-1) ?? "");
}

function readStart(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let have = 0;
  while (have < size) {
    const got = readSync(fd, bytes, have, size - have, have);
    if (got === 0) break;
    have += got;
  }
  return bytes.subarray(0, have);
}

/** A directory that vanished, was swapped or may not be opened during a walk has nothing to show. */
function unlessGone(entries: () => readonly (readonly [Names, Entry])[]): readonly (readonly [Names, Entry])[] {
  try {
    return entries();
  } catch (cause) {
    const { code } = asFault(cause);
    if (code === "not_found" || code === "permission_denied" || code === "failed_precondition") return [];
    throw cause;
  }
}

function unlessMissing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (cause) {
    if (asFault(cause).code === "not_found") return undefined;
    throw cause;
  }
}

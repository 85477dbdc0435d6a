/** Removing, moving and putting back: whole files and directories change their place by one rename. */
import { closeSync, fsyncSync, renameSync } from "node:fs";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { temporaryName } from "./content.ts";
import {
  at,
  type Entry,
  entryAt,
  inspect,
  openChild,
  openFile,
  quoted,
  requirePlain,
  withDirectory,
  withParent,
} from "./descend.ts";
import { blobName, blobPath, type Change, type Journal, type Mark, nextNumber, writeRecord } from "./journal.ts";
import { isWithin, type Names, pathText } from "./path.ts";
import { exists, hashOf, keepFormer, presentEntry, record, type Site } from "./site.ts";
import { copyTree, namesIn, removeTree, survey, withAbsolute } from "./tree.ts";

const copySuffix = ".copy";

/** Removes a file, or with `recursive` a directory and all that is in it, into the undo area. Returns what it was. */
export function remove(site: Site, names: Names, recursive: boolean): "file" | "dir" {
  site.require("delete", names);
  return withParent(site.ground, names, (directory, name) => {
    const entry = presentEntry(directory, names);
    if (entry.type === "dir") {
      if (!recursive) {
        throw new Fault("failed_precondition", `${quoted(names)} is a directory`, {
          hint: "pass recursive to remove it with its contents",
        });
      }
      surveyDirectory(site, directory, names, (path) => site.require("delete", path));
    }
    const type = entry.type === "dir" ? "dir" : "file";
    const number = nextNumber(site.journal);
    const blob = blobName(number, "removed");
    writeRecord(site.journal, number, {
      kind: "remove",
      path: pathText(names),
      type,
      blob,
    });
    site.onStep("recorded");
    carryOut(site, directory, name, blob);
    site.onStep("changed");
    return type;
  });
}

/**
 * Moves a file or directory. What may not be read may not be moved either: its new place might be one that may. With `overwrite` a file may take the place of a file and a directory that of an empty one,
 * in one step; anything else in the way is refused.
 */
export function move(site: Site, from: Names, to: Names, overwrite: boolean): "file" | "dir" {
  for (const access of ["delete", "read"] as const) site.require(access, from);
  site.require("write", to);
  return withParent(site.ground, from, (source, fromName) =>
    withParent(site.ground, to, (target, toName) => {
      const entry = presentEntry(source, from);
      const type = entry.type === "dir" ? "dir" : "file";
      if (from.length === to.length && isWithin(to, from)) return type;
      if (isWithin(to, from)) {
        throw new Fault("invalid_argument", `${quoted(from)} cannot be moved into itself`, {
          hint: "choose a destination outside it",
        });
      }
      if (type === "dir") {
        surveyDirectory(site, source, from, (path) => {
          for (const access of ["delete", "read"] as const) site.require(access, path);
          site.require("write", [...to, ...path.slice(from.length)]);
        });
      }
      const mark = markOf(source, from, entry, entry);
      const number = nextNumber(site.journal);
      const replaced = keepReplaced(site, number, target, to, type, overwrite);
      writeRecord(site.journal, number, { kind: "move", from: pathText(from), to: pathText(to), mark, replaced });
      site.onStep("recorded");
      rename(source, fromName, target, toName, to);
      site.onStep("changed");
      return type;
    }),
  );
}

/** Puts back what `remove` carried out. Nothing may be in its place. */
export function putBack(site: Site, names: Names, journal: Journal, kept: string): void {
  withParent(site.ground, names, (directory, name) => {
    if (inspect(directory, name)) throw exists(names);
    withAbsolute(journal.directory, (area) => {
      const entry = presentEntry(area, [kept]);
      record(site, { kind: "appear", path: pathText(names), mark: markOf(area, [kept], entry, entryAt(directory)) });
      try {
        renameSync(at(area, kept), at(directory, name));
      } catch (cause) {
        if (systemErrorName(cause) !== "EXDEV") throw asFault(cause, quoted(names));
        copyBack(site, area, kept, directory, name);
      }
      fsyncSync(area);
      fsyncSync(directory);
      site.onStep("changed");
    });
  });
}

/** What `remove` kept under `blob`, as a name in the undo area; undefined when that removal never happened. */
export function keptName(journal: Journal, blob: string, stillThere: boolean): string | undefined {
  return withAbsolute(journal.directory, (area) => {
    if (inspect(area, blob)) return blob;
    return !stillThere && inspect(area, copyName(blob)) ? copyName(blob) : undefined;
  });
}

/** The kept tree first loses the name that proves its removal, so a crash after the last step is not seen as a change. */
function copyBack(site: Site, area: number, kept: string, directory: number, name: string): void {
  const source = kept.endsWith(copySuffix) ? kept : copyName(kept);
  if (source !== kept) renameSync(at(area, kept), at(area, source));
  const temporary = temporaryName();
  try {
    copyTree(area, source, directory, temporary);
  } catch (cause) {
    removeTree(directory, temporary);
    throw cause;
  }
  site.onStep("copied");
  renameSync(at(directory, temporary), at(directory, name));
  fsyncSync(directory);
  removeTree(area, source);
}

function copyName(blob: string): string {
  return `${blob}${copySuffix}`;
}

function keepReplaced(
  site: Site,
  number: number,
  directory: number,
  names: Names,
  type: "file" | "dir",
  overwrite: boolean,
): Extract<Change, { kind: "move" }>["replaced"] {
  const entry = inspect(directory, names.at(-1) ?? "");
  if (entry === undefined) return null;
  requirePlain(entry, names);
  if (!overwrite) throw exists(names);
  if (entry.type !== type) {
    throw new Fault("failed_precondition", `${quoted(names)} is a ${entry.type === "dir" ? "directory" : "file"}`, {
      hint: "a file can only replace a file, a directory only an empty directory",
    });
  }
  if (type === "dir") {
    withDirectory(site.ground, names, (child) => {
      if (namesIn(child).length > 0) throw notEmpty(names);
    });
    return { type };
  }
  const former = openFile(directory, names, "replace");
  if (former === undefined) return null;
  try {
    return { type, ...keepFormer(site, number, former, undefined) };
  } finally {
    closeSync(former.fd);
  }
}

/** Into the undo area by one rename, or, when that is on another file system, by a copy and a rename out of sight. */
function carryOut(site: Site, directory: number, name: string, blob: string): void {
  const kept = blobPath(site.journal, blob);
  try {
    renameSync(at(directory, name), kept);
  } catch (cause) {
    if (systemErrorName(cause) !== "EXDEV") throw asFault(cause, JSON.stringify(name));
    withAbsolute(site.journal.directory, (area) => {
      const partial = temporaryName();
      try {
        copyTree(directory, name, area, partial);
      } catch (reason) {
        removeTree(area, partial);
        throw reason;
      }
      // The copy gets its final name only once the original is out of sight, so that name proves the removal.
      renameSync(at(area, partial), at(area, copyName(blob)));
      fsyncSync(area);
      site.onStep("copied");
      const temporary = temporaryName();
      renameSync(at(directory, name), at(directory, temporary));
      fsyncSync(directory);
      site.onStep("hidden");
      renameSync(at(area, copyName(blob)), at(area, blob));
      removeTree(directory, temporary);
    });
  }
  fsyncSync(directory);
  withAbsolute(site.journal.directory, fsyncSync);
}

function rename(source: number, fromName: string, target: number, toName: string, to: Names): void {
  try {
    renameSync(at(source, fromName), at(target, toName));
  } catch (cause) {
    if (systemErrorName(cause) === "EXDEV") {
      throw new Fault("failed_precondition", `${quoted(to)} is on another file system`, {
        hint: "write a copy there and delete the original",
        cause,
      });
    }
    throw asFault(cause, quoted(to));
  }
  fsyncSync(target);
  fsyncSync(source);
}

function surveyDirectory(site: Site, parent: number, names: Names, visit: (names: Names) => void): void {
  const forbidden = site.ground.forbidden();
  const directory = openChild(parent, names, forbidden);
  try {
    survey(directory, names, forbidden, visit);
  } finally {
    closeSync(directory);
  }
}

/** A directory keeps its identity only while it stays on its device. */
function markOf(parent: number, names: Names, entry: Entry, destination: Entry): Mark {
  if (entry.type !== "dir") return { type: "file", sha256: hashOf(parent, names) };
  return { type: "dir", identity: deviceOf(entry) === deviceOf(destination) ? entry.identity : null };
}

function deviceOf(entry: Entry): string {
  return entry.identity.slice(0, entry.identity.indexOf(":"));
}

function notEmpty(names: Names): Fault {
  return new Fault("failed_precondition", `${quoted(names)} is a directory that is not empty`, {
    hint: "delete it first",
  });
}

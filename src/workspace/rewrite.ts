/** Writing files and making directories: a complete file takes the place of the old one, never a part of it. */
import { closeSync, fsyncSync, mkdirSync } from "node:fs";
import { Fault } from "../core/fault.ts";
import {
  type Content,
  contentOf,
  contentOfBytes,
  discardFile,
  type PreparedFile,
  placeFile,
  prepareFile,
  type Sink,
} from "./content.ts";
import { at, inspect, type OpenedFile, openFile, quoted, requirePlain, withDirectory, withParent } from "./descend.ts";
import { type Change, type FormerFile, nextNumber, writeRecord } from "./journal.ts";
import { giveDirectory, newOwner } from "./owner.ts";
import { type Names, pathText } from "./path.ts";
import { exists, keepFormer, record, type Site } from "./site.ts";

export interface WriteOptions {
  readonly mode: "replace" | "append" | "create";
  /** The bytes the file must still have. */
  readonly expected?: Uint8Array;
}

/** Writes a file whole, or appends to it by writing the whole anew. */
export function writeFile(site: Site, names: Names, bytes: Uint8Array, options: WriteOptions): void {
  site.require("write", names);
  withParent(site.ground, names, (directory) => {
    const former = openFile(directory, names, "replace");
    try {
      if (options.mode === "create" && former) throw exists(names);
      if (options.expected) requireContent(former, contentOfBytes(options.expected), names);
      replace(site, directory, names, former, options.mode === "append" ? "prefix" : "blob", (sink) => {
        const kept = options.mode === "append" && former ? sink.file(former.fd) : undefined;
        sink.bytes(bytes);
        return kept;
      });
    } finally {
      if (former) closeSync(former.fd);
    }
    site.onStep("changed");
  });
}

/** Gives a file the content of a kept one, from its beginning. Mode and owner are for a file that is new. */
export function restoreFile(site: Site, names: Names, source: number, kept: FormerFile): void {
  withParent(site.ground, names, (directory) => {
    const former = openFile(directory, names, "replace");
    try {
      replace(
        site,
        directory,
        names,
        former,
        "blob",
        (sink) => {
          sink.file(source, kept.size);
          return undefined;
        },
        kept,
      );
    } finally {
      if (former) closeSync(former.fd);
    }
    site.onStep("changed");
  });
}

/** Makes a directory and those above it that are missing. */
export function makeDirectories(site: Site, names: Names): void {
  site.require("write", names);
  for (let depth = 1; depth <= names.length; depth++) {
    const path = names.slice(0, depth);
    withParent(site.ground, path, (directory, name) => {
      const entry = inspect(directory, name);
      if (entry?.type === "dir") return;
      if (entry) requirePlain(entry, path);
      if (entry) throw new Fault("failed_precondition", `${quoted(path)} is a file`, { hint: "choose another name" });
      site.require("write", path);
      record(site, { kind: "appear", path: pathText(path), mark: { type: "dir", identity: null } });
      mkdirSync(at(directory, name), 0o777);
      giveDirectory(directory, name, newOwner(site.ground));
      fsyncSync(directory);
      site.onStep("changed");
    });
  }
  // Also refuses a last component that is a forbidden directory.
  withDirectory(site.ground, names, () => undefined);
}

/** The prepared file takes its place after the former content is kept and the change recorded. */
function replace(
  site: Site,
  directory: number,
  names: Names,
  former: OpenedFile | undefined,
  keep: "blob" | "prefix",
  fill: (sink: Sink) => Content | undefined,
  like?: FormerFile,
): void {
  let prefix: Content | undefined;
  const isRoot = process.geteuid?.() === 0;
  const owner = isRoot && like?.owner ? like.owner : newOwner(site.ground);
  const prepared = prepareFile(
    directory,
    { former: former?.entry, owner, ...(like === undefined ? {} : { mode: like.mode }) },
    (sink) => {
      prefix = fill(sink);
    },
  );
  try {
    site.onStep("prepared");
    const number = nextNumber(site.journal);
    const before = former && keepFormer(site, number, former, keep === "prefix" ? prefix : undefined);
    writeRecord(site.journal, number, contentChange(names, before, prepared));
    site.onStep("recorded");
  } catch (cause) {
    discardFile(directory, prepared);
    throw cause;
  }
  placeFile(directory, prepared, names.at(-1) ?? "");
}

function contentChange(names: Names, before: FormerFile | undefined, { sha256, size }: PreparedFile): Change {
  return { kind: "content", path: pathText(names), before: before ?? null, after: { sha256, size } };
}

function requireContent(former: OpenedFile | undefined, expected: Content, names: Names): void {
  if (former && contentOf(former.fd).sha256 === expected.sha256) return;
  throw new Fault("failed_precondition", `${quoted(names)} changed since it was read`, {
    hint: "read it again and repeat the change",
  });
}

/**
 * What every mutation of a workspace shares. Each has the same order: check, keep the former content, write a durable
 * record of what will change, then change it in one step. Killed before that step nothing has changed; after it, all has.
 */
import { closeSync } from "node:fs";
import { Fault } from "../core/fault.ts";
import { type Content, contentOf, copyInto } from "./content.ts";
import { type Ground, inspect, type OpenedFile, openFile, quoted, type Entry, requirePlain } from "./descend.ts";
import { blobName, blobPath, type Change, type FormerFile, type Journal, nextNumber, writeRecord } from "./journal.ts";
import type { Names } from "./path.ts";

export type Access = "read" | "write" | "delete";

/** Where mutations happen, on whose account, and who is asked about each path. */
export interface Site {
  readonly ground: Ground;
  readonly journal: Journal;
  /** Throws when the decision does not cover the path. */
  readonly require: (access: Access, names: Names) => void;
  /** Told each step as it is reached; the crash tests end the process there. */
  readonly onStep: (step: Step) => void;
}

export type Step = "prepared" | "recorded" | "copied" | "hidden" | "changed";

/** Writes the record of a change that keeps nothing. */
export function record(site: Site, change: Change): void {
  writeRecord(site.journal, nextNumber(site.journal), change);
  site.onStep("recorded");
}

/** Keeps a file's content for the undo: a copy, or only its measure when what comes after begins with it. */
export function keepFormer(site: Site, number: number, former: OpenedFile, prefix: Content | undefined): FormerFile {
  const { mode, user_id, group_id } = former.entry;
  const owner = { user_id, group_id };
  if (prefix) return { ...prefix, mode, owner, blob: null };
  const blob = blobName(number, "before");
  return { ...copyInto(former.fd, blobPath(site.journal, blob), 0o600), mode, owner, blob };
}

/** The entry that must exist and be a plain file or a directory. */
export function presentEntry(directory: number, names: Names): Entry {
  const entry = inspect(directory, names.at(-1) ?? "");
  if (entry === undefined) {
    throw new Fault("not_found", `${quoted(names)}: no such file or directory`, { hint: "check the path" });
  }
  requirePlain(entry, names);
  return entry;
}

/** SHA-256 of a plain file. */
export function hashOf(directory: number, names: Names): string {
  const opened = openFile(directory, names, "read");
  if (opened === undefined) throw new Fault("not_found", `${quoted(names)} vanished`, { hint: "check the path" });
  try {
    return contentOf(opened.fd).sha256;
  } finally {
    closeSync(opened.fd);
  }
}

export function exists(names: Names): Fault {
  return new Fault("already_exists", `${quoted(names)} already exists`, {
    hint: "choose another name, or pass overwrite",
  });
}

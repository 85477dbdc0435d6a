/**
 * Undo records: what a mutation is about to change, written durably before it happens. One numbered file per mutation
 * under the run's own directory, with the former content beside it; a record is never edited, only marked as undone.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { syncDirectory, writeAtomic } from "../core/atomic.ts";
import { parseJson } from "../core/canonical.ts";
import { asFault, Fault } from "../core/fault.ts";
import { check } from "../core/schema.ts";
import { standingSchema } from "./standing.ts";

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const path = v.pipe(v.string(), v.minLength(1));
const blob = v.pipe(v.string(), v.regex(/^[0-9]{6,9}\.(?:before|removed)$/));

/** A file's former content. Without a blob it is the first `size` bytes of what came after (an append). */
const formerFile = v.strictObject({
  sha256: digest,
  size: count,
  mode: count,
  blob: v.nullable(blob),
  /** Absent in records of the versions before it was kept. */
  owner: v.optional(v.strictObject({ user_id: count, group_id: count })),
});

/** What must still be found for the undo to be certain: a file by its content, a directory by `device:inode`. */
const mark = v.variant("type", [
  v.strictObject({ type: v.literal("file"), sha256: digest }),
  v.strictObject({ type: v.literal("dir"), identity: v.nullable(v.string()) }),
]);

const change = v.variant("kind", [
  v.strictObject({
    kind: v.literal("content"),
    path,
    before: v.nullable(formerFile),
    after: v.strictObject({ sha256: digest, size: count }),
  }),
  v.strictObject({ kind: v.literal("remove"), path, type: v.picklist(["file", "dir"]), blob }),
  v.strictObject({ kind: v.literal("appear"), path, mark }),
  v.strictObject({
    kind: v.literal("move"),
    from: path,
    to: path,
    mark,
    replaced: v.nullable(
      v.variant("type", [
        v.strictObject({ type: v.literal("file"), ...formerFile.entries }),
        v.strictObject({ type: v.literal("dir") }),
      ]),
    ),
  }),
]);

/** One path of a tree that was changed as a whole, `.` for the workspace itself; its names need not be ones a path can spell. */
const treeItem = v.strictObject({ path, before: v.nullable(standingSchema), after: v.nullable(standingSchema) });

/** What a program, or the undo of one, did to many paths; contents are kept in `<number>.kept` and `<number>.files`. */
const tree = v.strictObject({ kind: v.literal("tree"), items: v.array(treeItem) });

const record = v.variant("v", [
  v.strictObject({ v: v.literal(1), call_id: v.string(), at_ms: count, change }),
  v.strictObject({ v: v.literal(2), call_id: v.string(), at_ms: count, change: tree }),
]);

export type FormerFile = v.InferOutput<typeof formerFile>;
export type Mark = v.InferOutput<typeof mark>;
export type TreeItem = v.InferOutput<typeof treeItem>;
export type TreeChange = v.InferOutput<typeof tree>;
/** A change of one path, or of two by a move. */
export type SingleChange = v.InferOutput<typeof change>;
export type Change = SingleChange | TreeChange;

export interface UndoRecord {
  readonly number: number;
  readonly at_ms: number;
  readonly change: Change;
}

export interface Journal {
  readonly directory: string;
  readonly call_id: string;
}

/** The journal of a run; its directory is made when the first record is. Throws `invalid_argument` for a bad run id. */
export function journalOf(undo: string, run_id: string, call_id: string): Journal {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(run_id)) {
    throw new Fault("invalid_argument", `${JSON.stringify(run_id)} is not a run id`, { hint: "see reeve runs list" });
  }
  return { directory: join(undo, run_id), call_id };
}

/** The number the next record gets; the directory exists afterwards. */
export function nextNumber(journal: Journal): number {
  mkdirSync(journal.directory, { recursive: true, mode: 0o700 });
  return 1 + readdirSync(journal.directory).reduce((most, name) => Math.max(most, numberOf(name)), 0);
}

export function blobName(number: number, kind: "before" | "removed"): string {
  return `${digits(number)}.${kind}`;
}

export function keptPath(journal: Journal, number: number): string {
  return join(journal.directory, `${digits(number)}.kept`);
}

export function filesPath(journal: Journal, number: number): string {
  return join(journal.directory, `${digits(number)}.files`);
}

export function recordPath(journal: Journal, number: number): string {
  return join(journal.directory, `${digits(number)}.json`);
}

export function blobPath(journal: Journal, name: string): string {
  return join(journal.directory, name);
}

/** Durable when it returns. */
export function writeRecord(journal: Journal, number: number, what: Change): void {
  const body = { v: what.kind === "tree" ? 2 : 1, call_id: journal.call_id, at_ms: Date.now(), change: what };
  writeAtomic(recordPath(journal, number), `${JSON.stringify(body)}\n`);
  syncDirectory(join(journal.directory, ".."));
}

/** The records not yet undone, newest first. Throws `data_loss` naming a record that cannot be read. */
export function readRecords(journal: Journal): readonly UndoRecord[] {
  if (lstatSync(journal.directory, { throwIfNoEntry: false }) === undefined) return [];
  const names = readdirSync(journal.directory).filter((name) => /^[0-9]{6,9}\.json$/.test(name));
  return names
    .map((name) => ({ number: numberOf(name), ...readRecord(join(journal.directory, name)) }))
    .sort((a, b) => b.number - a.number);
}

/** A record marked as undone is not read again. */
export function markUndone(journal: Journal, number: number): void {
  const name = join(journal.directory, digits(number));
  renameSync(`${name}.json`, `${name}.undone.json`);
  syncDirectory(journal.directory);
}

function readRecord(file: string): Pick<UndoRecord, "at_ms" | "change"> {
  try {
    return check(record, parseJson(readFileSync(file, "utf8"), "undo record"), "undo record");
  } catch (cause) {
    if (!(cause instanceof Fault)) throw asFault(cause, file);
    throw new Fault("data_loss", `${file} is damaged: ${cause.message}`, {
      hint: "restore it from a backup, or move it away to give up undoing that change",
      cause,
    });
  }
}

function digits(number: number): string {
  return String(number).padStart(6, "0");
}

function numberOf(name: string): number {
  const [, number] = /^([0-9]{6,9})\./.exec(name) ?? [];
  return number === undefined ? 0 : Number(number);
}

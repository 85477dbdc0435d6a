/** What stands at a name, in full: enough to tell later whether it is the same, and to make it again. */
import { closeSync, lstatSync, readlinkSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import * as v from "valibot";
import { systemErrorName } from "../core/fault.ts";
import { contentOf } from "./content.ts";
import { at, type Entry, entryOf, openFile } from "./descend.ts";
import { decodeName } from "./name.ts";
import type { Names } from "./path.ts";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const owned = { mode: count, user_id: count, group_id: count };

/** Where a former content is kept: from an offset of the record's `.kept`, or as a file of its own in `.files`. */
const place = v.variant("in", [
  v.strictObject({ in: v.literal("pack"), offset: count }),
  v.strictObject({ in: v.literal("files"), name: v.pipe(v.string(), v.regex(/^[0-9]{1,9}$/)) }),
]);

/** A file that could not be read has no SHA-256. `other` is a special file, which nothing can make again. */
export const standingSchema = v.variant("type", [
  v.strictObject({
    type: v.literal("file"),
    sha256: v.nullable(digest),
    size: count,
    kept: v.nullable(place),
    ...owned,
  }),
  v.strictObject({ type: v.literal("dir"), ...owned }),
  v.strictObject({ type: v.literal("link"), target: v.string(), ...owned }),
  v.strictObject({ type: v.literal("other") }),
]);

export type Standing = v.InferOutput<typeof standingSchema>;
export type StandingFile = Extract<Standing, { readonly type: "file" }>;
export type Owned = Pick<StandingFile, "mode" | "user_id" | "group_id">;
export type KeptPlace = v.InferOutput<typeof place>;

/** What `lstat` says of a name. */
export interface Sighting {
  readonly entry: Entry;
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  /** Changes with every change of content, mode, owner or file: the kernel's own change time is in it. */
  readonly print: string;
  readonly changed_ns: bigint;
}

export function sight(directory: number, name: string): Sighting | undefined {
  const stats = lstatSync(at(directory, name), { bigint: true, throwIfNoEntry: false });
  return stats && sightingOf(stats);
}

function sightingOf(stats: BigIntStats): Sighting {
  const { dev, ino, size, mtimeNs, ctimeNs, mode, uid, gid } = stats;
  return {
    entry: entryOf(stats),
    mode: Number(mode) & 0o7777,
    print: `${dev}:${ino} ${size} ${mtimeNs} ${ctimeNs} ${mode} ${uid}:${gid}`,
    changed_ns: ctimeNs,
  };
}

/** What stands there; `keep` is given each regular file that can be read, opened, and says what is kept of it. */
export function standingOf(
  directory: number,
  names: Names,
  { entry, mode }: Sighting,
  keep: (fd: number, size: number) => Pick<StandingFile, "sha256" | "size" | "kept">,
): Standing {
  const { user_id, group_id } = entry;
  const name = names.at(-1) ?? ".";
  if (entry.type === "dir") return { type: "dir", mode, user_id, group_id };
  if (entry.type === "link") return { type: "link", target: linkTarget(directory, name), mode, user_id, group_id };
  if (entry.type === "other") return { type: "other" };
  return { type: "file", ...readable(directory, names, entry, keep), mode, user_id, group_id };
}

export function linkTarget(directory: number, name: string): string {
  return decodeName(readlinkSync(at(directory, name), { encoding: "buffer" }));
}

/** Measures a file and keeps nothing of it. */
export function measure(fd: number): Pick<StandingFile, "sha256" | "size" | "kept"> {
  return { ...contentOf(fd), kept: null };
}

/** Whether two standings are the same to whoever looks at them; where contents are kept does not matter. */
export function isSame(one: Standing | null, other: Standing | null): boolean {
  if (one === null || other === null) return one === other;
  if (one.type === "file" && other.type === "file")
    return isSameContent(one, other) && isSameOwned(one, other, one.type);
  if (one.type === "dir" && other.type === "dir") return isSameOwned(one, other, one.type);
  if (one.type === "link" && other.type === "link")
    return one.target === other.target && isSameOwned(one, other, one.type);
  return one.type === other.type;
}

export function isSameContent(one: StandingFile, other: StandingFile): boolean {
  return one.sha256 !== null && one.sha256 === other.sha256 && one.size === other.size;
}

/** Whose it is and who may do what; the set-id bits of a file are never given back, so they do not count. */
export function isSameOwned(one: Owned, other: Owned, type: Standing["type"]): boolean {
  const bits = modeBits(type);
  return (one.mode & bits) === (other.mode & bits) && one.user_id === other.user_id && one.group_id === other.group_id;
}

/** The bits of a mode that are given back. */
export function modeBits(type: Standing["type"]): number {
  return type === "dir" ? 0o7777 : 0o1777;
}

function readable(
  directory: number,
  names: Names,
  { size }: Entry,
  keep: (fd: number, size: number) => Pick<StandingFile, "sha256" | "size" | "kept">,
): Pick<StandingFile, "sha256" | "size" | "kept"> {
  let opened: ReturnType<typeof openFile>;
  try {
    opened = openFile(directory, names, "content");
  } catch (cause) {
    if (isNoAccess(cause)) return { sha256: null, size, kept: null };
    throw cause;
  }
  if (opened === undefined) return { sha256: null, size, kept: null };
  try {
    return keep(opened.fd, opened.entry.size);
  } finally {
    closeSync(opened.fd);
  }
}

/** Whether the kernel did not let this user open something, which is not the guard's own refusal. */
export function isNoAccess(thrown: unknown): boolean {
  return thrown instanceof Error && ["EACCES", "EPERM"].includes(systemErrorName(thrown.cause ?? thrown) ?? "");
}

/** File contents on their way: streamed copies, their SHA-256, and replacement by a complete file beside the old one. */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { asFault, Fault } from "../core/fault.ts";
import { at, type Entry, entryAt } from "./descend.ts";

/** The content a descriptor received, or gave. */
export interface Content {
  readonly sha256: string;
  readonly size: number;
}

/** A complete, durable file under a temporary name in the directory where it belongs. */
export interface PreparedFile extends Content {
  readonly temporary: string;
}

const chunkBytes = 1_048_576;
let chunk: Uint8Array | undefined;
const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A name no other writer uses; a file left under one by a crash was never part of the workspace and may be deleted. */
export function temporaryName(): string {
  return `.reeve-${Bun.randomUUIDv7().slice(-12)}.tmp`;
}

/** Creates a file that must not exist; it is removed again when `fill` fails. Not durable yet when it returns. */
export function createFile(path: string | Buffer, mode: number, fill: (fd: number) => void): void {
  const fd = openSync(path, newFile, mode);
  try {
    try {
      fill(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    unlinkSync(path);
    throw cause;
  }
}

/** As `createFile`, and durable. */
function createDurable(path: string | Buffer, mode: number, fill: (fd: number) => void): void {
  createFile(path, mode, (fd) => {
    fill(fd);
    fsyncSync(fd);
  });
}

/**
 * Writes a complete file beside the one it will replace. It takes over the owner and permission bits of `former`
 * (set-uid and set-gid are dropped, as write(2) drops them); without one it gets `mode`, the default being what an
 * editor would give, 0666 less the umask, and belongs to `owner` where one is told. Throws `permission_denied` when the
 * owner cannot be kept.
 */
export function prepareFile(
  directory: number,
  options: {
    readonly former: Entry | undefined;
    readonly mode?: number;
    readonly owner?: Pick<Entry, "user_id" | "group_id"> | undefined;
  },
  fill: (sink: Sink) => void,
): PreparedFile {
  const temporary = temporaryName();
  const mode = options.former?.mode ?? options.mode;
  const sink = sinkInto();
  createDurable(at(directory, temporary), mode === undefined ? 0o666 : 0o600, (fd) => {
    fill(sink.to(fd));
    const owner = options.former ?? options.owner;
    if (owner) keepOwner(fd, owner);
    if (mode !== undefined) fchmodSync(fd, mode);
  });
  return { temporary, ...sink.content() };
}

/** Puts a prepared file in its place: a reader sees the old file or the new one. Durable when it returns. */
export function placeFile(directory: number, prepared: PreparedFile, name: string): void {
  try {
    renameSync(at(directory, prepared.temporary), at(directory, name));
  } catch (cause) {
    discardFile(directory, prepared);
    throw asFault(cause, JSON.stringify(name));
  }
  fsyncSync(directory);
}

export function discardFile(directory: number, prepared: PreparedFile): void {
  unlinkSync(at(directory, prepared.temporary));
}

export interface Sink {
  bytes(bytes: Uint8Array): void;
  /** The first `size` bytes of a file from `offset`, or all of it. Returns what was copied. */
  file(source: number, size?: number, offset?: number): Content;
}

/** Copies a file into a new one that must not exist. */
export function copyInto(source: number, path: string | Buffer, mode: number): Content {
  const sink = sinkInto();
  createDurable(path, mode, (fd) => void sink.to(fd).file(source));
  return sink.content();
}

/** Writes `size` bytes of a file from `offset` into another one. */
export function writeInto(target: number, source: number, size: number, offset: number): void {
  sinkInto().to(target).file(source, size, offset);
}

/** The content of an open file, or of its first `size` bytes from `offset`. */
export function contentOf(source: number, size?: number, offset = 0): Content {
  return pump(source, size, offset, () => undefined);
}

export function contentOfBytes(bytes: Uint8Array): Content {
  return { sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"), size: bytes.length };
}

function sinkInto(): { to(fd: number): Sink; content(): Content } {
  const hasher = new Bun.CryptoHasher("sha256");
  let size = 0;
  const put = (fd: number, bytes: Uint8Array) => {
    hasher.update(bytes);
    size += bytes.length;
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
  };
  return {
    to: (fd) => ({
      bytes: (bytes) => put(fd, bytes),
      file: (source, most, offset = 0) => pump(source, most, offset, (bytes) => put(fd, bytes)),
    }),
    content: () => ({ sha256: hasher.digest("hex"), size }),
  };
}

function pump(source: number, most: number | undefined, offset: number, put: (bytes: Uint8Array) => void): Content {
  const hasher = new Bun.CryptoHasher("sha256");
  const limit = most ?? Number.POSITIVE_INFINITY;
  // One for all: nothing keeps its bytes beyond the turn in which they were read.
  chunk ??= new Uint8Array(chunkBytes);
  let size = 0;
  while (size < limit) {
    const got = readSync(source, chunk, 0, Math.min(chunk.length, limit - size), offset + size);
    if (got === 0) break;
    const bytes = chunk.subarray(0, got);
    hasher.update(bytes);
    put(bytes);
    size += got;
  }
  return { sha256: hasher.digest("hex"), size };
}

function keepOwner(fd: number, former: Pick<Entry, "user_id" | "group_id">): void {
  const own = entryAt(fd);
  if (own.user_id === former.user_id && own.group_id === former.group_id) return;
  try {
    fchownSync(fd, former.user_id, former.group_id);
  } catch (cause) {
    throw new Fault("permission_denied", "the file belongs to another user and would change its owner", {
      hint: "change the owner of the file, or run as its owner",
      cause,
    });
  }
}

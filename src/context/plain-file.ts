/** Reads a file that is to become part of a prompt: a regular file, no link, valid UTF-8, never more than its share. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { createHash } from "node:crypto";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { codePointBoundary, fromUtf8 } from "../core/text.ts";

export interface PlainFile {
  readonly text: string;
  /** Of the whole file, lower-case hexadecimal. */
  readonly sha256: string;
  readonly truncated: boolean;
}

export interface PlainBytes {
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

/** `trusted`: only the operator writes there. Elsewhere a second hard link may be another's file, and is refused. */
export type Origin = "trusted" | "anyone";

/** No file of a prompt is larger; what is, is refused rather than read. */
const largest_bytes = 8_388_608;
/** A code point takes at most this many bytes after its first (RFC 3629 section 3). */
const longestTail = 3;

/** Undefined when there is no such file. Throws as `readPlainBytes` does, and `invalid_argument` for what is not UTF-8. */
export function readPlainFile(path: string, max_bytes: number, origin: Origin = "trusted"): PlainFile | undefined {
  const file = readPlainBytes(path, path, largest_bytes, origin);
  if (file === undefined) return undefined;
  const { bytes } = file;
  const end = codePointBoundary(bytes, max_bytes);
  const text = Math.min(bytes.length, max_bytes) - end > longestTail ? undefined : fromUtf8(bytes.subarray(0, end));
  if (text === undefined || text.includes("\0")) {
    throw new Fault("invalid_argument", `${path} is not valid UTF-8 text`, { hint: "convert it to UTF-8 first" });
  }
  const truncated = end < bytes.length;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { text: truncated ? `${text}\n[cut after ${end} of ${bytes.length} bytes]` : text, sha256, truncated };
}

/**
 * Opened without following a link or waiting for a pipe, then judged by its descriptor, then read: what was judged is
 * what is read. Throws `permission_denied` for what is no regular file, `resource_exhausted` for one too large; `what`
 * names it in these.
 */
export function readPlainBytes(path: string, what: string, max_bytes: number, origin: Origin): PlainBytes | undefined {
  const fd = openPlain(path, what);
  if (fd === undefined) return undefined;
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) throw notPlain(what);
    if (origin === "anyone" && facts.nlink > 1) {
      throw new Fault("permission_denied", `${what} has more than one hard link`, {
        hint: "its other name may lie outside the workspace; make a copy and use that",
      });
    }
    if (facts.size > max_bytes) {
      throw new Fault(
        "resource_exhausted",
        `${what} is ${facts.size} bytes, more than the ${max_bytes} that are read`,
        {
          hint: "keep it short: it takes part of a model's context",
        },
      );
    }
    return { bytes: readAll(fd, facts.size), executable: (facts.mode & 0o111) !== 0 };
  } catch (thrown) {
    throw asFault(thrown, what);
  } finally {
    closeSync(fd);
  }
}

function openPlain(path: string, what: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    const name = systemErrorName(thrown);
    if (name === "ENOENT" || name === "ENOTDIR") return undefined;
    if (name === "ELOOP" || name === "ENXIO") throw notPlain(what);
    throw asFault(thrown, what);
  }
}

function readAll(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const read = readSync(fd, bytes, at, size - at, at);
    if (read === 0) break;
    at += read;
  }
  return bytes.subarray(0, at);
}

function notPlain(what: string): Fault {
  return new Fault("permission_denied", `${what} is no regular file`, {
    hint: "put the text itself there: links and special files are not read",
  });
}

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

/** No file of a prompt is larger; what is, is refused rather than read. */
const largest_bytes = 8_388_608;

/**
 * Undefined when there is no such file. Throws `permission_denied` for a link or anything else that is no regular file,
 * `resource_exhausted` beyond 8 MiB, `invalid_argument` for what is not UTF-8.
 */
export function readPlainFile(path: string, max_bytes: number): PlainFile | undefined {
  const fd = openPlain(path);
  if (fd === undefined) return undefined;
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) throw notPlain(path);
    if (facts.size > largest_bytes) {
      throw new Fault("resource_exhausted", `${path} is ${facts.size} bytes, too large for a prompt`, {
        hint: "keep it short: models are shown only its beginning anyway",
      });
    }
    const bytes = readAll(fd, facts.size);
    const end = codePointBoundary(bytes, max_bytes);
    const text = fromUtf8(bytes.subarray(0, end));
    if (text === undefined || text.includes("\0")) {
      throw new Fault("invalid_argument", `${path} is not valid UTF-8`, { hint: "convert it to UTF-8 first" });
    }
    const truncated = end < bytes.length;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { text: truncated ? `${text}\n[cut after ${end} of ${bytes.length} bytes]` : text, sha256, truncated };
  } finally {
    closeSync(fd);
  }
}

/** Without waiting for a pipe's writer and without following a link. */
function openPlain(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    const name = systemErrorName(thrown);
    if (name === "ENOENT" || name === "ENOTDIR") return undefined;
    if (name === "ELOOP" || name === "ENXIO") throw notPlain(path);
    throw asFault(thrown, path);
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

function notPlain(path: string): Fault {
  return new Fault("permission_denied", `${path} is no regular file`, {
    hint: "put the text itself there: links and special files are not read",
  });
}

/** Durable replacement of small files: write beside, fsync, rename, fsync the directory. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Replaces `path` with `content` so that a reader, also after a power cut, sees the old bytes or the new ones, never a mix.
 * The file gets `mode` (0600 unless told). Throws the system error when any step fails; the old file is then untouched.
 */
export function writeAtomic(path: string, content: string | Uint8Array, mode = 0o600): void {
  const beside = `${path}.${process.pid}.${Bun.randomUUIDv7().slice(-12)}.tmp`;
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  const fd = openSync(beside, "wx", mode);
  try {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, path);
  } catch (cause) {
    rmSync(beside, { force: true });
    throw cause;
  }
  syncDirectory(dirname(path));
}

/** Makes the entries of a directory durable: new, renamed and removed names. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

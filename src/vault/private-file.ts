/** Files and directories that only their owner may touch; what is checked is what was opened, never a path twice. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";

/** The effective user; -1, which owns nothing, where the platform has none. */
const self = process.geteuid?.() ?? -1;

/**
 * The whole of a regular file of at most `max_bytes`, never through a symbolic link in the last component.
 * With `private`, `failed_precondition` unless it belongs to `owner` and has no group or other permission bits.
 * Throws `not_found` when there is none and `data_loss` when it is larger than anything we wrote.
 */
export function readOwned(
  path: string,
  options: { readonly max_bytes: number; readonly private: boolean; readonly owner?: number },
): Uint8Array {
  // Without O_NONBLOCK a FIFO put in the file's place would hang the open.
  const fd = openNoFollow(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw unfit(path, "is not a regular file", "remove it and restore the file from a backup");
    if (options.private) checkOwner(path, stat, options.owner ?? self, "600");
    if (stat.size > options.max_bytes) {
      throw new Fault("data_loss", `${path} has ${stat.size} bytes, more than were ever written there`, {
        hint: "restore the file from a backup",
      });
    }
    const bytes = new Uint8Array(stat.size);
    let at = 0;
    for (let got = -1; got !== 0 && at < bytes.length; at += got) got = readSync(fd, bytes, at, bytes.length - at, at);
    return bytes.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}

/** Throws `failed_precondition` unless `path` is a real directory of `owner` with no group or other permission bits. */
export function checkPrivateDirectory(path: string, owner = self): void {
  const fd = openNoFollow(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    checkOwner(path, fstatSync(fd), owner, "700");
  } finally {
    closeSync(fd);
  }
}

function openNoFollow(path: string, flags: number): number {
  try {
    return openSync(path, flags | constants.O_NOFOLLOW);
  } catch (cause) {
    // O_DIRECTORY turns the ELOOP of a symbolic link into ENOTDIR.
    const name = systemErrorName(cause);
    if (name === "ELOOP" || name === "ENOTDIR") {
      throw unfit(
        path,
        "is a symbolic link or of the wrong kind",
        "put the real file or directory in its place",
        cause,
      );
    }
    throw asFault(cause, path);
  }
}

function checkOwner(path: string, stat: { uid: number; mode: number }, owner: number, mode: string): void {
  if (stat.uid !== owner) {
    throw unfit(
      path,
      `belongs to user ${stat.uid}, not to user ${owner}`,
      `chown ${owner} '${path}' && chmod ${mode} '${path}'`,
    );
  }
  if (stat.mode & 0o077) {
    const bits = (stat.mode & 0o777).toString(8);
    throw unfit(path, `has mode ${bits}: others than its owner may reach it`, `chmod ${mode} '${path}'`);
  }
}

function unfit(path: string, words: string, hint: string, cause?: unknown): Fault {
  return new Fault("failed_precondition", `${path} ${words}`, { hint, cause });
}

/** The files of a skill, read once: what is hashed, what is copied and what is shown are the same bytes. */
import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { type Origin, type PlainBytes, readPlainBytes } from "./plain-file.ts";

const maxSkillFile_bytes = 131_072;
const maxEntries = 64;
const maxDepth = 8;

export interface SkillTree {
  /** By path relative to the skill, in the order of the paths. */
  readonly files: ReadonlyMap<string, PlainBytes>;
  /** Over the paths, the executable bits and the bytes of all files, lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * Undefined when there is no such directory. Nothing is reached through a link, also while someone swaps names: each
 * directory is opened beneath the one before. `what` names the skill in faults. Throws `permission_denied` for links,
 * special files and names that are no plain text, `resource_exhausted` for more than 64 files or directories or one file
 * larger than 128 KiB.
 */
export function readTree(path: string, what: string, origin: Origin): SkillTree | undefined {
  const found: [string, PlainBytes][] = [];
  let entries = 0;
  const visit = (directory: number, above: readonly string[]): void => {
    for (const name of readdirSync(`/proc/self/fd/${directory}`)) {
      const names = [...above, name];
      if (!isPlain(name)) throw new Fault("permission_denied", `${what} has a file whose name is no plain text`);
      if (++entries > maxEntries || names.length > maxDepth) {
        throw new Fault("resource_exhausted", `${what} holds more than ${maxEntries} files or ${maxDepth} levels`, {
          hint: "a skill is small",
        });
      }
      const at = `/proc/self/fd/${directory}/${name}`;
      if (withDirectory(at, (child) => visit(child, names)) === "opened") continue;
      const file = readPlainBytes(at, `${what}/${names.join("/")}`, maxSkillFile_bytes, origin);
      if (file) found.push([names.join("/"), file]);
    }
  };
  try {
    if (withDirectory(path, (root) => visit(root, [])) === "none") return undefined;
  } catch (thrown) {
    throw asFault(thrown, what);
  }
  found.sort(([a], [b]) => (a < b ? -1 : 1));
  return { files: new Map(found), sha256: digestOf(found) };
}

/** Runs `act` with a directory's descriptor; `none` when there is no directory of that name: a link to one is none. */
export function withDirectory(path: string, act: (directory: number) => void): "opened" | "none" {
  let directory: number;
  try {
    directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (thrown) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(systemErrorName(thrown) ?? "")) return "none";
    throw thrown;
  }
  try {
    act(directory);
    return "opened";
  } finally {
    closeSync(directory);
  }
}

function digestOf(files: readonly (readonly [path: string, file: PlainBytes])[]): string {
  const digest = createHash("sha256");
  for (const [path, { bytes, executable }] of files) {
    digest.update(JSON.stringify([path, executable ? "x" : "-", bytes.length])).update(bytes);
  }
  return digest.digest("hex");
}

/** U+FFFD stands for bytes that were no UTF-8; such a name could not be opened again. */
function isPlain(name: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFFFD\\]/u.test(name);
}

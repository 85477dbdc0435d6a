/** The files of a skill as one digest, so that what was adopted can be told from what is there now. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";

const maxFiles = 64;
const maxFile_bytes = 131_072;

/**
 * Relative paths of a skill's files, sorted. Throws `permission_denied` for links and special files, `resource_exhausted`
 * for more than 64 files or one larger than 128 KiB.
 */
export function skillFiles(root: string): readonly string[] {
  const found: string[] = [];
  const walk = (relative: string): void => {
    for (const entry of readdirSync(join(root, relative), { withFileTypes: true })) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) found.push(path);
      else {
        throw new Fault("permission_denied", `${root}/${path} is a link or a special file`, {
          hint: "a skill holds plain files",
        });
      }
      if (found.length > maxFiles) {
        throw new Fault("resource_exhausted", `${root} holds more than ${maxFiles} files`, {
          hint: "a skill is small",
        });
      }
    }
  };
  walk("");
  for (const path of found) {
    if (lstatSync(join(root, path)).size > maxFile_bytes) {
      throw new Fault("resource_exhausted", `${root}/${path} is larger than ${maxFile_bytes} bytes`, {
        hint: "a skill is small",
      });
    }
  }
  return found.sort();
}

/** SHA-256 over the paths, the executable bits and the bytes of all files, lower-case hexadecimal. */
export function hashTree(root: string): string {
  const digest = createHash("sha256");
  for (const path of skillFiles(root)) {
    const bytes = readFileSync(join(root, path));
    const mode = lstatSync(join(root, path)).mode & 0o111 ? "x" : "-";
    digest.update(JSON.stringify([path, mode, bytes.length])).update(bytes);
  }
  return digest.digest("hex");
}

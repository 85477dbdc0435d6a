/** The lexical path guard: text from outside becomes the names below the workspace root, or a fault; the disk is not touched. */
import { Fault } from "../core/fault.ts";
import { byteLength } from "../core/text.ts";

/** Names from the workspace root down; empty for the root itself. Each is a plain name. */
export type Names = readonly string[];

/** Reeve's own state directory: never entered, listed, made or removed, at any depth. */
const stateName = ".reeve";

const maxPathBytes = 4096;
const maxNameBytes = 255;
// C0, DEL and C1: invisible in a terminal or a log, and able to rewrite it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this pattern is for
const control = /[\x00-\x1f\x7f-\x9f]/;

/**
 * The names of `text`, which is relative to the workspace or absolute inside one of `roots` (absolute spellings of its
 * root). Throws `permission_denied` for a path that would leave (`..`, absolute elsewhere, a drive, a backslash) or
 * names Reeve's state, `invalid_argument` for one that is no path (empty, NUL, control characters, too long).
 */
export function parsePath(text: string, roots: readonly string[]): Names {
  if (text === "") throw new Fault("invalid_argument", "the path is empty", { hint: 'use "." for the workspace' });
  if (text.includes("\0")) throw malformed("contains a NUL byte", "remove the NUL byte");
  if (control.test(text)) throw malformed("contains a control character", "remove the control character");
  if (!text.isWellFormed()) throw malformed("is not valid Unicode", "remove the lone surrogate");
  if (byteLength(text) > maxPathBytes) throw malformed("is longer than 4096 bytes", "use a shorter path");
  if (text.includes("\\")) throw leaves(text, "uses a backslash");
  if (/^[A-Za-z]:/.test(text)) throw leaves(text, "names a drive");
  const parts = segments(text);
  if (parts.includes("..")) throw leaves(text, 'has a ".." in it');
  const names = text.startsWith("/") ? below(parts, roots) : parts;
  if (names === undefined) throw leaves(text, "is absolute and not inside the workspace");
  for (const name of names) checkName(name, text);
  return names;
}

/** The canonical spelling relative to the workspace: `.` for the root, no dots, no doubled slashes. */
export function pathText(names: Names): string {
  return names.length === 0 ? "." : names.join("/");
}

/** True when `name`, as found in a directory, could also have come through `parsePath`. */
export function isPlainName(name: string): boolean {
  return (
    name !== "" &&
    name !== "." &&
    name !== ".." &&
    !/[/\\\uFFFD]/.test(name) &&
    !control.test(name) &&
    name.isWellFormed() &&
    !isStateName(name) &&
    byteLength(name) <= maxNameBytes
  );
}

/** Compared without case, because some file systems do. */
export function isStateName(name: string): boolean {
  return name.toLowerCase() === stateName;
}

/** True when `inner` is `outer` or lies beneath it. */
export function isWithin(inner: Names, outer: Names): boolean {
  return outer.length <= inner.length && outer.every((name, i) => inner[i] === name);
}

function segments(text: string): readonly string[] {
  return text.split("/").filter((part) => part !== "" && part !== ".");
}

function below(parts: Names, roots: readonly string[]): Names | undefined {
  for (const root of roots) {
    const prefix = segments(root);
    if (isWithin(parts, prefix)) return parts.slice(prefix.length);
  }
  return undefined;
}

function checkName(name: string, path: string): void {
  if (isStateName(name)) {
    throw new Fault("permission_denied", `${JSON.stringify(path)} names reeve's own state`, {
      hint: `${stateName} belongs to reeve; choose another path`,
    });
  }
  if (byteLength(name) > maxNameBytes) throw malformed("has a name longer than 255 bytes", "use a shorter name");
}

function malformed(why: string, hint: string): Fault {
  return new Fault("invalid_argument", `the path ${why}`, { hint });
}

function leaves(path: string, why: string): Fault {
  return new Fault("permission_denied", `${JSON.stringify(path)} leaves the workspace: it ${why}`, {
    hint: "name a path relative to the workspace, with forward slashes",
  });
}

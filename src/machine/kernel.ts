/** Reading what the kernel shows as files: hostile bytes become harmless text, absent files a value, numbers never overflow. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";

/** Where the kernel's files are; other directories in tests. */
export interface KernelRoots {
  readonly proc: string;
  readonly sys: string;
  readonly etc: string;
}

/** The file, or undefined when it is absent, refused, or its process has ended. Bytes that are not UTF-8 become U+FFFD. */
export function readText(path: string): string | undefined {
  return unlessAbsent(path, () => lossy.decode(readFileSync(path)));
}

/** The file without surrounding white space; throws `unavailable` when there is none. */
export function readRequired(path: string): string {
  const text = readText(path);
  if (text !== undefined) return text.trim();
  throw new Fault("unavailable", `cannot read ${path}`, { hint: "mount procfs and let this user read it" });
}

/** The names in a directory; none when it is absent or refused. */
export function readNames(path: string): readonly string[] {
  return unlessAbsent(path, () => readdirSync(path)) ?? [];
}

export function readLink(path: string): string | undefined {
  return unlessAbsent(path, () => readlinkSync(path));
}

/** The ids of the processes that exist, ascending. */
export function readPids(roots: KernelRoots): readonly number[] {
  const pids = readNames(roots.proc).filter((name) => /^[1-9]\d{0,9}$/.test(name));
  return pids.map(Number).sort((a, b) => a - b);
}

/** Each item in order, giving the event loop a turn every 64, so that ten thousand processes do not stop other runs. */
export async function forEachInTurn<T>(items: readonly T[], visit: (item: T) => "stop" | undefined): Promise<void> {
  let done = 0;
  for (const item of items) {
    if (visit(item) === "stop") return;
    if (++done % 64 === 0) await new Promise((resume) => setImmediate(resume));
  }
}

/** A decimal integer as the kernel writes it; saturates at 2^53 - 1, above which JSON integers are not exact. */
export function decimal(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) {
    throw new Fault("unavailable", `the kernel wrote ${JSON.stringify(text ?? "")} where a number belongs`);
  }
  return saturate(Number(text));
}

export function saturate(value: number): number {
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

/** The `Name: value` lines of a kernel file. A name that occurs twice keeps its last value. */
export function colonFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

/** Bytes of a `12 kB` value, or undefined when the field is absent. */
export function kilobytes(fields: ReadonlyMap<string, string>, name: string): number | undefined {
  const value = fields.get(name);
  return value === undefined ? undefined : saturate(decimal(value.split(" ")[0]) * 1024);
}

/** Text chosen by others, safe to print: control, format and separator characters become U+FFFD. */
export function harmless(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\uFFFD");
}

export function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

const absent = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM", "ENOTDIR", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENXIO"]);

function unlessAbsent<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (cause) {
    if (absent.has(systemErrorName(cause) ?? "")) return undefined;
    throw asFault(cause, path);
  }
}

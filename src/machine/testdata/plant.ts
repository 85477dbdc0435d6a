/** A machine of files for tests: a copy of `pi/` in a temporary directory, with what a test adds, removed after the test. */
import { onTestFinished } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import type { KernelRoots } from "../kernel.ts";

/** `files` are written over the copy, null removes; `links` are symbolic links, as `/proc/PID/fd` has them. Paths are relative. */
export function plantMachine(
  files: Readonly<Record<string, string | Uint8Array | null>> = {},
  links: Readonly<Record<string, string>> = {},
): KernelRoots {
  const root = mkdtempSync(join(tmpdir(), "reeve-machine-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  cpSync(join(import.meta.dir, "pi"), root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const at = join(root, path);
    if (content === null) rmSync(at, { recursive: true });
    else {
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, content);
    }
  }
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target, join(root, path));
  }
  return { proc: join(root, "proc"), sys: join(root, "sys"), etc: join(root, "etc") };
}

/** A /proc/PID/stat line for a process of any name. */
export function statLine(
  pid: number,
  name: string,
  options: { readonly ticks?: number; readonly started?: number } = {},
): string {
  const { ticks = 0, started = 100 } = options;
  return `${pid} (${name}) S 1 ${pid} ${pid} 0 -1 4194560 9 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${started} 100 20 18446744073709551615 1 1\n`;
}

export function statusOf(uid: number, rss_kb: number): string {
  return `Name:\tx\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nVmRSS:\t${rss_kb} kB\n`;
}

/** Text of every kind of character, controls and half surrogate pairs more often than chance would have them. */
export const anyText = fc
  .array(fc.oneof(fc.nat(0xff), fc.integer({ min: 0x2000, max: 0x2070 }), fc.nat(0xffff)), { maxLength: 64 })
  .map((units) => String.fromCharCode(...units));

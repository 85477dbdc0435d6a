import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Real disks that are full or read-only, the real binary, and a workspace elsewhere that must stay as it is. */
const binary = join(import.meta.dir, "..", "..", "dist", "reeve");
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("disk.test.ts: full and read-only disks are not tried: mounting one needs root");

let directory: string;
let mount: string;
let workspace: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-disk-"));
  mount = join(directory, "disk");
  workspace = join(directory, "workspace");
  mkdirSync(mount);
  mkdirSync(workspace);
  if (!isRoot) return;
  sh("mount", "-t", "tmpfs", "-o", "size=6m", "reeve-test", mount);
  const made = reeve("init", "--workspace", workspace, "--witness", join(directory, "witness", "note"));
  if (made.exit !== 0) throw new Error(made.err);
});
afterAll(() => {
  if (isRoot) sh("umount", mount);
  rmSync(directory, { recursive: true, force: true });
});

function sh(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

function reeve(...args: string[]) {
  const run = Bun.spawnSync([binary, ...args, "--home", join(mount, "home")], {
    env: { PATH: process.env["PATH"] ?? "", HOME: directory, TZ: "UTC" },
    stdin: "ignore",
  });
  return { exit: run.exitCode, err: run.stderr.toString(), out: run.stdout.toString() };
}

const write = ["run", "--message", '/tool fs.write {"path":"note.txt","content":"x"}'];

test.if(isRoot)("a full disk refuses the effect, and work goes on when there is room again", () => {
  rmSync(join(workspace, "note.txt"), { force: true });
  const filler = join(mount, "filler");
  expect(() => {
    for (let size = 4 << 20; size >= 512; size >>= 1) {
      for (;;) {
        try {
          writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
        } catch {
          break;
        }
      }
    }
  }).not.toThrow();
  const full = reeve(...write);
  expect([full.exit, full.err]).toEqual([7, expect.stringContaining("no space left on the disk")]);
  expect(existsSync(join(workspace, "note.txt"))).toBe(false);
  rmSync(filler);
  expect(reeve(...write).exit).toBe(0);
  expect(existsSync(join(workspace, "note.txt"))).toBe(true);
  expect(reeve("verify-ledger").exit).toBe(0);
});

test.if(isRoot)("a read-only disk refuses the effect with a hint", () => {
  sh("mount", "-o", "remount,ro", mount);
  rmSync(join(workspace, "note.txt"), { force: true });
  const result = reeve(...write);
  sh("mount", "-o", "remount,rw", mount);
  expect(result.exit).toBe(9);
  expect(result.err).toContain("hint:");
  expect(existsSync(join(workspace, "note.txt"))).toBe(false);
});

/** The machine code does what the steps say, on this architecture and, under qemu-user, on the other one. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Architecture } from "../syscalls.ts";
import { architectureOf } from "../syscalls.ts";
import { launcher } from "./program.ts";
import { type Segment, ended, type Step } from "./steps.ts";

interface Outcome {
  readonly exit: number | null;
  readonly stdout: string;
  /** Pairs of the report. */
  readonly report: readonly (readonly [number, number])[];
}

function runnerOf(architecture: Architecture): readonly string[] {
  if (architecture === architectureOf()) return [];
  const qemu = Bun.which(architecture === "aarch64" ? "qemu-aarch64-static" : "qemu-x86_64-static");
  if (!qemu) throw new Error(`no qemu for ${architecture}: run make setup`);
  return [qemu];
}

function run(architecture: Architecture, plan: (data: Segment) => readonly Step[], first_step = 0): Outcome {
  const directory = mkdtempSync(join(tmpdir(), "reeve-launch-"));
  try {
    const [program, status] = [join(directory, "launcher"), join(directory, "status")];
    writeFileSync(program, launcher(architecture, 3, plan, first_step).bytes, { mode: 0o755 });
    writeFileSync(status, "");
    const child = Bun.spawnSync({
      cmd: [...runnerOf(architecture), program],
      env: {},
      stdio: ["ignore", "pipe", "pipe", Bun.file(status)] as never,
    });
    const bytes = readFileSync(status);
    const report = Array.from({ length: bytes.length >> 3 }, (_, i): readonly [number, number] => [
      bytes.readUInt32LE(i * 8),
      bytes.readInt32LE(i * 8 + 4),
    ]);
    return { exit: child.exitCode, stdout: child.stdout.toString(), report };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const say = (data: Segment, text: string): Step => ({ call: "write", arguments: [1, data.text(text), text.length] });
const exit = (status: number): Step => ({ call: "exit_group", arguments: [status] });

describe.each(["x86-64", "aarch64"] as const)("%s", (architecture) => {
  test("steps are carried out in their order", () => {
    const done = run(architecture, (data) => [say(data, "one "), say(data, "two"), exit(7)]);
    expect(done).toEqual({ exit: 7, stdout: "one two", report: [] });
  });

  test("the first failure is reported with its step and error, and nothing follows", () => {
    const done = run(
      architecture,
      (data) => [
        say(data, "before "),
        { call: "close", arguments: [99], tolerate: true },
        { call: "close", arguments: [99] },
        say(data, "after"),
      ],
      0x1000,
    );
    expect(done).toEqual({ exit: 125, stdout: "before ", report: [[0x1002, -9]] });
  });

  test("what a call leaves in a slot is an argument of a later one", () => {
    const done = run(architecture, (data) => {
      const opened = data.space(4);
      const buffer = data.space(16);
      return [
        { call: "openat", arguments: [-100, data.text("/proc/self/comm"), 0, 0], keep: opened },
        { call: "read", arguments: [{ value_of: opened }, buffer, 4] },
        { call: "write", arguments: [1, buffer, 4] },
        exit(0),
      ];
    });
    expect(done.exit).toBe(0);
    expect(done.stdout).toHaveLength(4);
  });

  test("a check goes on when both are the same and ends the launch when not", () => {
    const same = run(architecture, (data) => [
      { check: data.words([0xfffffffe]), equals: data.words([0xfffffffe]) },
      exit(0),
    ]);
    expect(same).toMatchObject({ exit: 0, report: [] });
    const other = run(architecture, (data) => [{ check: data.words([5]), equals: data.words([6]) }, exit(0)]);
    expect(other).toMatchObject({ exit: 125, report: [[0, 5]] });
  });

  test("a child that exits or is killed is reaped, after others, and its status reported", () => {
    const status = (child: (data: Segment) => readonly Step[]) =>
      run(architecture, (data) => {
        const [other, wanted] = [data.space(4), data.space(4)];
        return [{ fork: [exit(1)], keep: other }, { fork: child(data), keep: wanted }, { reap: wanted }];
      });
    expect(status((data) => [say(data, "child"), exit(3)])).toEqual({
      exit: 0,
      stdout: "child",
      report: [[ended, 3 << 8]],
    });
    expect(
      status((data) => [{ call: "execve", arguments: [data.text("/proc/self/nonexistent"), 0, 0] }]).report,
    ).toContainEqual([3, -2]);
  });
});

test("text as long as a page and many of them keep their places", () => {
  const long = "x".repeat(5000);
  const done = run("x86-64", (data) => [
    ...Array.from({ length: 50 }, () => say(data, long)),
    { call: "write", arguments: [1, data.text("end"), 3] },
    exit(0),
  ]);
  expect(done.stdout).toBe(`${long.repeat(50)}end`);
});

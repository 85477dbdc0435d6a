/** The time-of-check attack: another process swaps a directory and a file for links as fast as it can while files are used. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { openWorkspace } from "./workspace.ts";

// In memory where there is such a place: without a disk to wait for, far more swaps fall between two steps.
const fast = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const swapper = `
  const { renameSync, symlinkSync, unlinkSync, writeSync } = await import("node:fs");
  const [root, outside] = process.argv.slice(-2);
  // The process under attack may put a file where this one is about to; then that step is simply lost.
  const attempt = (step) => { try { step(); } catch (error) { if (!error.code) throw error; } };
  const swap = (name, target) => {
    attempt(() => renameSync(root + "/" + name, root + "/hidden-" + name));
    attempt(() => symlinkSync(target, root + "/" + name));
    attempt(() => unlinkSync(root + "/" + name));
    attempt(() => renameSync(root + "/hidden-" + name, root + "/" + name));
  };
  writeSync(1, "swapping\\n");
  for (;;) {
    swap("dir", outside);
    swap("file", outside + "/file");
  }
`;

// A link, nothing, or what the kernel calls "not a directory" although it is one again by the time anyone looks.
const refusals = ["done", "permission_denied", "not_found", "failed_precondition"];

test("2,000 writes and reads against a swapping process never touch what the links point to", async () => {
  const base = mkdtempSync(join(fast, "reeve-race-"));
  const [root, outside] = [join(base, "workspace"), join(base, "outside")];
  mkdirSync(join(root, "dir"), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, "file"), "secret");
  for (const path of ["file", "dir/file"]) writeFileSync(join(root, path), "inside");
  const other = Bun.spawn([process.execPath, "-e", swapper, "--", root, outside], {
    env: { PATH: "/usr/bin:/bin" },
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    await other.stdout.getReader().read();
    const workspace = openWorkspace({ root, forbidden: [], undo: join(base, "undo") });
    const outcomes = new Map<string, number>();
    const metAndMissed = () => outcomes.has("done") && outcomes.has("permission_denied");
    // At least 2,000, and until the swapping was both met and missed.
    for (let i = 0; i < 2000 || (i < 50_000 && !metAndMissed()); i++) {
      const run_id = `run-${Math.floor(i / 50)}`;
      const files = workspace.handle({ run_id, call_id: "c", mutable: true, permits: () => true });
      const path = i % 4 === 3 ? "file" : "dir/file";
      const act =
        i % 2 === 0
          ? files.read(path, 100).then(({ bytes }) => expect(new TextDecoder().decode(bytes)).not.toBe("secret"))
          : i % 8 === 1
            ? files.write(`dir/new-${i}`, new TextEncoder().encode("inside"))
            : files.write(path, new TextEncoder().encode("inside"));
      const outcome = await act.then(
        () => "done",
        (cause) => {
          if (cause instanceof Fault) return cause.code;
          throw cause;
        },
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].filter((each) => !refusals.includes(each))).toEqual([]);
    expect(metAndMissed()).toBe(true);
    expect(readdirSync(outside)).toEqual(["file"]);
    expect(readFileSync(join(outside, "file"), "utf8")).toBe("secret");
  } finally {
    other.kill("SIGKILL");
    await other.exited;
    rmSync(base, { recursive: true, force: true });
  }
}, 120_000);

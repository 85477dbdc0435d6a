/**
 * Runs every test and ends with exactly one line `N passed, N failed`. The exit status is 1 for any failure, for a file
 * that does not load, for no tests at all, and, as root, for a skipped or unfinished test.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hermetic } from "./hermetic.ts";

const [first, ...others] = process.argv.slice(2);
const elsewhere = /^--cwd=(.+)$/.exec(first ?? "")?.[1];
/** The tests of this repository, or with `--cwd=DIR` as the first argument those of DIR. */
const root = elsewhere ?? dirname(import.meta.dir);
const patterns = elsewhere === undefined ? process.argv.slice(2) : others;

const summary = / ?(?<count>\d+) (?<kind>pass|fail|skip|todo|error|errors)$/;

interface Outcome {
  readonly exit: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Bun's own output goes through unchanged; its summary is read from the lines after the last test. */
async function runTests(args: readonly string[]): Promise<Outcome> {
  const state = mkdtempSync(join(tmpdir(), "reeve-test-state-"));
  const { argv, env, open_network } = hermetic(
    [process.execPath, "test", "--parallel", "--randomize", "--timeout=60000", ...args],
    state,
  );
  if (open_network !== undefined) console.error(`test: the network stays open: ${open_network}`);
  const run = Bun.spawn([...argv], { cwd: root, stdout: "inherit", stderr: "pipe", env });
  const counts: Record<string, number> = {};
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of run.stderr) {
    process.stderr.write(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { count, kind } = summary.exec(line)?.groups ?? {};
      if (count && kind && line.trim() === `${count} ${kind}`) counts[kind] = Number(count);
    }
  }
  const exit = await run.exited;
  rmSync(state, { recursive: true, force: true });
  return { exit, counts };
}

const { exit, counts } = await runTests(patterns);
const passed = counts["pass"] ?? 0;
const unrun = (counts["skip"] ?? 0) + (counts["todo"] ?? 0);
const isRoot = process.getuid?.() === 0;
const known = (counts["fail"] ?? 0) + (isRoot ? unrun : 0);
const failed = known === 0 && (exit !== 0 || passed === 0) ? 1 : known;

if (unrun > 0) console.error(`test: ${unrun} tests did not run${isRoot ? ", and as root all must" : ""}`);
if (passed === 0) console.error("test: no test passed");
if (exit !== 0 && known === 0) console.error(`test: bun test ended with status ${exit}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

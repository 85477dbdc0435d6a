/** The real bash as the judge of what a line runs: with an empty PATH every program it would start is written down instead. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Each line in a subshell of its own, its commands into a file of its number: `run`, the words and a mark, each before a NUL, in one write. */
const script = `
PATH=/nowhere
FUNCNEST=8
command_not_found_handle() { printf '%s\\0' run "$@" $'\\1' >>"$record/$number"; return 1; }
mapfile -d '' -t lines <"$record/lines"
for number in "\${!lines[@]}"; do ( builtin eval "\${lines[number]}"; wait ) </dev/null >/dev/null 2>&1; done
`;

/** The argument vectors that bash starts for each of the lines. */
export function ranBy(lines: readonly string[]): readonly (readonly (readonly string[])[])[] {
  const record = mkdtempSync(join(tmpdir(), "reeve-oracle-"));
  try {
    writeFileSync(join(record, "lines"), lines.map((line) => `${line}\0`).join(""));
    const run = Bun.spawnSync(["/bin/bash", "--norc", "-c", script], {
      cwd: record,
      env: { record, LANG: "C.UTF-8" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: 60_000,
    });
    if (run.exitCode === null) throw new Error(`bash did not come to its end: ${run.stderr.toString().slice(0, 500)}`);
    return lines.map((_, i) => recorded(join(record, `${i}`)));
  } finally {
    rmSync(record, { recursive: true, force: true });
  }
}

function recorded(file: string): readonly (readonly string[])[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  const runs: string[][] = [];
  for (const word of text.split("\0").slice(0, -1)) {
    if (word === "run" && (runs.length === 0 || runs.at(-1)?.at(-1) === "\x01")) runs.push([]);
    else runs.at(-1)?.push(word);
  }
  return runs.map((run) => run.slice(0, -1));
}

/**
 * Transcripts: each file in testdata is one story of commands typed at a shell, with what they print and how they end.
 *
 * `% model FILE` starts the scripted model of testdata/models/FILE, whose address is in $MODEL from then on; a second one is in
 * $MODEL2. `$ ` runs a line with `sh -c`; `> ` is a line of its stdout, `! ` of its stderr, `= N` its exit status (0 when absent),
 * `# ` words about it. A line `...` stands for any lines. Inside a line {id} is a UUIDv7, {time} an RFC 3339 time, {int} a
 * whole number, {hex} lowercase hex, {home} the story's directory and {any} anything. Every story has an empty directory
 * and an environment of four variables.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGroup } from "../src/define/command.ts";
import type { Script } from "../src/providers/testdata/model/script.ts";
import { type Model, startModel } from "../src/providers/testdata/model/server.ts";
import { allCommands } from "./reeve/index.ts";

const commands = await allCommands();

const binary = join(import.meta.dir, "..", "dist", "reeve");
const testdata = join(import.meta.dir, "testdata");
const stories = [...new Glob("*.txt").scanSync(testdata)].sort();

interface Step {
  readonly line: number;
  /** Starts with `%` for a scripted model. */
  readonly command: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly exit: number;
}

const place = realpathSync(mkdtempSync(join(tmpdir(), "reeve-transcripts-")));
const running: Model[][] = [];
afterAll(async () => {
  for (const model of running.flat()) await model.stop();
  rmSync(place, { recursive: true, force: true });
});

function addresses(models: readonly Model[]): Readonly<Record<string, string>> {
  return Object.fromEntries(models.map(({ url }, i) => [i === 0 ? "MODEL" : `MODEL${i + 1}`, url]));
}

beforeAll(() => {
  if (!existsSync(binary)) throw new Error("dist/reeve is missing: run make build first");
  mkdirSync(join(place, "bin"));
  symlinkSync(binary, join(place, "bin", "reeve"));
});

function read(text: string): readonly Step[] {
  const steps: { line: number; command: string; stdout: string[]; stderr: string[]; exit: number }[] = [];
  text.split("\n").forEach((line, i) => {
    const current = steps.at(-1);
    const rest = line.slice(2);
    if (line.startsWith("% model ")) {
      steps.push({ line: i + 1, command: line, stdout: [], stderr: [], exit: 0 });
    } else if (line.startsWith("$ ")) steps.push({ line: i + 1, command: rest, stdout: [], stderr: [], exit: 0 });
    else if (/^>( |$)/.test(line) && current) current.stdout.push(rest);
    else if (/^!( |$)/.test(line) && current) current.stderr.push(rest);
    else if (/^= \d+$/.test(line) && current) current.exit = Number(rest);
    else if (line.trim() !== "" && !line.startsWith("#")) throw new Error(`line ${i + 1} is not a transcript: ${line}`);
  });
  return steps;
}

const words: Readonly<Record<string, string>> = {
  id: "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
  time: "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z",
  int: "\\d+",
  hex: "[0-9a-f]+",
  any: "[^\\n]*",
};

function pattern(lines: readonly string[], home: string): RegExp {
  const parts = lines.map((line) => {
    if (line === "...") return "(?:[^\\n]*\\n)*?";
    const pieces = line.split(/\{(id|time|int|hex|any|home)\}/);
    const source = pieces.map((piece, i) =>
      i % 2 === 0 ? escaped(piece) : piece === "home" ? escaped(home) : words[piece],
    );
    return `${source.join("")}\\n`;
  });
  return new RegExp(`^${parts.join("")}$`);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

async function play(
  step: Step,
  home: string,
  models: readonly Model[],
): Promise<{ readonly stdout: string; readonly stderr: string; readonly exit: number }> {
  const child = Bun.spawn(["/bin/sh", "-c", step.command], {
    cwd: home,
    env: {
      PATH: `${join(place, "bin")}:/usr/bin:/bin`,
      HOME: home,
      XDG_STATE_HOME: `${home}.state`,
      TZ: "UTC",
      ...addresses(models),
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, exit };
}

/** What was printed, or the expectation itself where it fits, so that a failure shows as a difference of lines. */
function compared(actual: string, expected: readonly string[], home: string): readonly string[] {
  if (pattern(expected, home).test(actual)) return expected;
  return actual === "" ? [] : actual.replace(/\n$/, "").split("\n");
}

describe("transcripts", () => {
  test.each(stories)(
    "%s",
    async (story) => {
      const models: Model[] = [];
      running.push(models);
      const home = join(place, story.replace(/\.txt$/, ""));
      mkdirSync(home);
      for (const step of read(readFileSync(join(testdata, story), "utf8"))) {
        if (step.command.startsWith("% model ")) {
          const path = join(testdata, "models", step.command.slice("% model ".length));
          models.push(await startModel(JSON.parse(readFileSync(path, "utf8")) as Script));
          continue;
        }
        const { stdout, stderr, exit } = await play(step, home, models);
        const at = `${story}:${step.line} $ ${step.command}`;
        const seen = {
          at,
          stdout: compared(stdout, step.stdout, home),
          stderr: compared(stderr, step.stderr, home),
          exit,
        };
        expect(seen).toEqual({ at, stdout: step.stdout, stderr: step.stderr, exit: step.exit });
      }
    },
    120_000,
  );

  test("every command has its story", () => {
    const typed = stories.flatMap((story) =>
      read(readFileSync(join(testdata, story), "utf8")).map((step) => step.command),
    );
    const names = commands.flatMap((entry) =>
      isGroup(entry) ? entry.commands.map((command) => command.name) : [entry.name],
    );
    expect(names.filter((name) => !typed.some((line) => line.includes(`reeve ${name}`)))).toEqual([]);
  });

  test("a story that is told wrong is noticed", () => {
    expect(pattern(["run {id} completed", "..."], "/h").test("run 0 completed\n")).toBe(false);
    expect(pattern(["a", "...", "z"], "/h").test("a\nb\nc\nz\n")).toBe(true);
    expect(pattern(["{home}/x.y"], "/h").test("/h/x-y\n")).toBe(false);
    expect(pattern([], "/h").test("anything\n")).toBe(false);
  });
});

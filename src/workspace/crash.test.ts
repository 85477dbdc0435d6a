/** kill -9 at every step of every mutation: the workspace is as before or as after, and undo gives the state from before. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWorkspace, undoRun } from "./workspace.ts";

// Another file system, so that removal copies instead of renaming; the same one where Linux does not mount it.
const elsewhere = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const child = `
  const { openWorkspace, undoRun } = await import(${JSON.stringify(join(import.meta.dir, "workspace.ts"))});
  const [root, undo, killAt, work] = process.argv.slice(-4);
  let step = 0;
  const onStep = () => { if (++step === Number(killAt)) process.kill(process.pid, "SIGKILL"); };
  const workspace = openWorkspace({ root, forbidden: [], undo, onStep });
  const files = workspace.handle({ run_id: "run", call_id: "call", mutable: true, permits: () => true });
  const text = (t) => new TextEncoder().encode(t);
  await eval("(async () => {" + work + "})()");
`;

let base: string;
let far: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "reeve-crash-"));
  far = mkdtempSync(join(elsewhere, "reeve-crash-"));
});

afterEach(() => {
  for (const directory of [base, far]) rmSync(directory, { recursive: true, force: true });
});

function prepare(name: string, place = base): string {
  const root = join(place, name);
  mkdirSync(join(root, "d/sub"), { recursive: true });
  for (const [path, content] of [
    ["f", "old"],
    ["g", "other"],
    ["d/x", "x"],
    ["d/sub/y", "y"],
  ] as const) {
    writeFileSync(join(root, path), content);
  }
  return root;
}

/** What a user would see: a temporary file a crash left behind is not part of it. */
function picture(root: string): Readonly<Record<string, string>> {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (name) => !/\.reeve-.*\.tmp/.test(name),
  );
  return Object.fromEntries(
    names.sort().map((name) => {
      const path = join(root, name);
      return [name, lstatSync(path).isDirectory() ? "dir" : readFileSync(path, "utf8")];
    }),
  );
}

function runChild(root: string, undo: string, killAt: number, work: string): boolean {
  const { exitCode, signalCode, stderr } = Bun.spawnSync(
    [process.execPath, "-e", child, "--", root, undo, String(killAt), work],
    { env: { PATH: "/usr/bin:/bin" }, stderr: "pipe" },
  );
  if (signalCode === "SIGKILL") return false;
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  return true;
}

const works: readonly (readonly [name: string, work: string])[] = [
  ["replace", 'await files.write("f", text("new"))'],
  ["append", 'await files.write("f", text("+"), { mode: "append" })'],
  ["create", 'await files.write("n", text("new"))'],
  ["make a directory", 'await files.makeDirectory("m")'],
  ["remove a file", 'await files.remove("f", { recursive: false })'],
  ["remove a tree", 'await files.remove("d", { recursive: true })'],
  ["move over a file", 'await files.move("f", "g", { overwrite: true })'],
  ["move a directory", 'await files.move("d", "e", { overwrite: false })'],
];

for (const place of ["beside", "on another file system"]) {
  test.each(works)(
    `killed at any step, with the undo area ${place}: %s`,
    (_name, work) => {
      const area = place === "beside" ? join(base, "undo") : join(far, "undo");
      const whole = prepare("whole");
      const before = picture(whole);
      expect(runChild(whole, join(area, "whole"), 0, work)).toBe(true);
      const after = picture(whole);
      expect(after).not.toEqual(before);
      let killed = 0;
      for (let step = 1; ; step++) {
        const root = prepare(`step-${step}`);
        const undo = join(area, `step-${step}`);
        if (runChild(root, undo, step, work)) break;
        killed++;
        expect([before, after]).toContainEqual(picture(root));
        undoRun(openWorkspace({ root, forbidden: [], undo }), "run");
        expect(picture(root)).toEqual(before);
      }
      expect(killed).toBeGreaterThanOrEqual(2);
    },
    60_000,
  );

  test(`an undo killed at any step, with the undo area ${place}, can be repeated to its end`, () => {
    const area = place === "beside" ? join(base, "undo") : join(far, "undo");
    const all = works.filter(([name]) => !/move over|make|replace/.test(name)).map(([, work]) => work);
    const work = [
      'await files.write("g", text("x"))',
      ...all.filter((each) => !each.includes('move("d"') && !/remove\("f"/.test(each)),
      'await files.move("f", "d2", { overwrite: false })',
    ].join(";");
    let killed = 0;
    for (let step = 1; ; step++) {
      const root = prepare(`step-${step}`);
      const undo = join(area, `step-${step}`);
      const before = picture(root);
      expect(runChild(root, undo, 0, work)).toBe(true);
      const finished = runChild(root, undo, step, 'undoRun(workspace, "run")');
      undoRun(openWorkspace({ root, forbidden: [], undo }), "run");
      expect(picture(root)).toEqual(before);
      if (finished) break;
      killed++;
    }
    expect(killed).toBeGreaterThanOrEqual(6);
  }, 60_000);
}

const program = `
  const { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = await import("node:fs");
  const options = { run_id: "run", call_id: "call", paths: ["."], max_bytes: 9999, max_files: 99 };
  const snapshot = await workspace.snapshot(options);
  writeFileSync(root + "/f", "by the program");
  rmSync(root + "/d", { recursive: true });
  writeFileSync(root + "/d", "a file");
  rmSync(root + "/g");
  mkdirSync(root + "/g");
  writeFileSync(root + "/g/new", "new");
  mkdirSync(root + "/h", { mode: 0o500 });
  symlinkSync("f", root + "/link");
  await snapshot.settle();
`;

test("a program killed with its snapshot pending, or while that is settled, is settled and undone later", async () => {
  let killed = 0;
  for (let step = 1; ; step++) {
    const root = prepare(`step-${step}`, far);
    const undo = join(far, `undo-${step}`);
    const before = picture(root);
    const finished = runChild(root, undo, step, program);
    const workspace = openWorkspace({ root, forbidden: [], undo });
    await workspace.settle("run");
    undoRun(workspace, "run");
    expect(picture(root)).toEqual(before);
    expect(readdirSync(join(undo, "run")).filter((name) => /owner|pack|pending/.test(name))).toEqual([]);
    if (finished) break;
    killed++;
  }
  expect(killed).toBe(2);
}, 60_000);

test("the undo of a program killed at any step can be repeated to its end, with force or without", () => {
  for (const force of [false, true]) {
    let killed = 0;
    for (let step = 1; ; step++) {
      const root = prepare(`${force}-${step}`, far);
      const undo = join(far, `undo-${force}-${step}`);
      const before = picture(root);
      expect(runChild(root, undo, 0, program)).toBe(true);
      const finished = runChild(root, undo, step, `undoRun(workspace, "run", { force: ${force} })`);
      const workspace = openWorkspace({ root, forbidden: [], undo });
      undoRun(workspace, "run", { force });
      expect(picture(root)).toEqual(before);
      if (finished) break;
      killed++;
    }
    expect(killed).toBeGreaterThanOrEqual(12);
  }
}, 60_000);

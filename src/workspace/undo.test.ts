import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import type { WorkspaceHandle } from "../define/handles.ts";
import { openWorkspace, undoRun, type Workspace } from "./workspace.ts";

let base: string;
let root: string;
let undo: string;
let workspace: Workspace;
let files: WorkspaceHandle;
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (path: string) => readFileSync(join(root, path), "utf8");

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "reeve-undo-"));
  root = join(base, "workspace");
  mkdirSync(root);
  openAt(join(base, "undo"));
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function openAt(area: string): void {
  undo = area;
  workspace = openWorkspace({ root, forbidden: [], undo });
  files = workspace.handle({ run_id: "run", call_id: "call", mutable: true, permits: () => true });
}

/** Every path beneath a directory with what it is and holds. */
function picture(directory: string): Readonly<Record<string, string>> {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return Object.fromEntries(
    names.map((name) => {
      const path = join(directory, name);
      const stats = lstatSync(path);
      if (stats.isDirectory()) return [name, "dir"];
      if (stats.isSymbolicLink()) return [name, `link ${readlinkSync(path)}`];
      return [name, `${(stats.mode & 0o777).toString(8)} ${readFileSync(path, "utf8")}`];
    }),
  );
}

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (cause) {
    if (cause instanceof Fault) return cause;
    throw cause;
  }
  throw new Error("nothing was thrown");
}

test("a replaced file gets its content and mode back, a new one goes away", async () => {
  writeFileSync(join(root, "old"), "before", { mode: 0o640 });
  chmodSync(join(root, "old"), 0o640);
  await files.write("old", bytes("after"));
  await files.write("new", bytes("made"));
  expect(statSync(join(root, "old")).mode & 0o777).toBe(0o640);
  chmodSync(join(root, "old"), 0o600);
  expect(undoRun(workspace, "run")).toEqual(["new", "old"]);
  expect(picture(root)).toEqual({ old: "600 before" });
});

test("appends are taken back one after the other without a copy of the file", async () => {
  writeFileSync(join(root, "log"), "1\n");
  await files.write("log", bytes("2\n"), { mode: "append" });
  await files.write("log", bytes("3\n"), { mode: "append" });
  expect(text("log")).toBe("1\n2\n3\n");
  expect(readdirSync(join(undo, "run")).filter((name) => !name.endsWith(".json"))).toEqual([]);
  undoRun(workspace, "run");
  expect(text("log")).toBe("1\n");
});

test("a removed tree comes back with its links and modes", async () => {
  mkdirSync(join(root, "tree/sub"), { recursive: true });
  writeFileSync(join(root, "tree/sub/x"), "x");
  chmodSync(join(root, "tree/sub/x"), 0o755);
  symlinkSync("sub/x", join(root, "tree/link"));
  const before = picture(root);
  await files.remove("tree", { recursive: true });
  expect(picture(root)).toEqual({});
  expect(undoRun(workspace, "run")).toEqual(["tree"]);
  expect(picture(root)).toEqual(before);
});

test("moves go back, and what an overwriting move replaced is there again", async () => {
  mkdirSync(join(root, "d"));
  mkdirSync(join(root, "empty"));
  for (const name of ["a", "b", "d/x"]) writeFileSync(join(root, name), name);
  const before = picture(root);
  await files.move("a", "b", { overwrite: true });
  await files.move("d", "empty", { overwrite: true });
  expect(Object.keys(picture(root)).sort()).toEqual(["b", "empty", "empty/x"]);
  undoRun(workspace, "run");
  expect(picture(root)).toEqual(before);
});

test("a change by someone else stops the undo before it touches anything, and force overrides it recoverably", async () => {
  writeFileSync(join(root, "a"), "a1");
  writeFileSync(join(root, "b"), "b1");
  await files.write("a", bytes("a2"));
  await files.write("b", bytes("b2"));
  writeFileSync(join(root, "a"), "someone else");
  const fault = faultOf(() => undoRun(workspace, "run"));
  expect([fault.code, fault.data]).toEqual(["failed_precondition", { paths: ["a"] }]);
  expect([text("a"), text("b")]).toEqual(["someone else", "b2"]);
  undoRun(workspace, "run", { force: true, as: { run_id: "second", call_id: "c" } });
  expect([text("a"), text("b")]).toEqual(["a1", "b1"]);
  undoRun(workspace, "second");
  expect([text("a"), text("b")]).toEqual(["someone else", "b2"]);
});

test("a directory the run made stays when it holds someone else's file", async () => {
  await files.makeDirectory("made/deep");
  writeFileSync(join(root, "made/theirs"), "x");
  expect(faultOf(() => undoRun(workspace, "run")).data).toEqual({ paths: ["made"] });
  expect(existsSync(join(root, "made/deep"))).toBe(true);
});

test("something else in the place of a removed or moved file stops the undo", async () => {
  writeFileSync(join(root, "a"), "a");
  writeFileSync(join(root, "b"), "b");
  await files.remove("a", { recursive: false });
  await files.move("b", "c", { overwrite: false });
  writeFileSync(join(root, "a"), "other");
  writeFileSync(join(root, "b"), "other");
  expect(faultOf(() => undoRun(workspace, "run")).data).toEqual({ paths: ["a", "b"] });
  undoRun(workspace, "run", { force: true });
  expect(picture(root)).toEqual(expect.objectContaining({ a: expect.stringContaining(" a") }));
  expect([text("a"), text("b"), existsSync(join(root, "c"))]).toEqual(["a", "b", false]);
});

test("repeating an undo changes nothing, and undoing the undo brings the run's work back", async () => {
  writeFileSync(join(root, "f"), "1");
  await files.write("f", bytes("2"));
  await files.remove("f", { recursive: false });
  await files.makeDirectory("d");
  undoRun(workspace, "run", { as: { run_id: "undoing", call_id: "c" } });
  const before = picture(root);
  expect(undoRun(workspace, "run")).toEqual([]);
  expect(picture(root)).toEqual(before);
  undoRun(workspace, "undoing");
  expect(picture(root)).toEqual({ d: "dir" });
});

test("an unknown run has nothing to undo, and a run id cannot name another directory", () => {
  expect(undoRun(workspace, "unknown")).toEqual([]);
  expect(faultOf(() => undoRun(workspace, "../undo")).code).toBe("invalid_argument");
});

test("a damaged record or copy is data loss by name, and nothing is put back from it", async () => {
  writeFileSync(join(root, "f"), "1");
  await files.write("f", bytes("2"));
  const copy = join(undo, "run/000001.before");
  writeFileSync(copy, "x");
  const fault = faultOf(() => undoRun(workspace, "run"));
  expect(fault.code).toBe("data_loss");
  expect(fault.message).toContain(copy);
  expect(text("f")).toBe("2");
  const record = join(undo, "run/000001.json");
  writeFileSync(record, readFileSync(record, "utf8").slice(0, 40));
  expect(faultOf(() => undoRun(workspace, "run")).message).toContain(record);
});

test("a write that expects other content than the file has is refused", async () => {
  writeFileSync(join(root, "f"), "theirs");
  const write = files.write("f", bytes("mine"), { expected: bytes("what i read") });
  expect(await write.catch((cause: Fault) => cause.code)).toBe("failed_precondition");
  expect(text("f")).toBe("theirs");
  await files.write("f", bytes("mine"), { expected: bytes("theirs") });
  expect(text("f")).toBe("mine");
});

test("across file systems removal and undo carry the whole tree, and refuse what cannot be copied", async () => {
  // /dev/shm is a file system of its own wherever Linux mounts it; elsewhere the rename path is exercised again.
  const other = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "reeve-undo-"));
  try {
    openAt(join(other, "undo"));
    mkdirSync(join(root, "tree/sub"), { recursive: true });
    writeFileSync(join(root, "tree/sub/x"), "x".repeat(3_000_000), { mode: 0o700 });
    symlinkSync("sub/x", join(root, "tree/link"));
    const before = picture(root);
    await files.remove("tree", { recursive: true });
    expect(picture(root)).toEqual({});
    undoRun(workspace, "run", { as: { run_id: "back", call_id: "c" } });
    expect(picture(root)).toEqual(before);
    expect(readdirSync(join(undo, "run")).filter((name) => !name.endsWith(".json"))).toEqual([]);
    Bun.spawnSync(["mkfifo", join(root, "tree/pipe")]);
    const refused = await files.remove("tree", { recursive: true }).catch((cause: Fault) => cause.code);
    if (statSync(other).dev !== statSync(root).dev) expect(refused).toBe("failed_precondition");
    if (statSync(other).dev !== statSync(root).dev) expect(existsSync(join(root, "tree/pipe"))).toBe(true);
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});

const name = fc.constantFrom("a", "b", "d/a", "d/b", "d", "e", "e/d", "d/e/a");
const step = fc.oneof(
  fc.record({ do: fc.constantFrom("write", "append"), path: name, content: fc.string({ maxLength: 5 }) }),
  fc.record({ do: fc.constantFrom("make", "remove"), path: name }),
  fc.record({ do: fc.constant("move"), path: name, to: name, overwrite: fc.boolean() }),
);

/** An empty directory that was moved away is replaced by the directory it came from. */
const replacedDirectory: (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[] = [
  { do: "make", path: "d/b" },
  { do: "move", path: "d/b", to: "e", overwrite: false },
  { do: "move", path: "d", to: "e", overwrite: true },
];

test("whatever a run did, undoing it gives the tree from before, and undoing that the tree from after", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const place = mkdtempSync(join(base, "case-"));
      const directory = join(place, "workspace");
      mkdirSync(join(directory, "d/e"), { recursive: true });
      for (const each of ["a", "d/a", "d/e/a"]) writeFileSync(join(directory, each), each);
      const space = openWorkspace({ root: directory, forbidden: [], undo: join(place, "undo") });
      const on = space.handle({ run_id: "run", call_id: "call", mutable: true, permits: () => true });
      const before = picture(directory);
      for (const each of steps) {
        const done =
          "content" in each
            ? on.write(each.path, bytes(each.content), { mode: each.do === "append" ? "append" : "replace" })
            : "to" in each
              ? on.move(each.path, each.to, { overwrite: each.overwrite })
              : each.do === "make"
                ? on.makeDirectory(each.path)
                : on.remove(each.path, { recursive: true });
        await done.catch((cause) => {
          if (!(cause instanceof Fault) || cause.code === "internal") throw cause;
        });
      }
      const after = picture(directory);
      undoRun(space, "run", { as: { run_id: "undoing", call_id: "c" } });
      expect(picture(directory)).toEqual(before);
      undoRun(space, "undoing");
      expect(picture(directory)).toEqual(after);
    }),
    { numRuns: 40, examples: [[replacedDirectory]] },
  );
}, 60_000);

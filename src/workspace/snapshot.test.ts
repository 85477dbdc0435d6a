/** What programs did is taken back whole: random programs on random trees, odd names, limits, and a kill at every point. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { decodeName, encodeName, visibleName } from "./name.ts";
import { openWorkspace, undoRun, type Workspace } from "./workspace.ts";

// In memory where there is such a place: what is durable is not what is looked at here.
const ground = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const limits = { max_bytes: 64 << 20, max_files: 10_000 };
const call = { run_id: "run", call_id: "call" };
let base: string;
let root: string;
let undo: string;
let workspace: Workspace;

beforeEach(() => {
  base = mkdtempSync(join(ground, "reeve-snapshot-"));
  root = join(base, "workspace");
  undo = join(base, "undo");
  mkdirSync(root);
  workspace = openWorkspace({ root, forbidden: [undo], undo });
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

const take = (paths: readonly string[] = ["."], more: Partial<typeof limits> = {}) =>
  workspace.snapshot({ ...call, paths, ...limits, ...more });

/** Everything beneath a directory, by names that can be any bytes: type, mode, owner, content or target. */
function picture(directory: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const look = (path: string, name: string) => {
    const stats = lstatSync(encodeName(path));
    const owned = `${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid}`;
    if (stats.isSymbolicLink()) found[name] = `link ${readlinkSync(encodeName(path), "latin1")}`;
    else if (stats.isFile()) found[name] = `${owned} ${readFileSync(encodeName(path), "latin1")}`;
    else if (stats.isDirectory()) {
      found[name] = `dir ${owned}`;
      for (const each of readdirSync(encodeName(path), { encoding: "buffer" }).map(decodeName))
        look(`${path}/${each}`, `${name}/${each}`);
    } else found[name] = "special";
  };
  look(directory, ".");
  return found;
}

function leftIn(run: string): readonly string[] {
  return existsSync(join(undo, run)) ? readdirSync(join(undo, run)).sort() : [];
}

async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (cause) {
    if (cause instanceof Fault) return cause.code;
    throw cause;
  }
  return "nothing was thrown";
}

const big = "x".repeat(1_048_600);
const odd = decodeName(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0x62]));
const name = fc.constantFrom("a", "b", "c", "d", odd, "l\nf", ".reeve", "b\\c", "\uFFFD");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const content = fc.constantFrom("", "one", "two", "three", big);
const mode = fc.constantFrom(0o644, 0o600, 0o755, 0o4755, 0o2711, 0o000);
const step = fc.oneof(
  fc.record({ do: fc.constant("write" as const), path, content }),
  fc.record({ do: fc.constant("same" as const), path }),
  fc.record({ do: fc.constant("mkdir" as const), path }),
  fc.record({ do: fc.constant("remove" as const), path }),
  fc.record({ do: fc.constant("move" as const), path, to: path }),
  fc.record({ do: fc.constant("link" as const), path, to: path }),
  fc.record({ do: fc.constant("symlink" as const), path, to: fc.constantFrom("a", "../x", "/etc", odd) }),
  fc.record({ do: fc.constant("mode" as const), path, mode }),
  fc.record({ do: fc.constant("owner" as const), path, owner: fc.constantFrom(1, 2) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What a program may do, as far as the system lets it. */
function perform(at: string, steps: readonly Step[]): void {
  for (const each of steps) {
    const file = encodeName(`${at}/${each.path}`);
    try {
      if (each.do === "write") writeFileSync(file, each.content);
      else if (each.do === "same") {
        const text = readFileSync(file);
        rmSync(encodeName(`${at}/${each.path}`), { force: true });
        writeFileSync(file, text, { mode: 0o644 });
      } else if (each.do === "mkdir") mkdirSync(file);
      else if (each.do === "remove") rmSync(file, { recursive: true });
      else if (each.do === "move") renameSync(file, encodeName(`${at}/${each.to}`));
      else if (each.do === "link") linkSync(file, encodeName(`${at}/${each.to}`));
      else if (each.do === "symlink") symlinkSync(encodeName(each.to), file);
      else if (lstatSync(file).isSymbolicLink()) continue;
      else if (each.do === "mode") chmodSync(file, each.mode);
      else if (process.geteuid?.() === 0) chownSync(file, each.owner, each.owner);
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause)) throw cause;
    }
  }
}

/** Set-id bits are lost on the way back, and a special file cannot be made again. */
function withoutSetId(seen: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(seen).map(([each, what]) => [each, what.replace(/^(?!dir )([1-7])([0-7]{3}) /, "$2 ")]),
  );
}

test("whatever a program did to a tree, undoing it gives the tree from before, and undoing that the tree from after", async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 14 }),
      fc.array(step, { minLength: 1, maxLength: 14 }),
      fc.boolean(),
      async (making, changing, isKilled) => {
        const at = join(base, `case-${number++}`);
        const area = `${at}-undo`;
        mkdirSync(at);
        // What was Reeve's own before is neither kept nor shown to a program.
        perform(
          at,
          making.filter((each) => !JSON.stringify(each).includes(".reeve")),
        );
        const space = openWorkspace({ root: at, forbidden: [], undo: area });
        const before = picture(at);
        const snapshot = await space.snapshot({ ...call, paths: ["."], ...limits });
        perform(at, changing);
        if (isKilled) abandon(area);
        const settled = isKilled ? await space.settle("run") : [await snapshot.settle()];
        const after = picture(at);
        expect(settled).toHaveLength(1);
        expect(settled[0]?.total === 0).toBe(Bun.deepEquals(withoutSetId(before), withoutSetId(after)));
        undoRun(space, "run", { as: { run_id: "undoing", call_id: "c" } });
        expect(withoutSetId(picture(at))).toEqual(withoutSetId(before));
        expect(undoRun(space, "run")).toEqual([]);
        undoRun(space, "undoing");
        expect(withoutSetId(picture(at))).toEqual(withoutSetId(after));
        if (!isKilled) rmSync(area, { recursive: true, force: true });
        rmSync(at, { recursive: true });
      },
    ),
    { numRuns: 250 },
  );
}, 60_000);

/** As if the process that took the snapshots were gone. */
function abandon(area: string): void {
  for (const each of readdirSync(join(area, "run")).filter((file) => file.endsWith(".owner")))
    writeFileSync(join(area, "run", each), "gone/0/1/1\n");
}

test("only what changed is told, with its kind, and the contents of the rest are let go", async () => {
  mkdirSync(join(root, "d"));
  for (const each of ["same", "rewritten", "changed", "gone", "mode", "d/x"]) writeFileSync(join(root, each), each);
  symlinkSync("same", join(root, "link"));
  const snapshot = await take();
  writeFileSync(join(root, "rewritten"), "rewritten");
  writeFileSync(join(root, "changed"), "CHANGED");
  chmodSync(join(root, "mode"), 0o600);
  rmSync(join(root, "gone"));
  rmSync(join(root, "d"), { recursive: true });
  writeFileSync(join(root, "d"), "a file now");
  writeFileSync(join(root, "new"), "n");
  rmSync(join(root, "link"));
  symlinkSync("changed", join(root, "link"));
  const { changed, total, unsafe } = await snapshot.settle();
  expect(changed.map((each) => `${each.path} ${each.type} ${each.kind}`)).toEqual([
    "changed file content",
    "d file replaced",
    "d/x file removed",
    "gone file removed",
    "link link replaced",
    "mode file mode",
    "new file made",
  ]);
  expect([total, unsafe]).toEqual([7, [{ path: "link", why: "link" }]]);
  expect(leftIn("run")).toEqual(["000001.json", "000001.kept"]);
  expect(readFileSync(join(undo, "run/000001.kept"), "latin1")).toBe("changedd/xgone");
});

test("a program that changed nothing leaves no record, and neither does a snapshot over its limits", async () => {
  writeFileSync(join(root, "a"), "12345");
  writeFileSync(join(root, "b"), "12345");
  expect(await (await take()).settle()).toEqual({ changed: [], total: 0, unsafe: [] });
  expect(await codeOf(() => take(["."], { max_bytes: 9 }))).toBe("resource_exhausted");
  expect(await codeOf(() => take(["."], { max_files: 2 }))).toBe("resource_exhausted");
  expect(leftIn("run")).toEqual([]);
  await (await take(["."], { max_bytes: 10, max_files: 3 })).settle();
  await (await take(["b", "nowhere", "a/below"], { max_bytes: 5, max_files: 1 })).settle();
});

test("a change of equal length in the same tick of the clock is seen", async () => {
  for (let round = 0; round < 20; round++) {
    writeFileSync(join(root, "f"), "before");
    const snapshot = await take();
    writeFileSync(join(root, "f"), "after!");
    expect((await snapshot.settle()).total).toBe(1);
  }
});

test("a file changed right before the snapshot is compared by content, one from before by its times", async () => {
  writeFileSync(join(root, "old"), "o");
  utimesSync(join(root, "old"), 1, 1);
  await Bun.sleep(60);
  writeFileSync(join(root, "new"), "n");
  const snapshot = await take();
  const pending = JSON.parse(readFileSync(join(undo, "run/000001.pending.json"), "utf8")) as {
    readonly seen: readonly { readonly path: string; readonly doubtful: boolean }[];
  };
  const doubtful = pending.seen.filter((each) => each.doubtful).map((each) => each.path);
  expect(doubtful).toContain("new");
  expect(doubtful).not.toContain("old");
  expect((await snapshot.settle()).total).toBe(0);
});

test("times set back do not hide a change", async () => {
  writeFileSync(join(root, "f"), "before");
  await Bun.sleep(60);
  const { atime, mtime } = statSync(join(root, "f"));
  const snapshot = await take();
  writeFileSync(join(root, "f"), "after!");
  utimesSync(join(root, "f"), atime, mtime);
  expect((await snapshot.settle()).changed).toEqual([{ path: "f", type: "file", kind: "content" }]);
});

test("paths are guarded as everywhere: no link is followed, Reeve's own state is barred and not kept", async () => {
  mkdirSync(join(root, "real"));
  symlinkSync("real", join(root, "alias"));
  symlinkSync("/etc", join(root, "etc"));
  mkdirSync(join(root, "real/.reeve"));
  writeFileSync(join(root, "real/.reeve/ledger.db"), "ours");
  expect(await codeOf(() => take(["alias/x"]))).toBe("permission_denied");
  expect(await codeOf(() => take(["../outside"]))).toBe("permission_denied");
  expect(await codeOf(() => take([".reeve"]))).toBe("permission_denied");
  const snapshot = await take();
  expect(snapshot.barred).toEqual(["real/.reeve"]);
  writeFileSync(join(root, "real/.reeve/ledger.db"), "touched");
  expect((await snapshot.settle()).total).toBe(0);
  const inside = openWorkspace({ root, forbidden: [join(root, "real")], undo });
  expect((await inside.snapshot({ ...call, paths: ["."], ...limits })).barred).toEqual(["real"]);
});

test("set-id bits are cleared, and links, hard links, special files and odd names are told and stay closed to file tools", async () => {
  writeFileSync(join(root, "kept"), "k");
  writeFileSync(join(base, "outside"), "not yours");
  const snapshot = await take();
  for (const each of ["set", "plain"]) writeFileSync(join(root, each), each);
  chmodSync(join(root, "set"), 0o6755);
  linkSync(join(base, "outside"), join(root, "hard"));
  symlinkSync("/etc/passwd", join(root, "soft"));
  Bun.spawnSync(["mkfifo", join(root, "pipe")]);
  writeFileSync(encodeName(`${root}/${odd}`), "odd");
  const { unsafe } = await snapshot.settle();
  expect(unsafe).toEqual([
    { path: visibleName(odd), why: "unspeakable name" },
    { path: "hard", why: "hard links" },
    { path: "pipe", why: "special file" },
    { path: "set", why: "set-id bits cleared" },
    { path: "soft", why: "link" },
  ]);
  expect(statSync(join(root, "set")).mode & 0o7777).toBe(0o755);
  const files = workspace.handle({ ...call, mutable: true, permits: () => true });
  for (const each of ["hard", "soft", "pipe"])
    expect([each, await codeOf(() => files.read(each, 9))]).toEqual([each, "permission_denied"]);
  expect(undoRun(workspace, "run")).toHaveLength(6);
  expect(Object.keys(picture(root))).toEqual([".", "./kept"]);
  expect([readFileSync(join(base, "outside"), "utf8"), statSync(join(base, "outside")).nlink]).toEqual([
    "not yours",
    1,
  ]);
});

test("what file tools did before and after a program in the same run is undone with it, in order", async () => {
  const files = workspace.handle({ ...call, mutable: true, permits: () => true });
  const bytes = (text: string) => new TextEncoder().encode(text);
  writeFileSync(join(root, "f"), "0");
  mkdirSync(join(root, "d"));
  const before = picture(root);
  await files.write("f", bytes("1"));
  await files.makeDirectory("e");
  const snapshot = await take();
  writeFileSync(join(root, "f"), "2");
  for (const each of ["d/x", "e/y"]) writeFileSync(join(root, each), each);
  await snapshot.settle();
  await files.move("d", "e/d", { overwrite: false });
  await files.write("e/d/x", bytes("3"));
  await files.remove("e/y", { recursive: false });
  const after = picture(root);
  undoRun(workspace, "run", { as: { run_id: "back", call_id: "c" } });
  expect(picture(root)).toEqual(before);
  undoRun(workspace, "back");
  expect(picture(root)).toEqual(after);
});

test("someone else's change stops the undo before anything is touched; force puts it aside", async () => {
  mkdirSync(join(root, "old"));
  writeFileSync(join(root, "old/a"), "a");
  writeFileSync(join(root, "f"), "f");
  const before = picture(root);
  const snapshot = await take();
  rmSync(join(root, "old"), { recursive: true });
  mkdirSync(join(root, "new"));
  for (const each of ["f", "new/x"]) writeFileSync(join(root, each), "program");
  await snapshot.settle();
  writeFileSync(join(root, "new/theirs"), "t");
  writeFileSync(join(root, "old"), "a file of theirs");
  const theirs = picture(root);
  const fault = await Promise.resolve()
    .then(() => undoRun(workspace, "run"))
    .catch((cause: unknown) => cause);
  expect(fault instanceof Fault && fault.data).toEqual({ paths: ["new", "old"] });
  expect(picture(root)).toEqual(theirs);
  undoRun(workspace, "run", { force: true, as: { run_id: "forced", call_id: "c" } });
  expect(picture(root)).toEqual(before);
  undoRun(workspace, "forced");
  expect(picture(root)).toEqual(theirs);
});

test("an undo waits for the program: it neither takes part of it back nor settles it from beside", async () => {
  writeFileSync(join(root, "f"), "before");
  const snapshot = await take();
  writeFileSync(join(root, "f"), "half");
  expect(await codeOf(() => undoRun(workspace, "run"))).toBe("failed_precondition");
  expect(await codeOf(() => workspace.settle("run"))).toBe("failed_precondition");
  expect(await codeOf(() => undoRun(workspace, "run", { force: true }))).toBe("failed_precondition");
  await snapshot.settle();
  expect(undoRun(workspace, "run")).toEqual(["f"]);
  expect(readFileSync(join(root, "f"), "utf8")).toBe("before");
});

test("damage to what was kept is data loss by name, and nothing is put back from it", async () => {
  writeFileSync(join(root, "f"), "before");
  const snapshot = await take();
  writeFileSync(join(root, "f"), "after");
  await snapshot.settle();
  writeFileSync(join(undo, "run/000001.kept"), "beforE");
  expect(await codeOf(() => undoRun(workspace, "run"))).toBe("data_loss");
  rmSync(join(undo, "run/000001.kept"));
  expect(await codeOf(() => undoRun(workspace, "run"))).toBe("data_loss");
  expect(readFileSync(join(root, "f"), "utf8")).toBe("after");
});

test("what cannot be kept is told: a special file that is gone is not brought back, and does not stand in the way", async () => {
  Bun.spawnSync(["mkfifo", join(root, "pipe")]);
  const snapshot = await take();
  expect(snapshot.noted).toEqual(["pipe"]);
  rmSync(join(root, "pipe"));
  writeFileSync(join(root, "f"), "f");
  expect((await snapshot.settle()).unsafe).toEqual([{ path: "pipe", why: "cannot be brought back" }]);
  expect(undoRun(workspace, "run")).toEqual(["f"]);
});

test.if(process.geteuid?.() === 0)("an ordinary user's program cannot shut its user out of what it did", async () => {
  const script = `
    const { openWorkspace, undoRun } = await import(${JSON.stringify(join(import.meta.dir, "workspace.ts"))});
    const { chmodSync, mkdirSync, writeFileSync, rmSync } = await import("node:fs");
    const [root, undo] = process.argv.slice(-2);
    const workspace = openWorkspace({ root, forbidden: [], undo });
    const snapshot = await workspace.snapshot({ run_id: "run", call_id: "c", paths: ["."], max_bytes: 99, max_files: 99 });
    mkdirSync(root + "/shut"); writeFileSync(root + "/shut/f", "x"); chmodSync(root + "/shut/f", 0); chmodSync(root + "/shut", 0);
    writeFileSync(root + "/old", "y"); chmodSync(root + "/old", 0o200);
    const { unsafe } = await snapshot.settle();
    console.log(unsafe.map((each) => each.path + " " + each.why).join(", "));
    console.log(undoRun(workspace, "run").join(" "));
  `;
  writeFileSync(join(root, "old"), "old");
  for (const each of [base, root, join(root, "old")]) chownSync(each, 65534, 65534);
  const command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, "-e", script];
  const { stdout, stderr } = Bun.spawnSync([...command, "--", root, undo], { env: { PATH: "/usr/bin:/bin" } });
  expect([stderr.toString(), stdout.toString()]).toEqual([
    "",
    "old opened to its owner, shut opened to its owner, shut/f opened to its owner\nold shut shut/f\n",
  ]);
  expect(Object.keys(picture(root))).toEqual([".", "./old"]);
  expect(readFileSync(join(root, "old"), "utf8")).toBe("old");
});

/** Attacks on the file handle: each is carried out for real, beside a secret outside that must stay unread and unchanged. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FaultCode } from "../core/fault.ts";
import { Fault } from "../core/fault.ts";
import type { WorkspaceHandle } from "../define/handles.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

let base: string;
let root: string;
let outside: string;
let workspace: Workspace;
let files: WorkspaceHandle;
const bytes = (text: string) => new TextEncoder().encode(text);

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "reeve-guard-"));
  root = join(base, "workspace");
  outside = join(base, "outside");
  for (const directory of [root, outside, join(root, "dir"), join(root, "runs"), join(root, ".reeve")])
    mkdirSync(directory);
  writeFileSync(join(outside, "secret"), "secret");
  writeFileSync(join(root, "dir/file.txt"), "hello");
  writeFileSync(join(root, ".reeve/policy.json"), "secret");
  writeFileSync(join(root, "runs/old"), "secret");
  workspace = openWorkspace({ root, forbidden: [join(root, ".reeve"), join(root, "runs")], undo: join(base, "undo") });
  files = handle();
});

afterEach(() => {
  expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
  expect(readdirSync(outside)).toEqual(["secret"]);
  rmSync(base, { recursive: true, force: true });
});

function handle(permits: (access: string, path: string) => boolean = () => true, mutable = true): WorkspaceHandle {
  return workspace.handle({ run_id: "run", call_id: "call", mutable, permits });
}

/** Every method that takes a path, aimed at one. */
function everything(on: WorkspaceHandle, path: string): readonly (readonly [string, () => Promise<unknown>])[] {
  return [
    ["read", () => on.read(path, 100)],
    ["stat", () => on.stat(path)],
    ["walk", () => Array.fromAsync(on.walk(path, { signal: AbortSignal.timeout(10_000), skip: [] }))],
    ["write", () => on.write(path, bytes("mine"))],
    ["append", () => on.write(path, bytes("mine"), { mode: "append" })],
    ["create", () => on.write(path, bytes("mine"), { mode: "create" })],
    ["makeDirectory", () => on.makeDirectory(path)],
    ["remove", () => on.remove(path, { recursive: true })],
    ["move away", () => on.move(path, "moved", { overwrite: true })],
    ["move onto", () => on.move("dir/file.txt", path, { overwrite: true })],
  ];
}

async function codeOf(act: () => Promise<unknown>): Promise<FaultCode | "done"> {
  try {
    await act();
    return "done";
  } catch (cause) {
    if (cause instanceof Fault) return cause.code;
    throw cause;
  }
}

async function expectRefused(path: string): Promise<void> {
  for (const [name, act] of everything(files, path)) {
    expect([name, await codeOf(act)]).toEqual([name, "permission_denied"]);
  }
  expect(readFileSync(join(root, "dir/file.txt"), "utf8")).toBe("hello");
}

test("a link to a file outside is refused by every method and stays as it is", async () => {
  symlinkSync(join(outside, "secret"), join(root, "link"));
  await expectRefused("link");
});

test("a dangling link is refused, so nothing is created where it points", async () => {
  symlinkSync(join(outside, "new"), join(root, "link"));
  await expectRefused("link");
  expect(existsSync(join(outside, "new"))).toBe(false);
});

test("a link to a file inside is refused as well", async () => {
  symlinkSync("dir/file.txt", join(root, "link"));
  await expectRefused("link");
});

test("a path through a linked directory is refused", async () => {
  symlinkSync(outside, join(root, "way"));
  await expectRefused("way/secret");
  await expectRefused("way");
  expect(await codeOf(() => files.list("way"))).toBe("permission_denied");
});

test("a file with a second hard link is refused", async () => {
  linkSync(join(outside, "secret"), join(root, "hard"));
  await expectRefused("hard");
  rmSync(join(root, "hard"));
});

test("a FIFO is refused at once instead of waiting for a writer", async () => {
  expect(Bun.spawnSync(["mkfifo", join(root, "pipe")]).exitCode).toBe(0);
  await expectRefused("pipe");
});

test("a socket and, where one can be made, a device are refused", async () => {
  using server = Bun.listen({ unix: join(root, "socket"), socket: { data() {} } });
  expect(server.unix).toBe(join(root, "socket"));
  await expectRefused("socket");
  // Making a device node needs privilege; without it there is nothing to attack with.
  if (Bun.spawnSync(["mknod", join(root, "null"), "c", "1", "3"]).exitCode === 0) await expectRefused("null");
});

test("dots, backslashes, drives and other absolute paths are refused before the disk is asked", async () => {
  for (const path of ["../outside/secret", "dir/../../outside/secret", "..\\outside\\secret", "C:secret", outside]) {
    await expectRefused(path);
  }
});

test("reeve's state is refused by name at any depth, even where none exists", async () => {
  for (const path of [".reeve", ".reeve/policy.json", "dir/.reeve/x", ".Reeve/policy.json"]) await expectRefused(path);
});

test("a forbidden directory is known by identity, under whatever name it is found", async () => {
  await expectRefused("runs/old");
  renameSync(join(root, "runs"), join(root, "dir/alias"));
  mkdirSync(join(base, "elsewhere"));
  workspace = openWorkspace({ root, forbidden: [join(root, "dir/alias")], undo: join(base, "undo") });
  files = handle();
  await expectRefused("dir/alias/old");
  for (const [name, act] of everything(files, "dir/alias"))
    expect([name, await codeOf(act)]).not.toEqual([name, "done"]);
  expect(await codeOf(() => files.list("dir/alias"))).toBe("permission_denied");
  expect((await files.list("dir")).map(({ name }) => name)).toEqual(["file.txt"]);
  expect(readdirSync(join(root, "dir/alias"))).toEqual(["old"]);
});

test("a forbidden directory made after the workspace was opened is refused too", async () => {
  const late = join(root, "late");
  workspace = openWorkspace({ root, forbidden: [late], undo: join(base, "undo") });
  files = handle();
  mkdirSync(late);
  writeFileSync(join(late, "x"), "secret");
  await expectRefused("late/x");
});

test("a directory that holds reeve's state can be neither removed nor moved", async () => {
  mkdirSync(join(root, "dir/deep/.reeve"), { recursive: true });
  expect(await codeOf(() => files.remove("dir", { recursive: true }))).toBe("permission_denied");
  expect(await codeOf(() => files.move("dir", "other", { overwrite: false }))).toBe("permission_denied");
  expect(existsSync(join(root, "dir/deep/.reeve"))).toBe(true);
});

test("what may not be read cannot be moved to where it may, alone or in a directory", async () => {
  const blind = handle((access, path) => access !== "read" || path !== "dir/file.txt");
  expect(await codeOf(() => blind.move("dir/file.txt", "open", { overwrite: false }))).toBe("permission_denied");
  expect(await codeOf(() => blind.move("dir", "open", { overwrite: false }))).toBe("permission_denied");
  expect(readFileSync(join(root, "dir/file.txt"), "utf8")).toBe("hello");
});

test("the workspace itself can be neither removed, moved, replaced nor written", async () => {
  for (const path of [".", "./", root, `${root}/.`]) {
    for (const [name, act] of everything(files, path)) {
      if (["stat", "walk", "makeDirectory"].includes(name)) continue;
      expect([name, await codeOf(act)]).toEqual([name, "permission_denied"]);
    }
  }
  expect(readFileSync(join(root, "dir/file.txt"), "utf8")).toBe("hello");
});

test("listing and walking leave out state, links, special and hard-linked files", async () => {
  symlinkSync(join(outside, "secret"), join(root, "link"));
  symlinkSync(outside, join(root, "way"));
  linkSync(join(outside, "secret"), join(root, "hard"));
  Bun.spawnSync(["mkfifo", join(root, "pipe")]);
  const listed = await files.list(".");
  expect(listed.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "dir dir",
    "hard other",
    "link other",
    "pipe other",
    "way other",
  ]);
  const walked = await Array.fromAsync(files.walk(".", { signal: AbortSignal.timeout(10_000), skip: [] }));
  expect(walked.map(({ path }) => path)).toEqual(["dir/file.txt"]);
  rmSync(join(root, "hard"));
});

test("an interruption ends a walk whose files take long, however few they are", async () => {
  for (const name of ["a", "b", "c", "d"]) writeFileSync(join(root, name), "x");
  const controller = new AbortController();
  setImmediate(() => controller.abort(new Fault("canceled", "interrupted")));
  const seen: string[] = [];
  const walk = async (): Promise<void> => {
    for await (const file of files.walk(".", { signal: controller.signal, skip: [] })) {
      seen.push(file.path);
      for (const began = performance.now(); performance.now() - began < 30;) {
        // What a search does with a file: it computes, and lets nothing else run.
      }
    }
  };
  expect(await codeOf(walk)).toBe("canceled");
  expect(seen.length).toBeLessThan(5);
});

test("a tree with links in it is removed without following them", async () => {
  symlinkSync(outside, join(root, "dir/way"));
  symlinkSync(join(outside, "secret"), join(root, "dir/link"));
  expect(await files.remove("dir", { recursive: true })).toBe("dir");
  expect(existsSync(join(root, "dir"))).toBe(false);
});

test("every path touched is put to the decision, also those inside a tree", async () => {
  mkdirSync(join(root, "dir/sub"));
  writeFileSync(join(root, "dir/sub/keep"), "x");
  const asked: string[] = [];
  const careful = handle((access, path) => {
    asked.push(`${access} ${path}`);
    return path !== "dir/sub/keep" && path !== "new/sub/keep";
  });
  expect(await codeOf(() => careful.remove("dir", { recursive: true }))).toBe("permission_denied");
  expect(asked).toEqual(["delete dir", "delete dir/file.txt", "delete dir/sub", "delete dir/sub/keep"]);
  expect(await codeOf(() => careful.move("dir", "new", { overwrite: false }))).toBe("permission_denied");
  const walked = await Array.fromAsync(careful.walk(".", { signal: AbortSignal.timeout(10_000), skip: [] }));
  expect(walked.map(({ path }) => path)).toEqual(["dir/file.txt"]);
  expect(existsSync(join(root, "dir/sub/keep"))).toBe(true);
});

test("moving a tree asks for writing each of its new paths, and listing shows only what may be read", async () => {
  const noNew = handle((access, path) => !(access === "write" && path === "new/file.txt"));
  expect(await codeOf(() => noNew.move("dir", "new", { overwrite: false }))).toBe("permission_denied");
  expect(existsSync(join(root, "dir/file.txt"))).toBe(true);
  const blind = handle((access, path) => access !== "read" || path !== "dir/file.txt");
  expect(await blind.list("dir")).toEqual([]);
});

test("state that is nobody's forbidden directory is not shown either", async () => {
  mkdirSync(join(root, "dir/.reeve"));
  expect((await files.list("dir")).map(({ name }) => name)).toEqual(["file.txt"]);
});

test("creating refuses what exists, and moving refuses to bury a directory's contents", async () => {
  expect(await codeOf(() => files.write("dir/file.txt", bytes("x"), { mode: "create" }))).toBe("already_exists");
  await files.makeDirectory("other");
  const buried = await files.move("other", "dir", { overwrite: true }).catch((cause: Fault) => cause.hint);
  expect(buried).toBe("delete it first");
  expect(readFileSync(join(root, "dir/file.txt"), "utf8")).toBe("hello");
});

test("each method asks for its own access before it looks at the disk", async () => {
  const asked: string[] = [];
  const none = handle((access, path) => {
    asked.push(`${access} ${path}`);
    return false;
  });
  for (const [name, act] of everything(none, "no/such"))
    expect([name, await codeOf(act)]).toEqual([name, "permission_denied"]);
  expect(await codeOf(() => none.list("no/such"))).toBe("permission_denied");
  expect(new Set(asked)).toEqual(new Set(["read no/such", "write no/such", "delete no/such", "delete dir/file.txt"]));
  const onlyDelete = handle((access) => access === "delete");
  expect(await codeOf(() => onlyDelete.move("dir/file.txt", "x", { overwrite: false }))).toBe("permission_denied");
});

test("a handle for reading refuses every mutation", async () => {
  const reader = handle(() => true, false);
  const mutators = everything(reader, "dir/file.txt").slice(3);
  for (const [name, act] of mutators) expect([name, await codeOf(act)]).toEqual([name, "permission_denied"]);
  expect((await reader.read("dir/file.txt", 100)).size).toBe(5);
});

test("no descriptor stays open, whether a call succeeds or is refused", async () => {
  symlinkSync(outside, join(root, "way"));
  symlinkSync(join(outside, "secret"), join(root, "link"));
  linkSync(join(outside, "secret"), join(root, "hard"));
  Bun.spawnSync(["mkfifo", join(root, "pipe")]);
  const round = async () => {
    for (const path of ["way/secret", "link", "hard", "pipe", "runs/old", "dir", "dir/file.txt/x", "no/such", "."]) {
      for (const [name, act] of everything(files, path)) if (path !== "dir" || name !== "remove") await codeOf(act);
      await codeOf(() => files.list(path));
    }
    await files.write("dir/new", bytes("x"));
    await files.move("dir/new", "dir/newer", { overwrite: true });
    await files.remove("dir/newer", { recursive: false });
    for await (const _ of files.walk(".", { signal: AbortSignal.timeout(10_000), skip: [] })) break;
  };
  await round();
  const before = readdirSync("/proc/self/fd").length;
  for (let i = 0; i < 5; i++) await round();
  expect(readdirSync("/proc/self/fd").length).toBe(before);
  rmSync(join(root, "hard"));
});

test("a workspace that is a link, lies in reeve's state, or was replaced is refused", async () => {
  symlinkSync(root, join(base, "alias"));
  const open = (at: string) =>
    codeOf(async () => openWorkspace({ root: at, forbidden: [outside], undo: join(base, "undo") }));
  mkdirSync(join(base, ".reeve/inner"), { recursive: true });
  mkdirSync(join(outside, "inner"));
  expect(await open(join(base, "alias"))).toBe("permission_denied");
  expect(await open(join(base, ".reeve/inner"))).toBe("failed_precondition");
  expect(await open(join(outside, "inner"))).toBe("failed_precondition");
  expect(await open(outside)).toBe("failed_precondition");
  expect(await open(join(base, "none"))).toBe("not_found");
  rmSync(join(outside, "inner"), { recursive: true });
  renameSync(root, join(base, "old"));
  mkdirSync(root);
  expect(await codeOf(() => files.list("."))).toBe("failed_precondition");
});

/** The file tools on a real workspace: what they answer, what they refuse, and what is on the disk afterwards. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { Json } from "../../core/canonical.ts";
import type { WorkspaceHandle } from "../../define/handles.ts";
import type { Tool } from "../../define/tool.ts";
import { openWorkspace } from "../../workspace/workspace.ts";
import { callTool } from "../testdata/call.ts";
import { append } from "./append.ts";
import { remove } from "./delete.ts";
import { edit } from "./edit.ts";
import { list } from "./list.ts";
import { move } from "./move.ts";
import { read } from "./read.ts";
import { write } from "./write.ts";

let base: string;
let root: string;
let workspace: WorkspaceHandle;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "reeve-fs-"));
  root = join(base, "workspace");
  mkdirSync(root);
  workspace = handle(() => true);
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function handle(permits: (access: string, path: string) => boolean): WorkspaceHandle {
  const opened = openWorkspace({ root, forbidden: [], undo: join(base, "undo") });
  return opened.handle({ run_id: "run", call_id: "call", mutable: true, permits });
}

function put(path: string, content: string | Uint8Array, modified_s?: number): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  if (modified_s !== undefined) utimesSync(join(root, path), modified_s, modified_s);
}

const text = (path: string) => readFileSync(join(root, path), "utf8");
const call = (tool: Tool, input: Json) => callTool(tool, { workspace }, input);
const refused = (tool: Tool, input: Json, code: string) =>
  expect(call(tool, input)).rejects.toMatchObject({ name: "Fault", code });

describe("fs.read", () => {
  test("gives the file, and says exactly whether it goes on", async () => {
    put("f", "12345");
    const whole = { path: "f", content: "12345", truncated: false, size: 5, lines: 1 };
    expect(await call(read, { path: "./f" })).toEqual(whole);
    expect(await call(read, { path: "f", max_bytes: 5 })).toEqual(whole);
    expect(await call(read, { path: "f", max_bytes: 4 })).toMatchObject({ content: "1234", truncated: true, size: 5 });
  });

  test("never cuts a character, wherever the bound falls", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        async (content, max_bytes) => {
          fc.pre(!content.includes("\0") && content.isWellFormed());
          put("f", content);
          const answer = (await call(read, { path: "f", max_bytes })) as { content: string; truncated: boolean };
          expect(content.startsWith(answer.content)).toBe(true);
          expect(Buffer.byteLength(answer.content)).toBeLessThanOrEqual(max_bytes);
          expect(answer.truncated).toBe(answer.content !== content);
          const next = [...content.slice(answer.content.length)][0] ?? "";
          if (answer.truncated) expect(Buffer.byteLength(answer.content + next)).toBeGreaterThan(max_bytes);
        },
      ),
    );
  });

  test("gives a range of lines", async () => {
    put("f", "a\nb\nc\nd");
    expect(await call(read, { path: "f", start_line: 2, max_lines: 2 })).toMatchObject({
      content: "b\nc\n",
      truncated: true,
      lines: 2,
    });
    expect(await call(read, { path: "f", start_line: 3 })).toMatchObject({ content: "c\nd", truncated: false });
    expect(await call(read, { path: "f", start_line: 9 })).toMatchObject({ content: "", truncated: false, lines: 0 });
    expect(await call(read, { path: "f", start_line: 2, max_bytes: 3 })).toMatchObject({
      content: "b\nc",
      truncated: true,
    });
  });

  test("refuses bytes that are no text, and numbers out of range instead of replacing them", async () => {
    put("nul", "a\0b");
    put("latin", new Uint8Array([0x63, 0xe9]));
    await refused(read, { path: "nul" }, "failed_precondition");
    await refused(read, { path: "latin" }, "failed_precondition");
    await refused(read, { path: "gone" }, "not_found");
    await refused(read, { path: "." }, "permission_denied");
    for (const max_bytes of [0, -1, 1_048_577, 2e6, 1.5])
      await refused(read, { path: "nul", max_bytes }, "invalid_argument");
    put("ok", "x");
    expect(await call(read, { path: "ok", max_bytes: 1e6 })).toMatchObject({ content: "x" });
  });
});

describe("fs.list", () => {
  test("lists a directory in name order with types, and says when the limit cut it", async () => {
    put("b.txt", "12");
    put("a/x", "");
    const { entries } = (await call(list, { path: "." })) as {
      entries: { path: string; type: string; size: number }[];
    };
    expect(entries.map(({ path, type, size }) => [path, type, size])).toEqual([
      ["a", "dir", 0],
      ["b.txt", "file", 2],
    ]);
    expect(await call(list, { limit: 1 })).toMatchObject({ entries: [{ path: "a" }], total: 2, truncated: true });
    expect(await call(list, { limit: 2 })).toMatchObject({ total: 2, truncated: false });
    await refused(list, { path: "b.txt" }, "failed_precondition");
  });

  test("finds the largest source files, not those of others", async () => {
    for (const [path, size] of [
      ["src/a.ts", 10],
      ["src/b.py", 30],
      ["c.rs", 20],
      ["big.bin", 99],
      ["node_modules/x.js", 99],
      [".git/y.c", 99],
    ] as const) {
      put(path, "x".repeat(size));
    }
    const answer = await call(list, { path: ".", recursive: true, sort: "size", limit: 2, source_only: true });
    expect(answer).toMatchObject({
      entries: [{ path: "src/b.py", size: 30 }, { path: "c.rs" }],
      total: 3,
      truncated: true,
    });
    expect(await call(list, { recursive: true, min_size_bytes: 99 })).toMatchObject({ total: 3 });
  });

  test("orders by age and filters by extension, with or without its dot", async () => {
    put("old.md", "", 1000);
    put("d/new.MD", "", 2000);
    put("x.txt", "", 3000);
    const answer = await call(list, { recursive: true, sort: "modified", extensions: [".md"] });
    expect(answer).toMatchObject({
      entries: [{ path: "d/new.MD", modified_ms: 2_000_000 }, { path: "old.md" }],
      total: 2,
    });
  });

  test("keeps the best of more files than it holds at once", async () => {
    for (let i = 0; i < 50; i++) put(`f${i}`, "x".repeat((i * 37) % 50));
    const { entries } = (await call(list, { recursive: true, sort: "size", limit: 3 })) as {
      entries: { size: number }[];
    };
    expect(entries.map(({ size }) => size)).toEqual([49, 48, 47]);
  });
});

describe("fs.write and fs.append", () => {
  test("say what they wrote, and make parents only when asked to", async () => {
    expect(await call(write, { path: "f", content: "a\nbé" })).toEqual({
      path: "f",
      bytes: 5,
      lines: 2,
      summary: "wrote 2 line(s) to f",
    });
    await refused(write, { path: "d/e/f", content: "x" }, "not_found");
    expect(existsSync(join(root, "d"))).toBe(false);
    await call(write, { path: "d/e/f", content: "x", create_parents: true });
    expect(text("d/e/f")).toBe("x");
    expect(await call(append, { path: "f", content: "\n" })).toMatchObject({ bytes_appended: 1, lines_appended: 1 });
    await call(append, { path: "new", content: "n" });
    expect([text("f"), text("new")]).toEqual(["a\nbé\n", "n"]);
  });

  test("refuse what is no text, and a directory", async () => {
    put("f", "kept");
    mkdirSync(join(root, "d"));
    for (const tool of [write, append]) {
      await refused(tool, { path: "f", content: "a\0b" }, "invalid_argument");
      await refused(tool, { path: "f", content: "\ud800" }, "invalid_argument");
      await refused(tool, { path: "d", content: "x" }, "failed_precondition");
    }
    expect(text("f")).toBe("kept");
  });
});

describe("fs.delete", () => {
  test("deletes a file, a directory only when recursive, and nothing quietly only when forced", async () => {
    put("d/f", "x");
    await refused(remove, { path: "d" }, "failed_precondition");
    expect(await call(remove, { path: "d/f" })).toMatchObject({ deleted: true, type: "file" });
    expect(await call(remove, { path: "d", recursive: true })).toMatchObject({ deleted: true, type: "dir" });
    await refused(remove, { path: "d" }, "not_found");
    expect(await call(remove, { path: "d/x", force: true })).toMatchObject({
      deleted: false,
      type: null,
      skipped: "not_found",
    });
    for (const path of [".", root]) await refused(remove, { path, recursive: true, force: true }, "permission_denied");
    expect(existsSync(root)).toBe(true);
  });
});

describe("fs.move", () => {
  test("moves, renames and overwrites only where that loses no tree", async () => {
    put("a", "a");
    put("b", "b");
    put("full/x", "x");
    put("dir/y", "y");
    await refused(move, { src: "a", dst: "b" }, "already_exists");
    expect(await call(move, { src: "a", dst: "a" })).toMatchObject({ moved: false });
    expect(await call(move, { src: "a", dst: "b", overwrite: true })).toMatchObject({ moved: true, type: "file" });
    await refused(move, { src: "b", dst: "full", overwrite: true }, "failed_precondition");
    await refused(move, { src: "dir", dst: "full", overwrite: true }, "failed_precondition");
    await refused(move, { src: "dir", dst: "dir/inner" }, "invalid_argument");
    await refused(move, { src: "gone", dst: "c" }, "not_found");
    expect(await call(move, { src: "dir", dst: "moved" })).toMatchObject({ type: "dir" });
    expect([text("b"), text("moved/y"), text("full/x")]).toEqual(["a", "y", "x"]);
  });

  test("asks for deleting the source and writing the destination", async () => {
    put("a", "a");
    workspace = handle((access, path) => !(access === "delete" && path === "a"));
    await refused(move, { src: "a", dst: "b" }, "permission_denied");
    workspace = handle((access, path) => !(access === "write" && path === "b"));
    await refused(move, { src: "a", dst: "b" }, "permission_denied");
    expect(text("a")).toBe("a");
  });
});

describe("fs.edit", () => {
  test("edits in each of its modes and names the mode", async () => {
    put("f", "one\ntwo\nthree\n");
    expect(await call(edit, { path: "f", old: "two", new: "2" })).toMatchObject({
      mode: "replace_once",
      applied_edits: 1,
      updated: true,
    });
    await call(edit, { path: "f", edits: [{ startLine: 1, endLine: 1, newText: "1" }] });
    await call(edit, { path: "f", patch: "@@ -3 +3 @@\n-three\n+3\n" });
    expect(text("f")).toBe("1\n2\n3\n");
    expect(await call(edit, { path: "f", old: "\n", new: ";", all: true })).toMatchObject({
      mode: "replace_all",
      applied_edits: 3,
    });
    expect(text("f")).toBe("1;2;3;");
    expect(await call(edit, { path: "f", old: "1", new: "1" })).toMatchObject({ updated: false });
  });

  test("takes exactly one mode, and changes nothing when it does not fit", async () => {
    put("f", "a\na\n");
    for (const input of [
      { path: "f" },
      { path: "f", old: "a" },
      { path: "f", new: "a" },
      { path: "f", all: true, patch: "@@ -1 +1 @@\n-a\n+b\n" },
      { path: "f", old: "a", new: "b", patch: "@@ -1 +1 @@\n-a\n+b\n" },
      { path: "f", edits: [], patch: "" },
      { path: "f", old: "a\na\n", new: "\0" },
    ]) {
      await refused(edit, input, "invalid_argument");
    }
    await refused(edit, { path: "f", old: "a", new: "b" }, "failed_precondition");
    await refused(edit, { path: "f", patch: "@@ -1 +1 @@\n-x\n+b\n" }, "failed_precondition");
    await refused(edit, { path: "gone", old: "a", new: "b" }, "not_found");
    expect(text("f")).toBe("a\na\n");
  });

  test("two edits at once on one file both count, or one is told to read again", async () => {
    put("f", "a b");
    const both = await Promise.allSettled([
      call(edit, { path: "f", old: "a", new: "A" }),
      call(edit, { path: "f", old: "b", new: "B" }),
    ]);
    const refusals = both.flatMap((each) => (each.status === "rejected" ? [each.reason as { code: string }] : []));
    expect(refusals.map(({ code }) => code)).toEqual(refusals.map(() => "failed_precondition"));
    expect(text("f")).toBe(refusals.length === 0 ? "A B" : both[0]?.status === "fulfilled" ? "A b" : "a B");
  });
});

/** code.search on a real workspace: what it finds, what it leaves alone, and that each bound is told. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Json } from "../../core/canonical.ts";
import { openWorkspace } from "../../workspace/workspace.ts";
import { callTool } from "../testdata/call.ts";
import { search } from "./search.ts";

interface Answer {
  readonly matches: readonly { readonly path: string; readonly line: number; readonly text: string }[];
  readonly files_searched: number;
  readonly skipped: { readonly binary: number; readonly oversized: number; readonly long_lines: number };
  readonly truncated: string | null;
}

let base: string;
let root: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "reeve-search-"));
  root = join(base, "workspace");
  mkdirSync(root);
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

async function find(input: Json, permits: (path: string) => boolean = () => true): Promise<Answer> {
  const opened = openWorkspace({ root, forbidden: [], undo: join(base, "undo") });
  const workspace = opened.handle({ run_id: "r", call_id: "c", mutable: false, permits: (_, path) => permits(path) });
  return (await callTool(search, { workspace }, input)) as Answer;
}

const placesIn = (answer: Answer) => answer.matches.map(({ path, line }) => `${path}:${line}`);

test("a pattern is plain text unless it is said to be a regular expression", async () => {
  put("a.ts", "f(x)\r\nfx\n  g(F(X))");
  expect((await find({ pattern: "f(x)" })).matches).toEqual([{ path: "a.ts", line: 1, text: "f(x)" }]);
  expect(placesIn(await find({ pattern: "f(x)", ignore_case: true }))).toEqual(["a.ts:1", "a.ts:3"]);
  expect(placesIn(await find({ pattern: "f(x)", regex: true }))).toEqual(["a.ts:2"]);
  expect(placesIn(await find({ pattern: "^F\\(.\\)$", regex: true, ignore_case: true }))).toEqual(["a.ts:1"]);
  await expect(find({ pattern: "f(", regex: true })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("vendored directories are passed over unless they are asked for, and files come in name order", async () => {
  for (const path of ["b/x", "a", "node_modules/x", ".git/x", "vendor/x"]) put(path, "needle");
  expect(placesIn(await find({ pattern: "needle" }))).toEqual(["a:1", "b/x:1"]);
  expect(placesIn(await find({ pattern: "needle", path: "node_modules" }))).toEqual(["node_modules/x:1"]);
  expect(placesIn(await find({ pattern: "needle", path: "b/x" }))).toEqual(["b/x:1"]);
});

test("links and hard links out of the workspace are not searched", async () => {
  mkdirSync(join(base, "outside"));
  writeFileSync(join(base, "outside/secret"), "needle");
  symlinkSync(join(base, "outside/secret"), join(root, "link"));
  symlinkSync(join(base, "outside"), join(root, "way"));
  linkSync(join(base, "outside/secret"), join(root, "hard"));
  put("own", "needle");
  expect(placesIn(await find({ pattern: "needle" }))).toEqual(["own:1"]);
  for (const path of ["link", "way", "way/secret", "hard"]) {
    await expect(find({ pattern: "needle", path })).rejects.toMatchObject({ code: "permission_denied" });
  }
});

test("a file the decision does not cover is not searched", async () => {
  put("open", "needle");
  put("closed", "needle");
  expect(placesIn(await find({ pattern: "needle" }, (path) => path !== "closed"))).toEqual(["open:1"]);
});

test("what was skipped is counted by reason", async () => {
  put("nul", "needle\0");
  put("latin", new Uint8Array([0xe9]));
  put("large", "needle".repeat(10));
  put("long", `${"x".repeat(5000)}needle\nneedle`);
  const answer = await find({ pattern: "needle", regex: true, max_file_bytes: 6000 });
  expect(answer.skipped).toMatchObject({ binary: 2, oversized: 0, long_lines: 1 });
  expect(placesIn(answer)).toEqual(["large:1", "long:2"]);
  expect((await find({ pattern: "x", max_file_bytes: 59 })).skipped).toMatchObject({ oversized: 2 });
});

test("each bound that ends a search early is named, and only then", async () => {
  put("a", "x\nx\nx");
  put("b", "x");
  expect(await find({ pattern: "x", max_matches: 4 })).toMatchObject({ truncated: null });
  expect(await find({ pattern: "x", max_matches: 3 })).toMatchObject({ truncated: "matches" });
  expect(await find({ pattern: "x", max_files: 2 })).toMatchObject({ truncated: null, files_searched: 2 });
  expect(await find({ pattern: "x", max_files: 1 })).toMatchObject({ truncated: "files", files_searched: 1 });
});

test("a search past its time ends and says so", async () => {
  put("a", "x\nx");
  let now = 0;
  const opened = openWorkspace({ root, forbidden: [], undo: join(base, "undo") });
  const workspace = opened.handle({ run_id: "r", call_id: "c", mutable: false, permits: () => true });
  const ctx = { workspace, signal: new AbortController().signal, now: () => (now += 15_000) };
  const answer = await search.handler(ctx as never, {
    pattern: "x",
    path: ".",
    regex: false,
    ignore_case: false,
    max_files: 9,
    max_file_bytes: 99,
    max_matches: 9,
  });
  expect(answer).toMatchObject({ truncated: "time", matches: [] });
});

test("the text shown of a long line is cut between characters", async () => {
  put("a", `needle${"é".repeat(2000)}`);
  const [match] = (await find({ pattern: "needle" })).matches;
  expect(match?.text).toBe(`needle${"é".repeat(497)}`);
});

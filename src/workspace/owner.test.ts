/** Whose files are, as root with real ones: file tools and undo keep owners, and giving a workspace away gives nothing else. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programUid } from "./owner.ts";
import { openWorkspace, undoRun, type Workspace } from "./workspace.ts";

const isRoot = process.geteuid?.() === 0;
const bytes = (text: string) => new TextEncoder().encode(text);
let base: string;
let root: string;
let undo: string;
let workspace: Workspace;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "reeve-owner-"));
  root = join(base, "workspace");
  mkdirSync(root);
  open(join(base, "undo"));
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function open(area: string): void {
  undo = area;
  workspace = openWorkspace({ root, forbidden: [], undo });
}

const handle = () => workspace.handle({ run_id: "run", call_id: "c", mutable: true, permits: () => true });
const owner = (path: string) => {
  const { uid, gid } = lstatSync(join(root, path));
  return `${uid}:${gid}`;
};

test("programs run as the owner of the workspace, as the setting's user where that is root, and never as root", () => {
  if (!isRoot) return expect(programUid(root, 61_000).uid).toBe(process.geteuid?.() ?? -1);
  expect(programUid(root, 61_000)).toEqual({ uid: 61_000, gid: 61_000 });
  chownSync(root, 1234, 1235);
  expect(programUid(root, 61_000)).toEqual({ uid: 1234, gid: 1235 });
  chownSync(root, 1234, 0);
  expect(programUid(root, 61_000)).toEqual({ uid: 1234, gid: 1234 });
});

test.if(isRoot)(
  "what file tools make belongs to the workspace's owner, and what they change keeps its own",
  async () => {
    chownSync(root, 1234, 1235);
    writeFileSync(join(root, "theirs"), "x");
    chownSync(join(root, "theirs"), 4321, 4321);
    const files = handle();
    await files.makeDirectory("d/e");
    await files.write("d/new", bytes("n"));
    await files.write("theirs", bytes("y"));
    await files.write("d/new", bytes("+"), { mode: "append" });
    expect(["d", "d/e", "d/new", "theirs"].map(owner)).toEqual(["1234:1235", "1234:1235", "1234:1235", "4321:4321"]);
  },
);

test.if(isRoot).each(["beside", "elsewhere"])(
  "undo gives things back to who had them, with the undo area %s",
  async (where) => {
    const far = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "reeve-owner-"));
    try {
      if (where === "elsewhere") open(join(far, "undo"));
      chownSync(root, 1234, 1234);
      mkdirSync(join(root, "tree"));
      for (const each of ["tree/a", "over", "moved"]) writeFileSync(join(root, each), each);
      symlinkSync("a", join(root, "tree/link"));
      for (const [i, each] of ["tree", "tree/a", "over", "moved"].entries())
        chownSync(join(root, each), 100 + i, 200 + i);
      const before = ["tree", "tree/a", "tree/link", "over", "moved"].map(owner);
      const files = handle();
      await files.remove("tree", { recursive: true });
      await files.move("moved", "over", { overwrite: true });
      undoRun(workspace, "run");
      expect(["tree", "tree/a", "tree/link", "over", "moved"].map(owner)).toEqual(before);
    } finally {
      rmSync(far, { recursive: true, force: true });
    }
  },
);

test.if(isRoot)(
  "giving a workspace away gives root's plain files and directories in it, and nothing outside",
  async () => {
    const outside = join(base, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "s");
    mkdirSync(join(root, "d/.reeve"), { recursive: true });
    for (const each of ["f", "d/g", "d/.reeve/ledger.db", "other"]) writeFileSync(join(root, each), each);
    linkSync(join(outside, "secret"), join(root, "hard"));
    symlinkSync(outside, join(root, "soft"));
    Bun.spawnSync(["mkfifo", join(root, "pipe")]);
    chownSync(join(root, "other"), 77, 77);
    expect(await workspace.give({ user_id: 61_000, group_id: 61_000 })).toEqual({ given: 4, left: ["hard", "pipe"] });
    const all = [".", "f", "d", "d/g", "d/.reeve", "d/.reeve/ledger.db", "other", "hard", "soft"];
    expect(all.map(owner).map((each) => each.split(":")[0])).toEqual([
      "61000",
      "61000",
      "61000",
      "61000",
      "0",
      "0",
      "77",
      "0",
      "0",
    ]);
    expect([lstatSync(outside).uid, lstatSync(join(outside, "secret")).uid]).toEqual([0, 0]);
  },
);

/** Files that stay as they are beneath what may be written: mounted read-only, or the program is refused. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, chownSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sandbox } from "./sandbox.ts";
import { ampleLimits } from "./testdata/limits.ts";
import { emptyWalls } from "./walls.ts";

const user = { uid: 61_000, gid: 61_000 };

let workspace: string;

beforeAll(() => {
  workspace = mkdtempSync(join(tmpdir(), "reeve-fixed-"));
  chmodSync(workspace, 0o755);
  writeFileSync(join(workspace, "twin"), "as it was");
  linkSync(join(workspace, "twin"), join(workspace, "other"));
  for (const name of [".", "twin"]) chownSync(join(workspace, name), user.uid, user.gid);
});

afterAll(() => rmSync(workspace, { recursive: true, force: true }));

function write(tier: "bwrap" | "landlock", fixed: readonly string[], read: readonly string[] = []) {
  const walls = { ...emptyWalls(ampleLimits), workspace, read, write: ["."], fixed };
  const company = { stdin: null, signal: new AbortController().signal, user };
  const sandbox = new Sandbox({ binary: process.execPath, tier });
  return sandbox.execute(["sh", "-c", "echo x >twin; rm twin; mv twin away"], walls, company);
}

test("under bubblewrap what is fixed is not written, removed or renamed", async () => {
  await write("bwrap", ["twin"]);
  expect(readFileSync(join(workspace, "twin"), "utf8")).toBe("as it was");
});

test("under Landlock alone, where a file cannot be told from its directory, the program is refused", async () => {
  await expect(write("landlock", ["twin"])).rejects.toMatchObject({ code: "failed_precondition" });
  expect(readFileSync(join(workspace, "twin"), "utf8")).toBe("as it was");
});

test("a file with a second name that is shown by itself is still refused", async () => {
  await expect(write("bwrap", [], ["twin"])).rejects.toMatchObject({ code: "permission_denied" });
});

/** The attacks as a user without rights: all walls hold, and each wall left out lets in exactly its own attacks. */
import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import type { Row } from "./run.ts";
import { groups, surprises } from "./testdata/groups.ts";

function besiegedWithout(walls: readonly string[]) {
  const root = dirname(dirname(import.meta.dir));
  const inner = [process.execPath, join(import.meta.dir, "testdata/siege.ts"), ...walls];
  const isRoot = process.getuid?.() === 0;
  const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--"];
  const { exitCode, stdout, stderr } = Bun.spawnSync([...(isRoot ? user : []), ...inner], {
    cwd: root,
    // The runtime keeps what it compiled beneath the home, be it there or not.
    env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  });
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  return JSON.parse(stdout.toString()) as { readonly uid: number; readonly rows: readonly Row[] };
}

test.each(
  [[], ...groups].map((group) => [group.length > 0 ? `without ${group.join(", ")}` : "all walls hold", group] as const),
)(
  "%s",
  (_, group) => {
    const { uid, rows } = besiegedWithout(group);
    expect(uid).not.toBe(0);
    expect(surprises(rows, new Set(group))).toEqual([]);
  },
  120_000,
);

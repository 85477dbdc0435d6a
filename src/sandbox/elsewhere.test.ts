/** Machines that hold less: each made for real around a process that finds out its tier. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { delegatedGroup, openControlGroup } from "./control-group.ts";
import { Sandbox } from "./sandbox.ts";
import type { TierFacts } from "./tier.ts";

/** What a process finds behind this bubblewrap command line, as an unprivileged user. */
function tierBehind(...options: readonly string[]): TierFacts {
  const script = join(import.meta.dir, "testdata/print-tier.ts");
  const child = Bun.spawnSync({
    cmd: [
      ...[
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "bwrap",
        "--dev-bind",
        "/",
        "/",
        "--unshare-user",
      ],
      ...[...options, "--", process.execPath, script],
    ],
    env: { PATH: "/usr/bin:/bin", HOME: "/tmp", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  });
  expect(child.stderr.toString()).toBe("");
  return JSON.parse(child.stdout.toString()) as TierFacts;
}

test("an unprivileged user has the whole sandbox", () => {
  expect(tierBehind()).toMatchObject({ tier: "bwrap", why: [] });
});

test("where user name spaces are forbidden, as by AppArmor or in a container, Landlock is left and the reason said", () => {
  const { tier, why, lost, hint } = tierBehind("--disable-userns");
  expect(tier).toBe("landlock");
  expect(why.join()).toContain("bwrap failed");
  expect(lost.length).toBeGreaterThan(0);
  expect(hint).toContain("user namespaces");
});

test("where /proc may not be mounted again, the same", () => {
  const { tier, why } = tierBehind("--ro-bind", "/proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys");
  expect(tier).toBe("landlock");
  expect(why.join()).toContain("bwrap failed");
});

test("a control group holds memory where one is delegated; where none is, nobody claims so", async () => {
  const parent = delegatedGroup();
  if (parent === undefined) {
    // Either no version 2, or without these controllers, or not ours to write.
    expect(await new Sandbox({ binary: process.execPath, tier: "auto" }).tier()).toMatchObject({ tier: "bwrap" });
    return;
  }
  const limits = { memory_bytes: 50_000_000, processes: 8 } as Parameters<typeof openControlGroup>[1];
  const group = openControlGroup(parent, limits);
  expect(await Bun.file(`${group.path}/memory.max`).text()).toBe("49999872\n");
  expect(await Bun.file(`${group.path}/pids.max`).text()).toBe("8\n");
  group.close();
});

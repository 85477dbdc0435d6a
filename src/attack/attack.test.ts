/** The attacks as a test: all walls hold, for root and for anyone, and each wall left out lets in exactly its own attacks. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { tools } from "../tools/index.ts";
import { area } from "./attack.ts";
import { areas } from "./index.ts";
import { besiege, type Row, type Siege } from "./run.ts";
import { type Wall, wallNames } from "./wall.ts";

const never = new AbortController().signal;

function siege(without: Iterable<Wall>, options: Partial<Parameters<typeof besiege>[0]> = {}): Promise<Siege> {
  const base = { areas, tools, version: "test", keep: false, signal: never, onRow: () => undefined };
  return besiege({ ...base, without: new Set(without), ...options });
}

/** Rows that are not as they must be when these walls are left out. */
function surprises(rows: readonly Row[], without: ReadonlySet<string>): readonly string[] {
  return rows.flatMap(({ attack, wall, outcome, seen }) => {
    const expected = without.has(wall) ? "breached" : "held";
    return outcome === expected ? [] : [`${attack} (${wall}): ${outcome}, not ${expected}: ${seen}`];
  });
}

test("every attack has an id and a title of its own, and every wall has attacks", () => {
  const attacks = areas.flatMap((each) => each.attacks);
  expect(attacks.length).toBeGreaterThanOrEqual(200);
  expect(new Set(attacks.map(({ id }) => id)).size).toBe(attacks.length);
  expect(attacks.filter((each) => !each.id.startsWith(`${each.area}.`))).toEqual([]);
  expect([...new Set(attacks.map(({ expects }) => expects))].sort()).toEqual([...wallNames].sort());
});

test("all walls hold", async () => {
  const { rows } = await siege([]);
  expect(surprises(rows, new Set())).toEqual([]);
});

/** Every choice of half of so many groups, as bits: of two of them neither is part of the other. */
function halvesOf(count: number): readonly number[] {
  const chosen = (bits: number) => Array.from({ length: count }, (_, place) => (bits >> place) & 1);
  return Array.from({ length: 1 << count }, (_, bits) => bits).filter(
    (bits) => chosen(bits).filter((bit) => bit === 1).length === count >> 1,
  );
}

/**
 * Each wall is in groups of its own choice, equally many for all: for any two there is a group that leaves out the one and
 * keeps the other, so that together the groups show what each would show alone. `policy-ask` is left out by itself: without it nobody is asked,
 * and answers that nobody waits for cannot be forged.
 */
const groups = ((): readonly (readonly Wall[])[] => {
  const numbered = wallNames.filter((wall) => wall !== "policy-ask");
  const enough = [4, 5, 6, 7, 8, 9, 10].find((count) => halvesOf(count).length >= numbered.length) ?? 0;
  const places = Array.from({ length: enough }, (_, place) => place);
  const halves = places.map((place) => numbered.filter((_, i) => ((halvesOf(enough)[i] ?? 0) >> place) & 1));
  return [["policy-ask"], ...halves];
})();

test("any two walls are told apart by the groups", () => {
  for (const one of wallNames) {
    for (const other of wallNames) {
      if (one === other) continue;
      const parted = groups.some((group) => group.includes(one) && !group.includes(other));
      expect({ one, other, parted }).toEqual({ one, other, parted: true });
    }
  }
});

test.each(groups.map((group) => [group.join(", "), group] as const))(
  "without %s exactly the attacks on those succeed",
  async (_, group) => {
    const { rows } = await siege(group);
    expect(surprises(rows, new Set(group))).toEqual([]);
  },
  120_000,
);

test("an unprivileged user sees the same", () => {
  const root = dirname(dirname(import.meta.dir));
  const inner = [process.execPath, join(import.meta.dir, "testdata/siege.ts")];
  const isRoot = process.getuid?.() === 0;
  const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--"];
  const { exitCode, stdout, stderr } = Bun.spawnSync([...(isRoot ? user : []), ...inner], {
    cwd: root,
    // The runtime keeps what it compiled beneath the home, be it there or not.
    env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  });
  expect(stderr.toString()).toBe("");
  const { uid, rows } = JSON.parse(stdout.toString()) as { readonly uid: number; readonly rows: readonly Row[] };
  expect(uid).not.toBe(0);
  expect(surprises(rows, new Set())).toEqual([]);
  expect(exitCode).toBe(0);
}, 120_000);

const scratchHomes = () =>
  ["/dev/shm", tmpdir()].flatMap((root) =>
    existsSync(root) ? readdirSync(root).filter((name) => name.startsWith(`reeve-attack-${process.pid}-`)) : [],
  );

const quick = area("test", [
  { id: "throws", title: "throws", expects: "witness", perform: () => Promise.reject(new Error("broken")) },
  { id: "hangs", title: "never ends", expects: "witness", perform: () => new Promise(() => undefined) },
  {
    id: "held",
    title: "holds",
    expects: "witness",
    perform: async ({ directory }) => ({ held: existsSync(directory), seen: "" }),
  },
]);

test("what throws or never ends proves nothing, and the scratch home is gone afterwards", async () => {
  const { rows, kept } = await siege([], { areas: [quick], deadline_ms: 50 });
  expect(rows.map(({ outcome }) => outcome)).toEqual(["inconclusive", "inconclusive", "held"]);
  expect(kept).toBeNull();
  expect(scratchHomes()).toEqual([]);
});

test("an interruption leaves nothing behind either", async () => {
  const controller = new AbortController();
  const onRow = () => controller.abort();
  const cut = siege([], { areas: [quick], deadline_ms: 50, signal: controller.signal, onRow });
  expect(
    await cut.then(
      () => "done",
      (fault: { readonly code: string }) => fault.code,
    ),
  ).toBe("canceled");
  expect(scratchHomes()).toEqual([]);
});

test("a scratch home is kept when it is asked for", async () => {
  const { kept } = await siege([], { areas: [], keep: true });
  expect(kept).toBeString();
  expect(existsSync(join(kept ?? "", "home/.reeve"))).toBe(true);
  rmSync(kept ?? "", { recursive: true });
});

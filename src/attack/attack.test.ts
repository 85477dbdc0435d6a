/** The attacks as a test: all walls hold, for root and for anyone, and each wall left out lets in exactly its own attacks. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tools } from "../tools/index.ts";
import { area } from "./attack.ts";
import { areas } from "./index.ts";
import { besiege, type Siege } from "./run.ts";
import { groups, surprises } from "./testdata/groups.ts";
import { type Wall, wallNames } from "./wall.ts";

const never = new AbortController().signal;

function siege(without: Iterable<Wall>, options: Partial<Parameters<typeof besiege>[0]> = {}): Promise<Siege> {
  const base = { areas, tools, version: "test", keep: false, signal: never, onRow: () => undefined };
  return besiege({ ...base, without: new Set(without), ...options });
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

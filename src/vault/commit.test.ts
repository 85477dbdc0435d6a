import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commitSteps, vaultPaths } from "./commit.ts";
import { readMasterKey } from "./master-key.ts";
import { type Plan, planRemove, planRotation, planSet } from "./plan.ts";
import { load, type Snapshot } from "./snapshot.ts";
import { createVault, openVault } from "./vault.ts";

const base = mkdtempSync(join(tmpdir(), "commit-test-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let places = 0;
const newPlace = () => {
  const root = join(base, String(++places));
  return { dir: join(root, "vault"), keys: join(root, "keys") };
};
const bytesOf = (text: string) => new TextEncoder().encode(text);
const before = new Map(["a", "b", "reeve/k"].map((name) => [name, bytesOf(`value of ${name}`)]));
const bound = (values: ReadonlyMap<string, Uint8Array>) =>
  new Map([...values].map(([name, value]) => [name, { value, allow: [] }]));

const changes: Readonly<
  Record<
    string,
    { plan: (master: Uint8Array, at: Snapshot) => Plan | undefined; after: ReadonlyMap<string, Uint8Array> }
  >
> = {
  rotate: { plan: planRotation, after: before },
  set: {
    plan: (master, at) =>
      planSet(
        master,
        at,
        bound(
          new Map([
            ["a", bytesOf("new")],
            ["c", bytesOf("more")],
          ]),
        ),
        "2026-01-01T00:00:00.000Z",
      ),
    after: new Map([...before, ["a", bytesOf("new")], ["c", bytesOf("more")]]),
  },
  remove: {
    plan: (master, at) => planRemove(master, at, "a"),
    after: new Map([...before].filter(([name]) => name !== "a")),
  },
};

for (const [name, { plan, after }] of Object.entries(changes)) {
  test(`cut off after any step of ${name}, every secret is there, old or new but never mixed`, async () => {
    let finished = false;
    for (let stop = 0; !finished; stop++) {
      const place = newPlace();
      (await createVault(place)).stageImport(bound(before)).commit();
      const paths = vaultPaths(place.dir);
      const master = await readMasterKey(place.keys);
      const planned = plan(master, load(paths, master, undefined));
      if (planned === undefined) throw new Error("nothing to change");
      const steps = commitSteps(paths, planned.change);
      let committed = false;
      for (let n = 0; n < stop && !finished; n++) {
        const step = steps.next();
        finished = step.done === true;
        committed ||= step.value === "manifest";
      }
      const vault = await openVault(place);
      expect(vault.values()).toEqual(new Map([...(committed ? after : before)].sort()));
      // The next change clears away what the interrupted one left, and loses nothing either.
      vault.stageSet("z", bytesOf("last")).commit();
      const wanted = new Map(
        [...(committed ? after : before), ["z", bytesOf("last")]].sort() as [string, Uint8Array][],
      );
      expect((await openVault(place)).values()).toEqual(wanted);
      expect(readdirSync(paths.records)).toHaveLength(wanted.size);
    }
  });
}

test("what a killed write leaves beside the files is cleared away; what others put there is not", async () => {
  const place = newPlace();
  const vault = await createVault(place);
  const paths = vaultPaths(place.dir);
  const rest = `${"0".repeat(64)}-9.json.123.0123456789ab.tmp`;
  writeFileSync(join(paths.records, rest), "half");
  writeFileSync(join(paths.root, "manifest.json.123.0123456789ab.tmp"), "half");
  writeFileSync(join(paths.records, "note.txt"), "mine");
  vault.stageSet("a", bytesOf("1")).commit();
  expect(readdirSync(paths.records).filter((name) => name === rest || name === "note.txt")).toEqual(["note.txt"]);
  expect(readdirSync(paths.root).sort()).toEqual(["lock", "manifest.json", "records"]);
});

test("killed with SIGKILL at any moment, no acknowledged secret is lost", async () => {
  const place = newPlace();
  await createVault(place);
  let acknowledged = 0;
  for (let round = 0; round < 4; round++) {
    const child = Bun.spawn([process.execPath, "-e", writer(place, acknowledged)], {
      stdout: "pipe",
      stderr: "inherit",
      env: {},
    });
    let seen = "";
    for await (const chunk of child.stdout) {
      seen += new TextDecoder().decode(chunk);
      if (seen.split("\n").length > 3 + round * 2) child.kill("SIGKILL");
    }
    await child.exited;
    const lines = seen.split("\n").slice(0, -1);
    expect(lines.length).toBeGreaterThan(0);
    acknowledged += lines.length;
    const vault = await openVault(place);
    for (let n = 0; n < acknowledged; n++) expect(vault.value(`n${n}`)).toEqual(bytesOf(`value ${n}`));
    // One more may have become durable before its line was written.
    acknowledged = vault.list().length;
  }
});

/** A program that sets one secret after the other, rotating after each, and writes a line when each is durable. */
function writer(place: { dir: string; keys: string }, from: number): string {
  return `
    const { openVault } = await import(${JSON.stringify(join(import.meta.dir, "vault.ts"))});
    const { writeSync } = await import("node:fs");
    const vault = await openVault(${JSON.stringify(place)});
    for (let n = ${from}; n < ${from} + 500; n++) {
      vault.stageSet("n" + n, new TextEncoder().encode("value " + n)).commit();
      writeSync(1, n + "\\n");
      vault.stageRotate().commit();
    }`;
}

test("the manifest is replaced as a whole: a reader beside a busy writer always finds one consistent state", async () => {
  const place = newPlace();
  await createVault(place);
  const child = Bun.spawn([process.execPath, "-e", writer(place, 0).replace("500", "25")], {
    stdout: "ignore",
    stderr: "inherit",
    env: {},
  });
  let vault = await openVault(place);
  for (; child.exitCode === null; await Bun.sleep(0)) {
    vault.refresh();
    vault = await openVault(place);
    for (const [name, value] of vault.values()) expect(value).toEqual(bytesOf(`value ${name.slice(1)}`));
  }
  vault.refresh();
  expect(child.exitCode).toBe(0);
  expect(vault.list()).toHaveLength(25);
  expect(readFileSync(vaultPaths(place.dir).manifest, "utf8")).toContain('"epoch":26');
});

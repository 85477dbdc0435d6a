import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { createVault, openVault } from "./vault.ts";

const base = mkdtempSync(join(tmpdir(), "reeve-vault-concurrency-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
const newDir = () => join(base, String(++count));
const run = (code: string, env: Record<string, string> = {}) =>
  Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit", env });
const moduleAt = (name: string) => JSON.stringify(join(import.meta.dir, name));

test("two processes that set different secrets at the same time lose none", async () => {
  const place = { dir: newDir(), keys: newDir() };
  await createVault(place);
  const setter = (prefix: string) => `
    const { openVault } = await import(${moduleAt("vault.ts")});
    const vault = await openVault(${JSON.stringify(place)});
    for (let n = 0; n < 20; n++) {
      await vault.exclusive(async () => {
        const change = vault.stageSet(${JSON.stringify(prefix)} + n, new TextEncoder().encode("v" + n));
        await Bun.sleep(0);
        change.commit();
      });
    }`;
  const children = [run(setter("a")), run(setter("b"))];
  await Promise.all(children.map((child) => child.exited));
  expect(children.map((child) => child.exitCode)).toEqual([0, 0]);
  expect((await openVault(place)).list()).toHaveLength(40);
});

test("tasks of one process take turns, and a failing one lets the next go on", async () => {
  const place = { dir: newDir(), keys: newDir() };
  const vault = await createVault(place);
  const task = (n: number) =>
    vault.exclusive(async () => {
      const change = vault.stageSet(`n${n}`, new TextEncoder().encode(`v${n}`));
      await Bun.sleep(0);
      if (n === 2) throw new Fault("canceled", "given up");
      change.commit();
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map(task));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect((await openVault(place)).list().map(({ name }) => name)).toEqual(["n0", "n1", "n3", "n4"]);
});

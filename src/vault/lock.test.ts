import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { acquire, acquireSync } from "./lock.ts";
import { createVault, openVault } from "./vault.ts";

const base = mkdtempSync(join(tmpdir(), "lock-test-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
const newDir = () => join(base, String(++count));
const run = (code: string, env: Record<string, string> = {}) =>
  Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit", env });
const moduleAt = (name: string) => JSON.stringify(join(import.meta.dir, name));

test("a held lock is refused at once in its own process and given again after release", async () => {
  const dir = newDir();
  const lock = acquireSync(dir, 10_000);
  expect(() => acquireSync(dir, 10_000)).toThrow(Fault);
  const waiting = acquire(dir, 10_000);
  lock.release();
  (await waiting).release();
  acquireSync(dir, 0).release();
});

test("a lock held by a live process is refused naming it, and taken over once that process is killed", async () => {
  const dir = newDir();
  const child = run(`
    const { acquireSync } = await import(${moduleAt("lock.ts")});
    acquireSync(${JSON.stringify(dir)}, 0);
    console.log("held");
    await Bun.sleep(60_000);`);
  const reader = child.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("held\n");
  expect(() => acquireSync(dir, 0)).toThrow(`process ${child.pid}`);
  child.kill("SIGKILL");
  await child.exited;
  acquireSync(dir, 0).release();
});

test("a lock of a dead process, of a reused pid or of an earlier boot is stale; a foreign pid namespace is not", () => {
  const dir = newDir();
  acquireSync(dir, 0);
  const [name = ""] = readdirSync(dir);
  const own = JSON.parse(readFileSync(join(dir, name), "utf8")) as Record<string, unknown>;
  const claims: readonly (readonly [Record<string, unknown> | string, boolean])[] = [
    [{ ...own, started: "1" }, true],
    [{ ...own, pid: 2 ** 22 + 1 }, true],
    [{ ...own, boot: "another" }, true],
    ["", true],
    ['{"pid":', true],
    [{ ...own, namespace: "pid:[1]" }, false],
    [own, false],
  ];
  for (const [claim, stale] of claims) {
    const at = newDir();
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "7"), typeof claim === "string" ? claim : JSON.stringify(claim));
    if (stale) {
      acquireSync(at, 0);
      expect(readdirSync(at)).toEqual(["8"]);
    } else expect(() => acquireSync(at, 0)).toThrow(Fault);
  }
});

test("many processes that take and drop the lock, some killed while holding it, are never inside together", async () => {
  const dir = newDir();
  const log = join(base, `log${count}`);
  writeFileSync(log, "");
  const worker = `
    const { acquireSync } = await import(${moduleAt("lock.ts")});
    const { appendFileSync } = await import("node:fs");
    for (let i = 0; i < 25; i++) {
      const lock = acquireSync(${JSON.stringify(dir)}, 30_000);
      appendFileSync(${JSON.stringify(log)}, "in " + process.pid + "\\n");
      if (process.env.DIES && i === 5) process.kill(process.pid, "SIGKILL");
      appendFileSync(${JSON.stringify(log)}, "out " + process.pid + "\\n");
      lock.release();
    }`;
  const children = [run(worker), run(worker), run(worker, { DIES: "1" }), run(worker, { DIES: "1" })];
  await Promise.all(children.map((child) => child.exited));
  expect(children.slice(0, 2).map((child) => child.exitCode)).toEqual([0, 0]);
  const dying = children.slice(2).map((child) => String(child.pid));
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  for (let at = 0; at < lines.length;) {
    const [what, pid = ""] = (lines[at] ?? "").split(" ");
    expect(what).toBe("in");
    const isLast = dying.includes(pid) && !lines.slice(at + 1).some((line) => line.endsWith(` ${pid}`));
    if (!isLast) expect(lines[at + 1]).toBe(`out ${pid}`);
    at += isLast ? 1 : 2;
  }
  expect(lines.filter((line) => line.startsWith("in "))).toHaveLength(2 * 25 + 2 * 6);
});

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

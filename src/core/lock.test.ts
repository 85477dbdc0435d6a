import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "./fault.ts";
import { acquire, acquireSync, withLock } from "./lock.ts";
import { thisProcess } from "./owner.ts";

const dir = mkdtempSync(join(tmpdir(), "reeve-lock-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const script = (body: string) => `import { withLock } from ${JSON.stringify(join(import.meta.dir, "lock.ts"))};
import { readFileSync, rmSync, writeFileSync } from "node:fs";
${body}`;

function start(body: string) {
  return Bun.spawn([process.execPath, "-e", script(body)], { env: {}, stdout: "pipe", stderr: "inherit" });
}

const ticketsOf = (path: string) => readdirSync(`${path}.lock`);

describe("withLock", () => {
  test("returns the work's result, and its exception, and lets go both times", () => {
    const path = join(dir, "plain");
    expect(withLock(path, () => 7)).toBe(7);
    expect(() =>
      withLock(path, () => {
        throw new RangeError("x");
      }),
    ).toThrow(RangeError);
    expect(withLock(path, () => 8)).toBe(8);
    expect(ticketsOf(path)).toHaveLength(1);
  });

  test("four processes counting in one file lose no step", async () => {
    const path = join(dir, "count");
    writeFileSync(path, "0");
    const body = `for (let i = 0; i < 50; i++) withLock(${JSON.stringify(path)}, () => {
      writeFileSync(${JSON.stringify(path)}, String(Number(readFileSync(${JSON.stringify(path)}, "utf8")) + 1));
    });`;
    const workers = [1, 2, 3, 4].map(() => start(body));
    expect(await Promise.all(workers.map((worker) => worker.exited))).toEqual([0, 0, 0, 0]);
    expect(readFileSync(path, "utf8")).toBe("200");
  });

  test("two processes that take over from a killed one do not hold the lock at once", async () => {
    const path = join(dir, "stale");
    const holder = start(
      `withLock(${JSON.stringify(path)}, () => { console.log("held"); for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000); });`,
    );
    const reader = holder.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value).trim()).toBe("held");
    reader.releaseLock();
    holder.kill("SIGKILL");
    await holder.exited;
    writeFileSync(path, "0");
    const body = `for (let i = 0; i < 30; i++) withLock(${JSON.stringify(path)}, () => {
      const inside = ${JSON.stringify(join(dir, "inside"))};
      writeFileSync(inside, String(process.pid), { flag: "wx" });
      writeFileSync(${JSON.stringify(path)}, String(Number(readFileSync(${JSON.stringify(path)}, "utf8")) + 1));
      rmSync(inside);
    });`;
    const workers = [1, 2, 3].map(() => start(body));
    expect(await Promise.all(workers.map((worker) => worker.exited))).toEqual([0, 0, 0]);
    expect(readFileSync(path, "utf8")).toBe("90");
  });

  test("a ticket whose process number was used again by another process is taken over", () => {
    const path = join(dir, "reused");
    const [boot, namespace] = thisProcess().split("/");
    mkdirSync(`${path}.lock`);
    writeFileSync(`${path}.lock/3`, `${boot}/${namespace}/${process.pid}/1`);
    expect(withLock(path, () => ticketsOf(path))).toEqual(["4"]);
  });

  test("waits for a living holder and then gives up, naming it", () => {
    const path = join(dir, "busy");
    mkdirSync(`${path}.lock`);
    writeFileSync(`${path}.lock/1`, thisProcess());
    expect(() => withLock(path, () => writeFileSync(path, "entered"), { patience_ms: 20 })).toThrow(
      `is held by process ${process.pid}`,
    );
    expect(existsSync(path)).toBe(false);
  });

  test("a directory that is not there is a fault and not a wait", () => {
    expect(() => withLock(join(dir, "no", "file"), () => 1)).toThrow("no such file");
  });
});

const base = mkdtempSync(join(tmpdir(), "reeve-locks-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
const newDir = () => join(base, String(++count));
const run = (code: string, env: Record<string, string> = {}) =>
  Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit", env });
const moduleAt = (name: string) => JSON.stringify(join(import.meta.dir, name));

describe("acquire", () => {
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
    const own = readFileSync(join(dir, name), "utf8");
    const [boot, namespace, pid, started] = own.split("/");
    const claims: readonly (readonly [string, boolean])[] = [
      [`${boot}/${namespace}/${pid}/1`, true],
      [`${boot}/${namespace}/${2 ** 22 + 1}/${started}`, true],
      [`another/${namespace}/${pid}/${started}`, true],
      ["", true],
      [`${boot}/${namespace}`, true],
      [`${boot}/pid:[1]/${pid}/${started}`, false],
      [own, false],
    ];
    for (const [claim, stale] of claims) {
      const at = newDir();
      mkdirSync(at);
      writeFileSync(join(at, "7"), claim);
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
});

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLock } from "./lock.ts";

const dir = mkdtempSync(join(tmpdir(), "reeve-lock-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const script = (body: string) => `import { withLock } from ${JSON.stringify(join(import.meta.dir, "lock.ts"))};
import { readFileSync, rmSync, writeFileSync } from "node:fs";
${body}`;

function start(body: string) {
  return Bun.spawn([process.execPath, "-e", script(body)], { env: {}, stdout: "pipe", stderr: "inherit" });
}

const ticketsOf = (path: string) => readdirSync(dir).filter((name) => join(dir, name).startsWith(`${path}.lock.`));

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
    writeFileSync(`${path}.lock.3`, `${process.pid} 1`);
    expect(withLock(path, () => ticketsOf(path))).toEqual(["reused.lock.4"]);
  });

  test("waits for a living holder and then gives up, naming it", () => {
    const path = join(dir, "busy");
    const stat = readFileSync(`/proc/${process.pid}/stat`, "utf8");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    writeFileSync(`${path}.lock.1`, `${process.pid} ${started}`);
    expect(() => withLock(path, () => writeFileSync(path, "entered"), { patience_ms: 20 })).toThrow(
      `is locked by process ${process.pid}`,
    );
    expect(existsSync(path)).toBe(false);
  });

  test("a directory that is not there is a fault and not a wait", () => {
    expect(() => withLock(join(dir, "no", "file"), () => 1)).toThrow("no such file");
  });
});

import { expect, test } from "bun:test";
import { isAlive, killOwner, pidOf, thisProcess } from "./owner.ts";

const [boot, namespace, pid, started] = thisProcess().split("/");

test("this process is alive; one with another start time, another boot or a free pid is not", () => {
  expect(isAlive(thisProcess())).toBe(true);
  expect(isAlive(`${boot}/${namespace}/${pid}/${Number(started) + 1}`)).toBe(false);
  expect(isAlive(`other/${namespace}/${pid}/${started}`)).toBe(false);
  expect(isAlive(`${boot}/${namespace}/4194305/1`)).toBe(false);
  expect(isAlive("garbage")).toBe(false);
  expect(isAlive("")).toBe(false);
});

test("a process of another pid namespace cannot be judged and counts as alive", () => {
  expect(isAlive(`${boot}/pid:[1]/${pid}/1`)).toBe(true);
});

test("a child that has ended but was not reaped is not alive", async () => {
  const child = Bun.spawn([process.execPath, "-e", ""], { env: {} });
  await child.exited;
  expect(isAlive(`${boot}/${namespace}/${child.pid}/1`)).toBe(false);
  expect(pidOf(thisProcess())).toBe(String(process.pid));
});

test("only the very process that wrote an owner is killed by it, once", async () => {
  const child = Bun.spawn([process.execPath, "-e", "setInterval(() => {}, 1000)"], { env: {} });
  const stat = await Bun.file(`/proc/${child.pid}/stat`).text();
  const began = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  for (const wrong of [
    `${boot}/${namespace}/${child.pid}/${Number(began) + 1}`,
    `${boot}/${namespace}/${child.pid}/`,
    `${boot}/pid:[1]/${child.pid}/${began}`,
    `other/${namespace}/${child.pid}/${began}`,
    `${boot}/${namespace}/-1/${began}`,
    `${boot}/${namespace}/0/${began}`,
    thisProcess(),
    "",
  ]) {
    expect([wrong, killOwner(wrong)]).toEqual([wrong, false]);
  }
  expect(child.exitCode).toBe(null);
  expect(killOwner(`${boot}/${namespace}/${child.pid}/${began}`)).toBe(true);
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  expect(killOwner(`${boot}/${namespace}/${child.pid}/${began}`)).toBe(false);
});

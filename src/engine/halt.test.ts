import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Home, homeAt } from "../core/home.ts";
import { newId } from "../core/id.ts";
import { isAlive, killOwner, thisProcess } from "../core/owner.ts";
import { RunStore } from "../store/runs.ts";
import { StateFile } from "../store/state.ts";
import { haltRuns } from "./halt.ts";

let home: Home;
let file: StateFile;
let runs: RunStore;
const children: Bun.Subprocess[] = [];

beforeEach(() => {
  home = homeAt(mkdtempSync(join(tmpdir(), "reeve-halt-")));
  mkdirSync(home.state);
  file = new StateFile(home.database);
  runs = new RunStore(file);
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  file.close();
  rmSync(home.root, { recursive: true });
});

type Manner = "deaf" | "polite" | "locking" | "with-child";

interface Driver {
  readonly run: string;
  readonly owner: string;
  readonly process: Bun.Subprocess;
  readonly child: number;
}

/** A process that drives a run of its own, and, with `lead`, leads a process group of its own. */
async function drive(manner: Manner, principal = "agent:default", lead = false): Promise<Driver> {
  const run = newId();
  const script = Bun.fileURLToPath(import.meta.resolve("./testdata/driver.ts"));
  const command = [process.execPath, script, home.database, run, principal, manner];
  const child = Bun.spawn(lead ? ["setsid", ...command] : command, {
    env: { PATH: "/usr/bin:/bin" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  children.push(child);
  const { value } = await child.stdout.getReader().read();
  const said = Buffer.from(value ?? []).toString();
  expect(said).toMatch(/^ready \d+\n$/);
  const row = await runs.get(run);
  return { run, owner: row?.owner ?? "", process: child, child: Number(said.split(" ")[1]) };
}

/** A row for a run that somebody claims to drive. */
async function claimed(owner: string, principal = "agent:default"): Promise<string> {
  const id = newId();
  await runs.insert({ id, principal, source: "cli", created_at: "2026-01-01T00:00:00.000Z", owner });
  return id;
}

const bystander = () => {
  const child = Bun.spawn(["sleep", "1000"], { env: { PATH: "/usr/bin:/bin" } });
  children.push(child);
  return child;
};

describe("a process", () => {
  test("that ends its run when asked is left alone", async () => {
    const polite = await drive("polite");
    expect(await haltRuns(home, null, { patience_ms: 10_000 })).toEqual({ ended: [polite.run], killed: [], alive: [] });
    expect(isAlive(polite.owner)).toBe(true);
    expect(await runs.get(polite.run)).toMatchObject({ state: "cancelled" });
  });

  test("that never looks and ignores every signal is killed, and its run is left for the next start to end", async () => {
    const deaf = await drive("deaf");
    deaf.process.kill("SIGTERM");
    const halted = await haltRuns(home, null, { patience_ms: 50 });
    const pid = String(deaf.process.pid);
    expect(halted).toEqual({ ended: [], killed: [{ pid, runs: [deaf.run] }], alive: [] });
    await deaf.process.exited;
    expect(deaf.process.signalCode).toBe("SIGKILL");
    expect(await runs.get(deaf.run)).toMatchObject({ state: "interrupted", owner: "", ended_at: null });
    expect((await runs.open()).map((row) => row.id)).toEqual([deaf.run]);
  });

  test("that hangs while it holds the database is killed all the same", async () => {
    const locking = await drive("locking");
    const halted = await haltRuns(home, null, { patience_ms: 50 });
    expect(halted.killed.map((each) => each.runs)).toEqual([[locking.run]]);
    await locking.process.exited;
    expect(locking.process.signalCode).toBe("SIGKILL");
  });

  test("is killed with the process group it leads", async () => {
    const leader = await drive("with-child", "agent:default", true);
    expect(process.kill(leader.child, 0)).toBe(true);
    await haltRuns(home, null, { patience_ms: 50 });
    await leader.process.exited;
    const state = () =>
      Bun.file(`/proc/${leader.child}/stat`)
        .text()
        .then(
          (text) => text.split(") ")[1]?.[0],
          () => "gone",
        );
    // Whoever inherits the orphan may take its time to reap it.
    while (!["Z", "X", "gone"].includes((await state()) ?? "")) await Bun.sleep(5);
  });
});

describe("nobody else is hurt:", () => {
  test("another agent's process, when one agent is stopped", async () => {
    const [meant, other] = [await drive("deaf", "agent:a"), await drive("deaf", "agent:b")];
    const halted = await haltRuns(home, "a", { patience_ms: 50 });
    expect(halted.killed.map((each) => each.runs)).toEqual([[meant.run]]);
    expect([isAlive(meant.owner), isAlive(other.owner)]).toEqual([false, true]);
    expect(await runs.get(other.run)).toMatchObject({ state: "running" });
  });

  test("a process that only has the number a driver once had", async () => {
    const { pid } = bystander();
    const [boot, namespace] = thisProcess().split("/");
    await claimed(`${boot}/${namespace}/${pid}/1`);
    await claimed(`another-boot/${namespace}/${pid}/1`);
    expect(await haltRuns(home, null, { patience_ms: 0 })).toEqual({ ended: [], killed: [], alive: [] });
    expect(process.kill(pid, 0)).toBe(true);
  });

  test("a process that has the number in this pid namespace which a driver has in another one", async () => {
    const { pid } = bystander();
    const [boot] = thisProcess().split("/");
    const id = await claimed(`${boot}/pid:[1]/${pid}/1`);
    const { killed, alive } = await haltRuns(home, null, { patience_ms: 0 });
    expect(killed).toEqual([]);
    expect(alive).toEqual([{ pid: String(pid), runs: [id], why: "it runs where it cannot be reached from here" }]);
    expect(process.kill(pid, 0)).toBe(true);
    expect(await runs.get(id)).toMatchObject({ state: "running" });
  });

  test("the process that does the stopping", async () => {
    await claimed(thisProcess());
    expect(await haltRuns(home, null, { patience_ms: 0 })).toEqual({ ended: [], killed: [], alive: [] });
    expect(killOwner(thisProcess())).toBe(false);
  });
});

test("runs that wait or are over are not touched", async () => {
  const [waits, over] = [await claimed("x/1/2/3"), await claimed("x/1/2/3")];
  await runs.suspend(waits);
  await runs.end(over, { state: "completed", ended_at: "2026-01-01T00:00:01.000Z", fault: null, end_seq: 1 });
  expect(await haltRuns(home, null, { patience_ms: 0 })).toEqual({ ended: [], killed: [], alive: [] });
  expect([(await runs.get(waits))?.state, (await runs.get(over))?.state]).toEqual(["waiting", "completed"]);
});

test("a home where nothing was ever begun has nothing to end; a state database that is gone is said, and none is made", async () => {
  const empty = homeAt(join(home.root, "empty"));
  expect(await haltRuns(empty, null, { patience_ms: 0 })).toEqual({ ended: [], killed: [], alive: [] });
  mkdirSync(join(empty.runs, newId()), { recursive: true });
  await expect(haltRuns(empty, null, { patience_ms: 0 })).rejects.toMatchObject({ code: "not_found" });
  expect(await Bun.file(empty.database).exists()).toBe(false);
});

/** `reeve stop` against real processes: one that hears nothing, and homes that can hardly be opened. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Home, homeAt } from "../src/core/home.ts";
import { newId } from "../src/core/id.ts";
import { agent } from "../src/define/principal.ts";
import { initHome } from "../src/engine/init.ts";
import { stopped } from "../src/engine/stop.ts";

let directory: string;
let home: Home;
const children: Bun.Subprocess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-stop-"));
  home = homeAt(join(directory, "home"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  rmSync(directory, { recursive: true });
});

async function makeHome(passphrase?: string): Promise<void> {
  const witness = join(directory, "outside", "witness");
  const secret = passphrase === undefined ? {} : { passphrase };
  await initHome({ home, witness, agent: "default", profile: "observer", force: false, ...secret });
}

/** A process that drives a run, catches every signal it can and never looks up again. */
async function deafDriver() {
  const run = newId();
  const script = join(import.meta.dir, "..", "src", "engine", "testdata", "driver.ts");
  const child = Bun.spawn([process.execPath, script, home.database, run, "agent:default", "deaf"], {
    env: {},
    stdin: "ignore",
    stdout: "pipe",
  });
  children.push(child);
  await child.stdout.getReader().read();
  return { run, child };
}

function reeve(...words: readonly string[]) {
  const main = join(import.meta.dir, "reeve", "main.ts");
  const run = Bun.spawnSync([process.execPath, main, ...words, "--home", home.root], {
    env: { HOME: directory, PATH: "/usr/bin:/bin" },
    stdin: "ignore",
  });
  return { exit: run.exitCode, out: run.stdout.toString(), err: run.stderr.toString() };
}

test("a process that hears nothing is killed, recorded, and its run is given its end by the next start", async () => {
  await makeHome();
  const { run, child } = await deafDriver();
  const { exit, out } = reeve("stop", "--json");
  expect(exit).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ killed: [{ pid: String(child.pid), runs: [run] }], recorded: true });
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  expect(JSON.parse(reeve("runs", "show", run, "--json").out)).toMatchObject({
    state: "interrupted",
    ended_at: expect.any(String),
  });
  expect(stopped(home, agent("default"))).toBeDefined();
});

test("a vault that wants a passphrase nobody gives, and a ledger that is damaged, do not keep it from stopping", async () => {
  await makeHome("correct horse battery");
  const first = await deafDriver();
  const locked = reeve("stop", "--json");
  expect(locked.exit).toBe(12);
  expect(JSON.parse(locked.out)).toMatchObject({
    killed: [{ runs: [first.run] }],
    recorded: false,
    error: { code: "unauthenticated", message: expect.stringContaining("in force and not in the ledger") },
  });
  expect(stopped(home, agent("default"))).toBeDefined();
  expect(reeve("rearm").exit).toBe(12);
  expect(stopped(home, agent("default"))).toBeDefined();

  const passphrase = join(directory, "passphrase");
  writeFileSync(passphrase, "correct horse battery");
  chmodSync(passphrase, 0o600);
  expect(reeve("rearm", "--passphrase-file", passphrase).exit).toBe(0);
  writeFileSync(home.ledger, "this is no ledger");
  const second = await deafDriver();
  const damaged = reeve("stop", "--passphrase-file", passphrase, "--json");
  expect(damaged.exit).toBe(14);
  expect(JSON.parse(damaged.out)).toMatchObject({ killed: [{ runs: [second.run] }], recorded: false });
  expect(stopped(home, agent("default"))).toBeDefined();
}, 20_000);

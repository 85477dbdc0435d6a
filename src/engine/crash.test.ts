import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isJsonObject } from "../core/canonical.ts";
import { type Home, homeAt } from "../core/home.ts";
import { providers } from "../providers/index.ts";
import { tools } from "../tools/index.ts";
import { compareWithManifest } from "./bundle.ts";
import { initHome } from "./init.ts";
import { openEngine } from "./open.ts";
import { replayBundle } from "./replay.ts";
import { kindsOfSteps, reeveKilledAt, requireBinaryAndStrace, stepsOf } from "./testdata/killing.ts";

/**
 * The real binary is killed by the kernel (strace injects SIGKILL) as it enters a call that changes the disk, one of each row
 * of like ones. Whichever it was, the next start must find nothing lost and nothing `running`.
 */
let directory: string;
let home: Home;

beforeAll(async () => {
  requireBinaryAndStrace();
  directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "reeve-crash-"));
  home = homeAt(join(directory, "live", "home"));
  mkdirSync(join(directory, "live"));
  await initHome({
    home,
    witness: join(directory, "live", "witness", "note"),
    agent: "default",
    profile: "editor",
    force: false,
  });
  cpSync(join(directory, "live"), join(directory, "pristine"), { recursive: true, preserveTimestamps: true });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function restore(): void {
  rmSync(join(directory, "live"), { recursive: true });
  cpSync(join(directory, "pristine"), join(directory, "live"), { recursive: true, preserveTimestamps: true });
}

async function checkNextStart(n: string): Promise<string> {
  const file = join(home.root, "workspace", "note.txt");
  const content = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  const engine = await openEngine({ home, tools, providers, version: "test" });
  const { ledger, runs } = engine.keeper;
  const { rows } = await runs.list({ limit: 10, offset: 0 });
  const intent = await ledger.latest("call.intent");
  const states = rows.map((row) => row.state);
  for (const row of rows) {
    const bundle = join(home.runs, row.id);
    const manifest = JSON.parse(readFileSync(join(bundle, "manifest.json"), "utf8"));
    expect([n, compareWithManifest(bundle, manifest.files)]).toEqual([n, []]);
    if (row.state === "completed") expect([n, (await replayBundle(bundle)).differences]).toEqual([n, []]);
  }
  const end = await ledger.latest("run.end");
  await engine.close();
  expect([n, content === undefined || content === "the whole note"]).toEqual([n, true]);
  if (content !== undefined)
    expect([n, isJsonObject(intent?.payload) && intent.payload["tool"]]).toEqual([n, "fs.write"]);
  if (rows.length > 0)
    expect([n, isJsonObject(end?.payload) && end.payload["state"]]).toEqual([n, states[0] as string]);
  return states[0] ?? "not begun";
}

test("a run killed at any change of the disk leaves no run running, no torn file, and no effect without its intent", async () => {
  const message = '/tool fs.write {"path":"note.txt","content":"the whole note"}';
  const command = ["run", "--home", home.root, "--as", "agent:default", "--message", message];
  const steps = kindsOfSteps(await stepsOf(command, join(directory, "trace")));
  const found = new Set<string>();
  let survived = 0;
  for (const step of steps) {
    restore();
    const { exit } = await reeveKilledAt(step, command);
    if (exit !== undefined) survived++;
    found.add(await checkNextStart(Object.values(step).join(" ")));
  }
  expect([...found].sort()).toEqual(["completed", "interrupted", "not begun"]);
  expect(steps.length).toBeGreaterThan(50);
  // The wakings of other threads are writes too, and as many as it happens.
  expect(survived).toBeLessThan(6);
}, 240_000);

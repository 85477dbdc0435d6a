/** The doctor on a real home: each illness is given to it, found, and cured only as far as nothing is lost. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Clock } from "../core/clock.ts";
import { type Home, homeAt } from "../core/home.ts";
import { newId } from "../core/id.ts";
import { sealBundle } from "../engine/bundle.ts";
import { initHome } from "../engine/init.ts";
import { openHomeWorkspace } from "../engine/place.ts";
import { readJournal } from "../engine/journal.ts";
import { openEngine } from "../engine/open.ts";
import { operator } from "../define/principal.ts";
import { providers } from "../providers/index.ts";
import { RunStore } from "../store/runs.ts";
import { StateFile } from "../store/state.ts";
import { tools } from "../tools/index.ts";
import { examine, type Finding } from "./examine.ts";
import type { Patient } from "./probe.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-doctor-home-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

let home: Home;
let witness: string;
let now_ms: number;
let patient: Patient;
const clock: Clock = { now: () => now_ms, monotonic: () => performance.now() };

beforeEach(async () => {
  const root = mkdtempSync(join(place, "home-"));
  home = homeAt(root);
  witness = `${root}.witness`;
  now_ms = Date.parse("2026-11-20T12:00:00Z");
  await initHome({ home, witness, agent: "default", profile: "observer", force: false, clock });
  patient = { home, tools, providers, version: "0", clock, passphrase: async () => undefined };
});
afterEach(() => rmSync(home.root, { recursive: true, force: true }));

/** Everything but the sandbox, which is not about the home. */
async function look(fix = false): Promise<readonly Finding[]> {
  return (await examine(patient, { fix })).filter((finding) => finding.name !== "sandbox");
}

async function troubles(fix = false): Promise<readonly Finding[]> {
  return (await look(fix)).filter((finding) => finding.status !== "ok");
}

async function work(): Promise<void> {
  const engine = await openEngine(patient);
  const result = await engine.call(operator, "time.now", {});
  await engine.close();
  expect(result.ok).toBe(true);
}

test("a new home is in order, also after work", async () => {
  expect(await troubles()).toEqual([]);
  await work();
  expect(await troubles()).toEqual([]);
});

describe("the clock", () => {
  test("set back by a minute is found; work goes on after --fix accepted it, and the ledger says so", async () => {
    await work();
    now_ms -= 60_000;
    expect(await troubles()).toMatchObject([{ name: "clock", status: "fail", fixable: true }]);
    expect(await troubles(true)).toMatchObject([{ name: "clock", fixed: expect.stringContaining("clock.accepted") }]);
    await work();
    expect(await troubles()).toEqual([]);
  });

  test("set back by three seconds is not an illness", async () => {
    await work();
    now_ms -= 3000;
    expect(await troubles()).toEqual([]);
  });
});

describe("a bundle", () => {
  const bundle = (): string => join(home.runs, readdirSync(home.runs)[0] ?? "");

  test("that lost the files a power cut can take is written again from its journal, as the ledger names it", async () => {
    await work();
    for (const name of ["output.md", "manifest.json"]) writeFileSync(join(bundle(), name), "");
    expect(await troubles()).toMatchObject([{ name: "bundles", status: "fail", fixable: true }]);
    expect(await troubles(true)).toMatchObject([{ name: "bundles", fixed: expect.stringContaining("again") }]);
    expect(await troubles()).toEqual([]);
  });

  test("whose journal was altered is not made good, even when its manifest was altered to match", async () => {
    await work();
    const journal = join(bundle(), "events.jsonl");
    writeFileSync(journal, readFileSync(journal, "utf8").replace("time.now", "time.not"));
    sealBundle(bundle(), readJournal(journal).events);
    expect(await troubles(true)).toMatchObject([{ name: "bundles", status: "fail", fixable: false }]);
  });
});

describe("a run whose process is gone", () => {
  test("is found, and ended by --fix", async () => {
    const file = new StateFile(home.database);
    const store = new RunStore(file);
    const id = newId();
    const created_at = new Date(now_ms).toISOString();
    await store.insert({ id, principal: "operator", source: "cli", created_at, owner: "another-boot/1/1" });
    file.close();
    expect(await troubles()).toMatchObject([
      { name: "runs", status: "warn", fixable: true, message: expect.stringContaining(id) },
    ]);
    expect(await troubles(true)).toMatchObject([{ name: "runs", fixed: expect.stringContaining(id) }]);
    expect(await troubles()).toEqual([]);
  });
});

describe("the pin", () => {
  test("that is missing is written again by --fix, from the key the home has", async () => {
    const pinned = readFileSync(`${witness}.vkey`, "utf8");
    rmSync(`${witness}.vkey`);
    expect(await troubles()).toMatchObject([{ name: "pin", status: "fail", fixable: true }]);
    expect(await troubles(true)).toMatchObject([{ name: "pin", fixed: expect.stringContaining("pinned the key") }]);
    expect(readFileSync(`${witness}.vkey`, "utf8")).toBe(pinned);
  });

  test("of another log is a failure that --fix leaves alone", async () => {
    const other = homeAt(mkdtempSync(join(place, "other-")));
    const theirs = `${other.root}.witness`;
    await initHome({ home: other, witness: theirs, agent: "default", profile: "observer", force: false, clock });
    const foreign = readFileSync(`${theirs}.vkey`, "utf8");
    writeFileSync(`${witness}.vkey`, foreign);
    expect(await troubles(true)).toContainEqual(
      expect.objectContaining({ name: "pin", status: "fail", fixable: false }),
    );
    expect(readFileSync(`${witness}.vkey`, "utf8")).toBe(foreign);
  });
});

describe("lost data", () => {
  test("a workspace that is gone is a failure, and is not made anew", async () => {
    const workspace = join(home.root, "workspace");
    rmSync(workspace, { recursive: true });
    expect(await troubles(true)).toMatchObject([{ name: "workspace", status: "fail" }]);
    expect(existsSync(workspace)).toBe(false);
  });

  test("a home rolled back to an earlier copy is a failure of the ledger, and --fix repairs nothing", async () => {
    const copy = `${home.root}.copy`;
    cpSync(home.state, copy, { recursive: true });
    await work();
    rmSync(home.state, { recursive: true });
    cpSync(copy, home.state, { recursive: true });
    rmSync(copy, { recursive: true });
    const before = readFileSync(home.ledger);
    const found = await troubles(true);
    expect(found.find((finding) => finding.name === "ledger")).toMatchObject({ status: "fail", fixable: false });
    expect(found.filter((finding) => finding.fixed !== undefined)).toEqual([]);
    expect(readFileSync(home.ledger).equals(before)).toBe(true);
  });

  test("a half-written policy, config or vault is a failure that names the file", async () => {
    for (const [name, path] of [
      ["policy", home.policy],
      ["config", home.config],
    ] as const) {
      const whole = readFileSync(path);
      writeFileSync(path, whole.subarray(0, 20), { mode: 0o600 });
      const found = await troubles(true);
      expect(found.find((finding) => finding.name === name)).toMatchObject({
        status: "fail",
        message: expect.stringContaining(path),
      });
      writeFileSync(path, whole);
    }
    const manifest = join(home.vault, "manifest.json");
    expect(existsSync(manifest)).toBe(true);
    writeFileSync(manifest, readFileSync(manifest).subarray(0, 20), { mode: 0o600 });
    expect((await troubles(true)).find((finding) => finding.name === "keys")).toMatchObject({
      status: "fail",
      fixable: false,
    });
  });
});

describe.if(process.geteuid?.() === 0)("a workspace of root", () => {
  test("is no workspace init makes; it is told, and given to the programs' user by --fix", async () => {
    const place_of_work = join(home.root, "workspace");
    expect(lstatSync(place_of_work).uid).toBe(61_000);
    writeFileSync(join(place_of_work, "f"), "f");
    chownSync(place_of_work, 0, 0);
    expect(await troubles()).toMatchObject([{ name: "workspace", status: "warn", fixable: true }]);
    expect(await troubles(true)).toMatchObject([
      { name: "workspace", fixed: "gave 2 files and directories to user 61000" },
    ]);
    expect([lstatSync(place_of_work).uid, lstatSync(join(place_of_work, "f")).uid]).toEqual([61_000, 61_000]);
    expect(await troubles()).toEqual([]);
  });

  test("that was there before init stays whose it was", async () => {
    const there = mkdtempSync(join(place, "there-"));
    const root = mkdtempSync(join(place, "home-"));
    const options = { witness: `${root}.witness`, workspace: there, agent: "default", profile: "observer" } as const;
    await initHome({ home: homeAt(root), ...options, force: false, clock });
    expect(lstatSync(there).uid).toBe(0);
  });
});

test("what a program changed before its process died is recorded by --fix", async () => {
  const opened = openHomeWorkspace(home, loadConfig(home.config));
  await opened.snapshot({ run_id: "run", call_id: "c", paths: ["."], max_bytes: 99, max_files: 99 });
  writeFileSync(join(home.root, "workspace/f"), "f");
  expect(await troubles()).toEqual([]);
  writeFileSync(join(home.undo, "run/000001.owner"), "gone/0/1/1\n");
  expect(await troubles()).toMatchObject([{ name: "leftovers", status: "warn", fixable: true }]);
  expect(await troubles(true)).toMatchObject([{ name: "leftovers", fixed: "recorded 1 paths changed in run run" }]);
  expect(await troubles()).toEqual([]);
  expect(opened.written("run").files).toMatchObject([{ path: "f" }]);
});

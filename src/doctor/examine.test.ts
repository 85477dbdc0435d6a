/** The doctor finds what is wrong by looking, says what to do, and with --fix does only what loses nothing. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { type Home, homeAt } from "../core/home.ts";
import { judgeSpace } from "./disk.ts";
import { examine, probes } from "./examine.ts";
import { files } from "./files.ts";
import { leftovers } from "./leftovers.ts";
import type { Patient, Probe } from "./probe.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-doctor-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

let home: Home;
let patient: Patient;
beforeEach(() => {
  home = homeAt(mkdtempSync(join(place, "home-")));
  for (const directory of [home.state, home.keys, home.vault, home.runs]) mkdirSync(directory, { mode: 0o700 });
  writeFileSync(join(home.keys, "master"), "key", { mode: 0o600 });
  patient = { home, tools: [], providers: [], version: "0", clock: systemClock, passphrase: async () => undefined };
});

const look = (fix: boolean, ...only: Probe[]) => examine(patient, { fix, probes: only });

describe("files", () => {
  test("that only their owner may reach are in order", async () => {
    expect(await look(false, files)).toMatchObject([{ name: "files", status: "ok" }]);
  });

  test("of key and vault that others may read are a failure with the chmod to run", async () => {
    const key = join(home.keys, "master");
    chmodSync(key, 0o644);
    const [found] = await look(false, files);
    expect(found).toMatchObject({ status: "fail", fixable: true, hint: `run chmod 600 '${key}'` });
    expect(statSync(key).mode & 0o777).toBe(0o644);
  });

  test("elsewhere in the state that others may reach are a warning", async () => {
    chmodSync(home.state, 0o755);
    expect(await look(false, files)).toMatchObject([{ status: "warn", fixable: true }]);
  });

  test("are given back to their owner by --fix, which says so and then finds nothing more", async () => {
    const key = join(home.keys, "master");
    chmodSync(key, 0o666);
    expect(await look(true, files)).toMatchObject([
      { status: "warn", fixed: `set the mode of ${key} to 600` },
      { status: "ok" },
    ]);
    expect(statSync(key).mode & 0o777).toBe(0o600);
  });

  test("of the workspace that an undo record has put aside keep the modes and links they go back with", async () => {
    const aside = join(home.undo, "run", "000001.removed");
    mkdirSync(aside, { recursive: true });
    for (const directory of [home.undo, join(home.undo, "run")]) chmodSync(directory, 0o700);
    writeFileSync(join(aside, "page.html"), "x", { mode: 0o644 });
    symlinkSync("page.html", join(aside, "index.html"));
    expect(await look(true, files)).toMatchObject([{ status: "ok" }]);
    expect(statSync(join(aside, "page.html")).mode & 0o777).toBe(0o644);
    writeFileSync(join(home.undo, "run", "000001.json"), "{}", { mode: 0o644 });
    expect(await look(false, files)).toMatchObject([{ status: "warn" }]);
  });

  test("that are links are a failure, and --fix does not follow them", async () => {
    const outside = join(home.root, "outside");
    writeFileSync(outside, "x");
    chmodSync(outside, 0o644);
    symlinkSync(outside, join(home.vault, "linked"));
    expect(await look(true, files)).toMatchObject([{ status: "fail", fixable: false }]);
    expect(statSync(outside).mode & 0o777).toBe(0o644);
  });
});

describe("leftovers", () => {
  const draft = (pid: number): string => join(home.state, `config.json.${pid}.0123456789ab.tmp`);

  test("of a dead process are found and removed by --fix alone", async () => {
    // No process has this number: it is above every pid_max.
    const path = draft(4_194_305);
    writeFileSync(path, "half");
    expect(await look(false, leftovers)).toMatchObject([{ status: "warn", fixable: true }]);
    expect(existsSync(path)).toBe(true);
    expect(await look(true, leftovers)).toMatchObject([{ fixed: `removed ${path}` }, { status: "ok" }]);
    expect(existsSync(path)).toBe(false);
  });

  test("of a living process are left alone", async () => {
    writeFileSync(draft(process.pid), "writing");
    expect(await look(true, leftovers)).toMatchObject([{ status: "ok" }]);
    expect(existsSync(draft(process.pid))).toBe(true);
  });
});

test("scarce space warns, and no space fails before an append does", () => {
  expect(judgeSpace(1_073_741_824, "/h").status).toBe("ok");
  expect(judgeSpace(104_857_600, "/h").status).toBe("warn");
  expect(judgeSpace(1_048_576, "/h").status).toBe("fail");
});

test("a probe that throws is a failure with the fault's words, and the next probe still looks", async () => {
  const broken: Probe = {
    name: "broken",
    needs_home: true,
    examine: () => {
      throw new Fault("data_loss", "the file is half written", { hint: "restore it" });
    },
  };
  expect(await look(false, broken, files)).toMatchObject([
    { name: "broken", status: "fail", message: "the file is half written", hint: "restore it" },
    { name: "files", status: "ok" },
  ]);
});

test("a fix that fails is a failure and is not called fixed", async () => {
  const stuck: Probe = {
    name: "stuck",
    needs_home: true,
    examine: () => [
      {
        status: "warn",
        message: "wrong",
        fix: () => {
          throw new Fault("unavailable", "the disk is read-only");
        },
      },
    ],
  };
  const [first] = await look(true, stuck);
  expect(first).toMatchObject({ status: "fail", hint: "the disk is read-only" });
  expect(first?.fixed).toBeUndefined();
});

test("without a home the doctor says so and still examines the machine", async () => {
  rmSync(home.state, { recursive: true });
  const found = await look(true, files, {
    name: "machine",
    needs_home: false,
    examine: () => [{ status: "ok", message: "there" }],
  });
  expect(found).toMatchObject([
    { name: "home", status: "fail", fixable: false },
    { name: "machine", status: "ok" },
  ]);
  expect(existsSync(home.state)).toBe(false);
});

test("no two probes have one name", () => {
  const names = probes.map((probe) => probe.name);
  expect(new Set(names).size).toBe(names.length);
});

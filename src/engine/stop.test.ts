import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { agent, operator } from "../define/principal.ts";
import { defineProvider } from "../define/provider.ts";
import { engageStop, recordStop, releaseStop, stopFile, type StopOrder, stopped, stopsIn } from "./stop.ts";
import { useEstate } from "./testdata/estate.ts";

const estate = useEstate();
const [bot, other] = [agent("default"), agent("other")];
const order = (who: string | null, reason = "it went wrong"): StopOrder => ({
  at: "2026-01-01T00:00:00.000Z",
  by: "operator",
  reason,
  agent: who,
});
const whoIsStopped = () => [bot, other, operator].map((each) => stopped(estate.home, each) !== undefined);
const rejection = (work: Promise<unknown>) =>
  work.then(
    () => "nothing was thrown",
    (thrown: { readonly code: string }) => thrown.code,
  );

describe("a stop", () => {
  test("of every agent holds up every agent and not the operator, and says who, when and why", () => {
    expect(whoIsStopped()).toEqual([false, false, false]);
    engageStop(estate.home, order(null));
    expect(whoIsStopped()).toEqual([true, true, false]);
    expect(stopped(estate.home, bot)).toMatchObject({
      code: "canceled",
      message: "every agent is stopped since 2026-01-01T00:00:00.000Z by operator: it went wrong",
      hint: "the operator lets it act again: reeve rearm",
    });
    expect(statSync(stopFile(estate.home, null)).mode & 0o777).toBe(0o600);
  });

  test("of one agent holds up that one; two of them stand side by side", () => {
    engageStop(estate.home, order("default"));
    expect(whoIsStopped()).toEqual([true, false, false]);
    engageStop(estate.home, order("other"));
    engageStop(estate.home, order(null));
    expect(stopsIn(estate.home).map((each) => each.agent)).toEqual([null, "default", "other"]);
    rmSync(stopFile(estate.home, null));
    expect(whoIsStopped()).toEqual([true, true, false]);
  });

  test.each([
    ["empty", (path: string) => writeFileSync(path, "")],
    ["half-written", (path: string) => writeFileSync(path, '{"at":"2026')],
    ["of another form", (path: string) => writeFileSync(path, '{"stop":false}')],
    ["huge", (path: string) => writeFileSync(path, Buffer.alloc(100_000, 32))],
    ["a directory", (path: string) => mkdirSync(path)],
    ["a link to nowhere", (path: string) => symlinkSync("/nonexistent/nowhere", path)],
    ["a pipe nobody writes to", (path: string) => void Bun.spawnSync(["mkfifo", path])],
  ])("whose file is %s still stops", (_, make) => {
    make(stopFile(estate.home, null));
    expect(whoIsStopped()).toEqual([true, true, false]);
    expect(stopped(estate.home, bot)?.message).toBe("every agent is stopped");
    expect(stopsIn(estate.home)).toEqual([{ agent: null, order: undefined }]);
  });

  test("is engaged over a file that cannot be read", () => {
    writeFileSync(stopFile(estate.home, null), "garbage");
    engageStop(estate.home, order(null));
    expect(stopsIn(estate.home)).toEqual([{ agent: null, order: order(null) }]);
  });

  test("is engaged although nobody gives the lock back", () => {
    const lock = `${stopFile(estate.home, null)}.lock`;
    writeFileSync(lock, "this is no directory");
    engageStop(estate.home, order(null));
    expect(whoIsStopped()).toEqual([true, true, false]);
  });

  test("keeps agents from every call and every run, and lets the operator act", async () => {
    const engine = await estate.open();
    writeFileSync(join(estate.home.root, "workspace", "a"), "hello");
    engageStop(estate.home, order("default"));
    expect(await rejection(engine.call(bot, "note.read", { path: "a" }))).toBe("canceled");
    expect(await rejection(engine.run({ principal: bot, message: "hi", source: "cli" }))).toBe("canceled");
    expect(await engine.call(operator, "note.read", { path: "a" })).toMatchObject({ ok: true });
    expect(await estate.newest("call.intent")).toMatchObject([{ ring: 0 }]);
    expect((await engine.keeper.runs.list({ principal: "agent:default", limit: 9, offset: 0 })).total).toBe(0);
  });
});

test("a stop aborts a run in progress, which ends as cancelled and says so", async () => {
  const begun = Promise.withResolvers<void>();
  const patient = defineProvider({
    name: "offline",
    summary: "Waits until it is told to stop.",
    reach: null,
    async *stream(_, { signal }) {
      begun.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield { type: "done" };
    },
  });
  const engine = await estate.open({ providers: [patient] });
  const running = engine.run({ principal: bot, message: "hi", source: "cli" });
  await begun.promise;
  engageStop(estate.home, order(null));
  expect(await running).toMatchObject({
    state: "cancelled",
    fault: { message: expect.stringContaining("is stopped") },
  });
  expect(await estate.newest("run.end")).toMatchObject([{ state: "cancelled" }]);
});

describe("a stop on a full disk", () => {
  test("leaves a file without content, which stops as well", () => {
    // A directory that has room for names and a file system without room for content.
    const mount = join(estate.directory, "full");
    mkdirSync(mount);
    const script = `
      mount -t tmpfs -o size=16k,nr_inodes=64 none ${mount} && mkdir ${mount}/.reeve
      head -c 1000000 /dev/zero > ${mount}/.reeve/ballast
      exec "$0" "$1" ${mount}`;
    const code = `
      import { homeAt } from ${JSON.stringify(join(import.meta.dir, "..", "core", "home.ts"))};
      import { engageStop, stopped } from ${JSON.stringify(join(import.meta.dir, "stop.ts"))};
      import { agent } from ${JSON.stringify(join(import.meta.dir, "..", "define", "principal.ts"))};
      const home = homeAt(process.argv[2]);
      engageStop(home, { at: "2026-01-01T00:00:00.000Z", by: "operator", reason: "", agent: null });
      console.log(stopped(home, agent("default"))?.message);`;
    const file = join(estate.directory, "engage.ts");
    writeFileSync(file, code);
    const run = Bun.spawnSync(["unshare", "-rm", "/bin/sh", "-c", script, process.execPath, file], {
      env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" },
    });
    expect(run.stderr.toString()).toContain("No space left on device");
    expect(run.stdout.toString()).toBe("every agent is stopped\n");
  });
});

describe("a release", () => {
  test("needs the ledger, which then knows what was released; then agents act again", async () => {
    const engine = await estate.open();
    engageStop(estate.home, order(null));
    expect(await releaseStop(engine.keeper, null, operator)).toEqual({ agent: null, order: order(null) });
    expect(whoIsStopped()).toEqual([false, false, false]);
    expect(await estate.newest("stop.released")).toMatchObject([{ agent: null, order: order(null) }]);
    engageStop(estate.home, order(null));
    await engine.keeper.ledger.close();
    expect(await rejection(releaseStop(engine.keeper, null, operator))).not.toBe("nothing was thrown");
    expect(whoIsStopped()).toEqual([true, true, false]);
  });

  test("of every agent leaves one that was stopped by itself, and the other way round", async () => {
    const engine = await estate.open();
    engageStop(estate.home, order(null));
    engageStop(estate.home, order("default"));
    await releaseStop(engine.keeper, null, operator);
    expect(whoIsStopped()).toEqual([true, false, false]);
    expect(await rejection(releaseStop(engine.keeper, null, operator))).toBe("failed_precondition");
    expect(await rejection(releaseStop(engine.keeper, "other", operator))).toBe("failed_precondition");
    await releaseStop(engine.keeper, "default", operator);
    expect(whoIsStopped()).toEqual([false, false, false]);
  });

  test("also takes away a stop whose file cannot be read", async () => {
    const engine = await estate.open();
    writeFileSync(stopFile(estate.home, null), "garbage");
    expect(await releaseStop(engine.keeper, null, operator)).toEqual({ agent: null, order: undefined });
    expect(await estate.newest("stop.released")).toMatchObject([{ agent: null, order: null }]);
    expect(whoIsStopped()).toEqual([false, false, false]);
  });

  test("does not take away a stop that was engaged while it was being recorded", async () => {
    const engine = await estate.open();
    engageStop(estate.home, order(null));
    const releasing = releaseStop(engine.keeper, null, operator);
    engageStop(estate.home, order(null, "again"));
    expect(await rejection(releasing)).toBe("failed_precondition");
    expect(stopsIn(estate.home)).toEqual([{ agent: null, order: order(null, "again") }]);
  });
});

test("the ledger is told who was stopped, why, and what became of the runs", async () => {
  const engine = await estate.open();
  await recordStop(engine.keeper.ledger, order("default"), { ended: ["a"], killed: ["b"] });
  expect(await estate.newest("stop.engaged")).toEqual([
    { at: order(null).at, reason: "it went wrong", agent: "default", ended: ["a"], killed: ["b"] },
  ]);
});

test("no draft and no lock of a stop reads as a stop of an agent", () => {
  engageStop(estate.home, order("default"));
  expect(readdirSync(estate.home.state).filter((name) => name.startsWith("stop-default.json"))).toContain(
    "stop-default.json.lock",
  );
  expect(stopsIn(estate.home).map((each) => each.agent)).toEqual(["default"]);
  expect(existsSync(stopFile(estate.home, null))).toBe(false);
  expect(JSON.parse(readFileSync(stopFile(estate.home, "default"), "utf8"))).toEqual(order("default"));
});

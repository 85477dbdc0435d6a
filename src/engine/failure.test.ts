/** What fails on the way: no effect without its records, none after the call, no run that stays `running`. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { Fault } from "../core/fault.ts";
import { homeAt } from "../core/home.ts";
import { operator } from "../define/principal.ts";
import { defineTool } from "../define/tool.ts";
import type { Engine } from "./engine.ts";
import { initHome } from "./init.ts";
import { openEngine } from "./open.ts";
import { seen, tools, useEstate } from "./testdata/estate.ts";

const estate = useEstate();

/** The ledger of an engine refuses entries of one type. */
function refuseEntries(reeve: Engine, type: string): void {
  const { ledger } = reeve.keeper;
  const real = ledger.append.bind(ledger);
  ledger.append = (draft) =>
    draft.type === type ? Promise.reject(new Fault("resource_exhausted", "no space left on the disk")) : real(draft);
}

test("nothing happens when the start of the run cannot be written, also when its intent can", async () => {
  const reeve = await estate.open();
  refuseEntries(reeve, "run.start");
  await expect(reeve.call(operator, "note.write", { path: "a", content: "b" })).rejects.toThrow("no space left");
  expect(seen).toEqual([]);
  expect((await reeve.keeper.runs.list({ limit: 9, offset: 0 })).rows).toMatchObject([{ state: "failed" }]);
});

test("a run whose end cannot be written does not stay running, and the next start ends it", async () => {
  const reeve = await estate.open();
  refuseEntries(reeve, "run.end");
  await expect(reeve.call(operator, "note.write", { path: "a", content: "b" })).rejects.toThrow("no space left");
  const [row] = (await reeve.keeper.runs.list({ limit: 9, offset: 0 })).rows;
  expect(row).toMatchObject({ state: "interrupted", ended_at: null });
  const next = await estate.open();
  expect(next.reconciled).toEqual([row?.id ?? ""]);
  expect(await next.keeper.runs.get(row?.id ?? "")).toMatchObject({ state: "completed" });
  expect(await estate.newest("run.end")).toMatchObject([{ state: "completed" }]);
});

test("a run whose bundle cannot be made does not stay running", async () => {
  const reeve = await estate.open();
  await Bun.$`rmdir ${estate.home.runs}`.quiet();
  writeFileSync(estate.home.runs, "");
  await expect(reeve.call(operator, "note.read", { path: "a" })).rejects.toThrow();
  expect((await reeve.keeper.runs.list({ limit: 9, offset: 0 })).rows).toMatchObject([{ state: "interrupted" }]);
});

test("handles of a call that is over do nothing more", async () => {
  const after: (() => Promise<unknown>)[] = [];
  const late = defineTool({
    name: "time.late",
    summary: "Go on after the deadline.",
    capability: "time.now",
    effect: "control",
    needs: ["secrets", "config", "policy", "runs", "machine", "workspace"],
    timeout_ms: 5,
    input: v.strictObject({}),
    output: v.strictObject({}),
    examples: [],
    handler: ({ secrets, config, policy, runs, machine, workspace, principal }) => {
      after.push(
        async () => secrets.set("late", "late-value"),
        async () => secrets.rotate(),
        async () => config.set({ "engine.max_concurrent_runs": 3 }, { dry_run: false }),
        async () => policy.revoke(principal, "time.now"),
        async () => runs.list({ limit: 1, offset: 0 }),
        async () => machine.units(),
        async () => workspace.write("late", new Uint8Array(1)),
      );
      return new Promise(() => {});
    },
  });
  const reeve = await estate.open({ tools: [...tools, late] });
  const before = readFileSync(estate.home.config, "utf8");
  expect(await reeve.call(operator, "time.late", {})).toMatchObject({ ok: false, code: "timeout" });
  expect(after.length).toBe(7);
  for (const act of after) await expect(act()).rejects.toThrow("is over and may do nothing more");
  expect(readFileSync(estate.home.config, "utf8")).toBe(before);
  expect(existsSync(join(estate.home.root, "workspace", "late"))).toBe(false);
});

/** A run as a process that died left it. */
async function leaveRun(reeve: Engine, id: string): Promise<string> {
  const row = { id, principal: "operator", source: "cli", created_at: "2026-01-01T00:00:00.000Z", owner: "gone/0/1/1" };
  await reeve.keeper.runs.insert(row);
  return join(estate.home.runs, id);
}

test("a damaged journal is told and ends its run, and the home opens", async () => {
  const reeve = await estate.open();
  const id = "01890a5d-ac96-774b-bcce-b302099a8057";
  const bundle = await leaveRun(reeve, id);
  mkdirSync(bundle);
  writeFileSync(join(bundle, "events.jsonl"), "no event\n");
  const next = await estate.open();
  expect(next.reconciled).toEqual([id]);
  expect(await next.keeper.runs.get(id)).toMatchObject({
    state: "interrupted",
    fault: expect.stringContaining("line 1 of"),
  });
  expect(await estate.newest("run.end")).toEqual([{ state: "interrupted", manifest_sha256: null, fault: "data_loss" }]);
  expect(readdirSync(bundle)).toEqual(["events.jsonl"]);
  expect(readFileSync(join(bundle, "events.jsonl"), "utf8")).toBe("no event\n");
});

test("only one of several that start at once ends a run that was cut off", async () => {
  const reeve = await estate.open();
  const id = "01890a5d-ac96-774b-bcce-b302099a8057";
  const bundle = await leaveRun(reeve, id);
  const start = () => openEngine({ home: estate.home, tools, providers: [], version: "test" });
  const engines = await Promise.all([start(), start(), start()]);
  expect(engines.flatMap((each) => each.reconciled)).toEqual([id]);
  expect(readFileSync(join(bundle, "events.jsonl"), "utf8").match(/"type":"end"/g)).toHaveLength(1);
  for (const each of engines) await each.close();
});

test("an init that fails leaves an earlier home, its pins and nothing of its own", async () => {
  const reeve = await estate.open();
  await reeve.call(operator, "secret.keep", { key: "k", value: "kept value" });
  await estate.close();
  const options = { home: estate.home, witness: estate.witness, agent: "default", profile: "observer" } as const;
  const outside = join(estate.directory, "outside");
  const before = [readdirSync(estate.home.root), readdirSync(outside), readFileSync(estate.witness, "utf8")];
  writeFileSync(join(estate.directory, "file"), "");
  const nowhere = join(estate.directory, "file", "workspace");
  await expect(initHome({ ...options, workspace: nowhere, force: true })).rejects.toThrow("cannot be made");
  let left = 3;
  const now = () => {
    if (left-- > 0) return Date.now();
    throw new Fault("unavailable", "the clock stopped");
  };
  const clock = { now, monotonic: () => performance.now() };
  await expect(initHome({ ...options, force: true, clock })).rejects.toThrow("the clock stopped");
  expect([readdirSync(estate.home.root), readdirSync(outside), readFileSync(estate.witness, "utf8")]).toEqual(before);
  expect((await estate.open()).reconciled).toEqual([]);
});

test("a link in the place of a home's state counts as a home", async () => {
  const home = homeAt(join(estate.directory, "linked"));
  mkdirSync(home.root);
  symlinkSync(join(estate.directory, "nowhere"), home.state);
  const options = { home, witness: join(estate.directory, "w"), agent: "default", profile: "observer" } as const;
  await expect(initHome({ ...options, force: false })).rejects.toThrow("already");
  expect(readdirSync(home.root)).toEqual([".reeve"]);
});

test("a new home lets no other user write into it, whatever the umask", async () => {
  const home = homeAt(join(estate.directory, "open"));
  const umask = process.umask(0);
  try {
    await initHome({ home, witness: join(estate.directory, "w"), agent: "default", profile: "observer", force: false });
  } finally {
    process.umask(umask);
  }
  const loose = await Bun.$`find ${home.root} -perm /022`.text();
  expect(loose).toBe("");
  expect(await Bun.$`find ${home.state} ${home.runs} -perm /077`.text()).toBe("");
});

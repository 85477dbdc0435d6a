import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Json } from "../core/canonical.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { agent, operator } from "../define/principal.ts";
import type { ProviderEvent } from "../define/provider.ts";
import { defineTool } from "../define/tool.ts";
import { checkSeal } from "./history.ts";
import { openEngine } from "./open.ts";
import { replayBundle } from "./replay.ts";
import { scripted, seen, tools, useEstate } from "./testdata/estate.ts";

const estate = useEstate();

test("every run replays byte for byte, also refused, failed and multi-turn ones, and an altered bundle does not", async () => {
  const call = (tool: string, args: Json): ProviderEvent => ({
    type: "call",
    call: { id: "x", tool, arguments: args },
  });
  const turns: ProviderEvent[][] = [
    [
      { type: "text", text: "looking" },
      call("note_get", { path: "a" }),
      call("secret.keep", { key: "k", value: "v" }),
      call("nothing.here", [1]),
      { type: "done" },
    ],
    [call("note.read", { path: "missing" }), call("note.read", { path: 5 }), { type: "done" }],
    [{ type: "text", text: "done" }, { type: "done" }],
  ];
  writeFileSync(join(estate.home.root, "workspace", "a"), "z\u0000\u{1f600}");
  const reeve = await estate.open({ providers: [scripted(turns)] });
  const bundles = [
    (await reeve.run({ principal: agent("default"), message: "look", source: "cli" })).bundle,
    (await reeve.call(operator, "note.read", { path: "a" })).bundle,
    (await reeve.call(operator, "secret.keep", { key: "k", value: "v2v2v2" })).bundle,
    (await reeve.call(operator, "time.sleep", {})).bundle,
    (await reeve.run({ principal: agent("default"), message: '/tool note.read {"path":"../x"}', source: "stdin" }))
      .bundle,
  ];
  for (const bundle of bundles) expect(await replayBundle(bundle)).toMatchObject({ identical: true, differences: [] });
  const path = join(bundles[0] ?? "", "output.md");
  writeFileSync(path, readFileSync(path, "utf8").replace("done", "DONE"));
  expect((await replayBundle(bundles[0] ?? "")).identical).toBe(false);
});

test("a run whose process died is marked interrupted at the next start, with its unfinished calls", async () => {
  const reeve = await estate.open();
  const bundle = join(estate.home.runs, "01a1fb66-0000-7000-8000-000000000000");
  const id = "01a1fb66-0000-7000-8000-000000000000";
  await reeve.keeper.runs.insert({
    id,
    principal: "agent:default",
    source: "cli",
    created_at: "2026-01-01T00:00:00.000Z",
    owner: "gone/1/1",
  });
  const next = await estate.open();
  expect(next.reconciled).toEqual([id]);
  expect(await next.keeper.runs.get(id)).toMatchObject({ state: "interrupted" });
  expect(JSON.parse(readFileSync(join(bundle, "meta.json"), "utf8"))).toMatchObject({ state: "interrupted" });
  expect(existsSync(join(bundle, "manifest.json"))).toBe(true);
  expect((await estate.open()).reconciled).toEqual([]);
});

test("messages that are empty, too large, not Unicode or hold a NUL start no run", async () => {
  const reeve = await estate.open();
  for (const message of [" ", "x".repeat(1_048_577), "a\0b", "\ud800"]) {
    await expect(reeve.run({ principal: agent("default"), message, source: "cli" })).rejects.toThrow("message");
  }
  expect(readdirSync(estate.home.runs)).toEqual([]);
});

test("a clock behind the ledger refuses effects until it is right again", async () => {
  let skew_ms = 0;
  const clock: Clock = { now: () => systemClock.now() + skew_ms, monotonic: systemClock.monotonic };
  const reeve = await estate.open({ clock });
  await reeve.call(operator, "note.write", { path: "a", content: "b" });
  seen.length = 0;
  skew_ms = -3_600_000;
  await expect(reeve.call(operator, "note.write", { path: "a", content: "c" })).rejects.toThrow("behind the ledger");
  expect(seen).toEqual([]);
  expect(await reeve.keeper.runs.open()).toEqual([]);
  skew_ms = 0;
  expect((await reeve.call(operator, "note.write", { path: "a", content: "c" })).ok).toBe(true);
});

test("more runs than configured are refused, not queued without end", async () => {
  const text = readFileSync(estate.home.config, "utf8");
  writeFileSync(estate.home.config, text.replace(/"max_concurrent_runs": \d+/, '"max_concurrent_runs": 1'));
  const reeve = await estate.open();
  const first = reeve.call(operator, "time.sleep", {});
  await Bun.sleep(0);
  while (reeve.active === 0) await Bun.sleep(1);
  await expect(reeve.call(operator, "time.sleep", {})).rejects.toThrow("in progress already");
  await first;
});

test("two engines on one home both work, and the ledger stays one chain", async () => {
  const reeve = await estate.open();
  const other = await openEngine({ home: estate.home, tools, providers: [], version: "test" });
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 ? reeve : other).call(operator, "note.write", { path: `n${i}`, content: "x" }),
    ),
  );
  expect(results.every((result) => result.ok)).toBe(true);
  await other.close();
});

test("a run is canceled from another process, and ends as cancelled in bundle, state and ledger", async () => {
  let reached = () => {};
  const inside = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const wait = defineTool({
    name: "time.wait",
    summary: "Wait to be canceled.",
    capability: "time.now",
    effect: "read",
    needs: [],
    input: v.strictObject({}),
    output: v.strictObject({}),
    examples: [],
    handler: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        reached();
      }),
  });
  const stop = defineTool({
    name: "run.stop",
    summary: "Cancel a run.",
    capability: "runs.cancel",
    effect: "write",
    needs: ["runs"],
    input: v.strictObject({ id: v.string() }),
    output: v.strictObject({ cancelled: v.boolean() }),
    examples: [],
    handler: async ({ runs }, { id }) => ({ cancelled: await runs.cancel(id) }),
  });
  const reeve = await estate.open({ tools: [wait] });
  const waiting = reeve.call(operator, "time.wait", {});
  await inside;
  const other = await openEngine({ home: estate.home, tools: [stop], providers: [], version: "test" });
  const id = (await other.keeper.runs.newest()) ?? "";
  expect(await other.call(operator, "run.stop", { id })).toMatchObject({ ok: true, output: { cancelled: true } });
  const ended = await waiting;
  expect(ended).toMatchObject({ ok: false, run_id: id, code: "canceled" });
  expect((await other.keeper.runs.get(id))?.state).toBe("cancelled");
  expect(JSON.parse(readFileSync(join(ended.bundle, "meta.json"), "utf8"))).toMatchObject({ state: "cancelled" });
  expect(await estate.newest("run.end")).toMatchObject([{ state: "cancelled" }]);
  await other.close();
});

test("the seal of a bundle is the manifest its end in the ledger names, and no other", async () => {
  const reeve = await estate.open();
  const first = await reeve.call(operator, "note.write", { path: "a", content: "b" });
  const second = await reeve.call(operator, "note.write", { path: "a", content: "c" });
  const row = await reeve.keeper.runs.get(first.run_id);
  const other = await reeve.keeper.runs.get(second.run_id);
  if (!row || !other) throw new Error("the runs are not there");
  expect(await checkSeal(reeve.keeper, row)).toEqual([]);
  expect(await checkSeal(reeve.keeper, { ...row, end_seq: other.end_seq })).toHaveLength(1);
  expect(await checkSeal(reeve.keeper, { ...row, end_seq: null })).toHaveLength(1);
  const path = join(first.bundle, "manifest.json");
  writeFileSync(path, readFileSync(path, "utf8").replace('"bundle_version": 1', '"bundle_version": 2'));
  expect(await checkSeal(reeve.keeper, row)).toEqual([
    `manifest.json: not the one entry ${row.end_seq} of the ledger names`,
  ]);
});

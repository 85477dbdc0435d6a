/** Taking up runs whose process is gone, whatever it left behind; the disk is put into the state a kill would have left. */
import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setConfig } from "../config/set.ts";
import { operator } from "../define/principal.ts";
import { generic } from "../providers/generic.ts";
import type { ScriptTurn } from "../providers/testdata/model/script.ts";
import { StateFile } from "../store/state.ts";
import { tools as allTools } from "../tools/index.ts";
import { readJournal, type RunEvent } from "./journal.ts";
import { replayBundle } from "./replay.ts";
import { entries } from "./testdata/desk.ts";
import { useEstate } from "./testdata/estate.ts";
import { prepare, someone, talk, type Talking, useModels } from "./testdata/talking.ts";

const estate = useEstate();
const models = useModels();
const append = (content: string): ScriptTurn => ({
  calls: [{ tool: "fs_append", arguments: { path: "log.txt", content } }],
});
const script = { turns: [append("one\n"), append("two\n"), { text: "done" }] };
const grants = ["fs.*", "secrets.*"];
const request = { principal: someone, message: "append both", source: "test" };
const log = () => readFileSync(join(estate.home.root, "workspace", "log.txt"), "utf8");
const journalOf = (run: string) => join(estate.home.runs, run, "events.jsonl");

async function talking(turns: readonly ScriptTurn[] = script.turns): Promise<Talking> {
  const made = await talk(estate, { turns }, { grants });
  models.push(made.model);
  return made;
}

/**
 * As if the process had died after the last line of the journal of which `is` holds, `torn` bytes into the next one: a
 * power cut takes from the journal what the ledger keeps.
 */
async function die(run: string, is: (event: RunEvent) => boolean, torn = 0): Promise<void> {
  await estate.close();
  const path = journalOf(run);
  const { events } = readJournal(path);
  const kept = readFileSync(path, "utf8")
    .split("\n")
    .slice(0, events.findLastIndex(is) + 1);
  truncateSync(path, Buffer.byteLength(kept.map((line) => `${line}\n`).join("")) + torn);
  const file = new StateFile(estate.home.database);
  file.change("UPDATE runs SET state = 'running', owner = 'gone', ended_at = NULL WHERE id = ?", [run]);
  file.close();
}

const isIntent = (call: string) => (event: RunEvent) => event.type === "intent" && event.call === call;
const isTurn = (turn: number) => (event: RunEvent) => event.type === "turn" && event.turn === turn;

async function identical(bundle: string): Promise<void> {
  expect(await replayBundle(bundle)).toMatchObject({ identical: true, differences: [] });
}

test.each([1, 30, 120])(
  "a turn cut off after %i bytes of its line is asked for again, and only that one",
  async (torn) => {
    const first = await talking();
    const { run_id } = await first.engine.run(request);
    await die(run_id, (event) => event.type === "outcome" && event.call === "call-1", torn);
    const { engine, model } = await talking();
    expect(engine.reconciled).toEqual([run_id]);
    const done = await engine.resume(run_id);
    expect(done).toMatchObject({ state: "completed", answer: "done" });
    expect(model.requests).toHaveLength(2);
    expect(log()).toBe("one\ntwo\ntwo\n");
    await identical(done.bundle);
  },
);

test("of a second try that was cut off too a person is asked once more, and it has an id of its own", async () => {
  const first = await talking();
  const { run_id } = await first.engine.run(request);
  await die(run_id, isIntent("call-1"));
  const second = await talking();
  await second.engine.resume(run_id, { in_doubt: "repeat" });
  await die(run_id, isIntent("call-1-again"));
  const before = log();
  const { engine, model } = await talking();
  const waiting = await engine.resume(run_id);
  expect(waiting.state).toBe("waiting");
  expect(engine.keeper.approvals.get(waiting.approval ?? "")).toMatchObject({
    kind: "repeat",
    call: "call-1-again-again",
  });
  expect([log(), model.requests]).toEqual([before, []]);
  const done = await engine.resume(run_id, { in_doubt: "repeat" });
  expect(done.state).toBe("completed");
  const intents = readJournal(journalOf(run_id)).events.flatMap((event) =>
    event.type === "intent" ? [event.call] : [],
  );
  expect(intents).toEqual(["call-1", "call-1-again", "call-1-again-again", "call-2"]);
  expect(log()).toBe(`${before}one\ntwo\n`);
  await identical(done.bundle);
});

test("a read that was cut off is made again without a word, however often it is", async () => {
  const turns = [{ calls: [{ tool: "fs_list", arguments: { path: "." } }] }, { text: "seen" }];
  const { run_id } = await (await talking(turns)).engine.run(request);
  for (const tail of ["", "-again"]) {
    await die(run_id, isIntent(`call-1${tail}`));
    const done = await (await talking(turns)).engine.resume(run_id);
    expect(done).toMatchObject({ state: "completed", answer: "seen" });
    await identical(done.bundle);
  }
});

test("a call that was skipped stays skipped, whatever is said when the run is taken up once more", async () => {
  const first = await talking();
  const { run_id } = await first.engine.run(request);
  await die(run_id, isIntent("call-1"));
  await (await talking()).engine.resume(run_id, { in_doubt: "skip" });
  await die(run_id, isTurn(2));
  const { engine, model } = await talking();
  const done = await engine.resume(run_id, { in_doubt: "repeat" });
  expect(done.state).toBe("completed");
  expect(model.requests).toHaveLength(1);
  expect(log().match(/one/g)).toHaveLength(1);
  await identical(done.bundle);
});

test("nobody is asked about a call that cannot be made again, since its arguments held a secret", async () => {
  const turns = [append("token-of-the-owner\n"), { text: "done" }];
  const first = await talking(turns);
  await first.engine.call(operator, "secrets.set", { key: "token", value: "token-of-the-owner" });
  const { run_id } = await first.engine.run(request);
  expect(log()).toBe("token-of-the-owner\n");
  for (const in_doubt of ["ask", "repeat"] as const) {
    await die(run_id, isIntent("call-1"));
    const { engine, model } = await talking(turns);
    const done = await engine.resume(run_id, { in_doubt });
    expect(done).toMatchObject({ state: "completed", answer: "done" });
    expect(JSON.stringify(model.requests[0]?.body)).toContain("interrupted");
    expect(log()).toBe("token-of-the-owner\n");
    await identical(done.bundle);
  }
});

test("a run goes on with the model that is configured now, by the limits it began with", async () => {
  const first = await talking();
  const { run_id } = await first.engine.run(request);
  await die(run_id, (event) => event.type === "outcome" && event.call === "call-1");
  const { model } = first;
  setConfig(estate.home.config, { "engine.max_tool_iterations": 1 }, { dry_run: false });
  prepare(estate, model, { settings: { "model.name": "scripted-2" } });
  const engine = await estate.open({ tools: allTools, providers: [generic] });
  const done = await engine.resume(run_id);
  expect(done).toMatchObject({ state: "completed", answer: "done" });
  const spoken = readJournal(journalOf(run_id)).events.flatMap((event) => (event.type === "turn" ? [event.model] : []));
  expect(spoken).toEqual(["generic/scripted-1", "generic/scripted-2", "generic/scripted-2"]);
  expect(JSON.parse(readFileSync(join(done.bundle, "meta.json"), "utf8"))).toMatchObject({
    model: "generic/scripted-2",
  });
  await identical(done.bundle);
});

test("a run whose model cannot be had any more fails, and goes on once it can", async () => {
  const first = await talking();
  const { run_id } = await first.engine.run(request);
  await die(run_id, (event) => event.type === "outcome" && event.call === "call-1");
  prepare(estate, first.model, { settings: { "model.provider": "openai" } });
  const without = await estate.open({ tools: allTools, providers: [generic] });
  expect((await without.resume(run_id)).state).toBe("failed");
  const { engine } = await talking();
  const done = await engine.resume(run_id);
  expect(done).toMatchObject({ state: "completed", answer: "done" });
  await identical(done.bundle);
});

test("a journal that never began is refused as that, one whose beginning is lost as damage", async () => {
  const first = await talking();
  const { run_id } = await first.engine.run(request);
  await die(run_id, () => false, 20);
  const { engine } = await talking();
  const unbegun = { code: "failed_precondition", message: expect.stringContaining("before it began") };
  await expect(engine.resume(run_id)).rejects.toMatchObject(unbegun);
  await die(run_id, () => true);
  appendFileSync(journalOf(run_id), '{"type":"prompt","ts":"2026-01-01T00:00:00.000Z","text":"x"}\n');
  const again = await talking();
  await expect(again.engine.resume(run_id)).rejects.toMatchObject({ code: "data_loss" });
});

test("a start of which the ledger may not have heard is told again, and not where it surely has", async () => {
  const first = await talking();
  const { run_id } = await first.engine.run(request);
  const takenUp = async () => {
    await die(run_id, (event) => event.type === "start");
    const { engine } = await talking();
    expect((await engine.resume(run_id)).state).toBe("completed");
    return entries(engine, "run.start");
  };
  expect(await takenUp()).toHaveLength(1);
  const { engine } = await talking();
  await engine.run(request);
  const starts = await takenUp();
  expect(starts).toHaveLength(3);
  expect(starts[2]).toEqual(starts[0] ?? null);
});

test("what was said in a session is kept by whoever ends the run, and once", async () => {
  const first = await talking();
  const place = { channel: "cli", user: "ada", room: "terminal" };
  const { run_id, session } = await first.engine.run({ ...request, session: { place, which: "new" } });
  const kept = async (engine: Talking["engine"]) => {
    const lines = await engine.keeper.sessions.read(session ?? "", { limit: 50, offset: 0 });
    return lines.flatMap(({ role, content }) => (role === "tool" ? [] : [content]));
  };
  expect(await kept(first.engine)).toEqual(["append both", "done"]);
  await die(run_id, () => true);
  expect(await kept((await talking()).engine)).toEqual(["append both", "done"]);
  await die(run_id, () => true);
  const file = new StateFile(estate.home.database);
  file.change("DELETE FROM session_messages", []);
  file.change("UPDATE sessions SET messages = 0", []);
  file.close();
  expect(await kept((await talking()).engine)).toEqual(["append both", "done"]);
  await die(run_id, isTurn(3));
  expect(await kept((await talking()).engine)).toEqual(["append both", "done"]);
});

/** A run that was canceled or ran out of its budget goes on: what was not begun is made after all, what was is in doubt. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setConfig } from "../config/set.ts";
import { Fault } from "../core/fault.ts";
import { replayBundle } from "./replay.ts";
import { useEstate } from "./testdata/estate.ts";
import { someone, talk, useModels } from "./testdata/talking.ts";

const estate = useEstate();
const models = useModels();
const write = (path: string) => ({ calls: [{ tool: "fs_write", arguments: { path, content: path } }] });
const script = { turns: [write("a.txt"), write("b.txt"), { text: "both are written" }] };
const asked = { grants: ["fs.*"], ask: ["fs.write:b.txt"] };
const request = { principal: someone, message: "write both", source: "test" };

test("a question that was canceled is asked again when the run goes on", async () => {
  const { engine, model } = await talk(estate, script, asked);
  models.push(model);
  const canceled = await engine.run({ ...request, approve: () => Promise.reject(new Fault("canceled", "Ctrl-C")) });
  expect(canceled).toMatchObject({ state: "cancelled", fault: { code: "canceled" } });
  const waiting = await engine.resume(canceled.run_id);
  expect(waiting.state).toBe("waiting");
  const done = await engine.resume(canceled.run_id, { approve: async () => ({ decision: "approve", scope: "once" }) });
  expect(done).toMatchObject({ state: "completed", answer: "both are written" });
  expect(readFileSync(join(estate.home.root, "workspace", "b.txt"), "utf8")).toBe("b.txt");
  expect(model.requests).toHaveLength(3);
  expect(await replayBundle(done.bundle)).toMatchObject({ identical: true, differences: [] });
});

test("a run that was stopped while a call was carried out does not repeat it without a word", async () => {
  const slow = { turns: [{ calls: [{ tool: "agent_run", arguments: { task: "slowly" } }] }, { text: "gone on" }] };
  const { engine, model } = await talk(estate, slow, { grants: ["fs.*", "agents.run"] });
  models.push(model);
  const controller = new AbortController();
  const begun = new Set<string>();
  const stopped = await engine.run({
    ...request,
    signal: controller.signal,
    // The sub-agent's own run has begun: the call is in the middle.
    onEvent: (event) => {
      begun.add(event.run_id);
      if (begun.size === 2) controller.abort(new Fault("canceled", "stop"));
    },
  });
  expect(stopped.state).toBe("cancelled");
  expect((await engine.resume(stopped.run_id)).state).toBe("waiting");
  const done = await engine.resume(stopped.run_id, { in_doubt: "skip" });
  expect(done).toMatchObject({ state: "completed", answer: "gone on" });
  expect(await replayBundle(done.bundle)).toMatchObject({ identical: true, differences: [] });
});

test("a run whose budget was used up goes on when it is raised", async () => {
  const { engine, model } = await talk(estate, script, { grants: ["fs.*"], settings: { "budget.run_tool_calls": 1 } });
  models.push(model);
  const short = await engine.run(request);
  expect(short).toMatchObject({ state: "failed", fault: { code: "resource_exhausted" } });
  await estate.close();
  setConfig(estate.home.config, { "budget.run_tool_calls": 10 }, { dry_run: false });
  const { engine: again, model: other } = await talk(estate, script, { grants: ["fs.*"] });
  models.push(other);
  const done = await again.resume(short.run_id);
  expect(done).toMatchObject({ state: "completed", answer: "both are written" });
  expect(await replayBundle(done.bundle)).toMatchObject({ identical: true, differences: [] });
});

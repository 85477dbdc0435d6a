/** Runs whose process died: each is given the end it did not get to write, so that none stays `running`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { RunRow } from "../store/runs.ts";
import { createBundle } from "./bundle.ts";
import { Journal } from "./journal.ts";
import { isAlive } from "../core/owner.ts";
import { type RunKeeper, settleRun } from "./run.ts";

/** Ids of the runs marked `interrupted`, or ended as their journal says. Runs of live processes are left alone. */
export async function reconcileRuns(keeper: RunKeeper): Promise<readonly string[]> {
  const dead = (await keeper.runs.open()).filter((row) => !isAlive(row.owner));
  for (const row of dead) await reconcile(keeper, row);
  return dead.map((row) => row.id);
}

async function reconcile(keeper: RunKeeper, row: RunRow): Promise<void> {
  const bundle = join(keeper.home.runs, row.id);
  const path = join(bundle, "events.jsonl");
  const { journal, torn_bytes } = existsSync(path)
    ? Journal.resume(path)
    : { journal: createBundle(bundle), torn_bytes: 0 };
  const last = journal.events.at(-1);
  const run = { id: row.id, actor: row.principal, bundle };
  if (last?.type === "end") return settleRun(keeper, run, journal, last);
  const pending = unfinishedCalls(journal);
  const fault = new Fault("canceled", "the process that drove this run ended before the run did", {
    hint: pending.length
      ? "the calls listed in data have an intent and no outcome: look at what they changed before running them again"
      : "start the run again",
    data: { unfinished_calls: pending, torn_bytes },
  }).toRecord();
  journal.append(
    { type: "end", ts: rfc3339(keeper.clock.now()), state: "interrupted", answer: "", fault },
    { durable: true },
  );
  return settleRun(keeper, run, journal, { state: "interrupted", fault });
}

function unfinishedCalls(journal: Journal): readonly { readonly call: string; readonly tool: string }[] {
  const done = new Set(journal.events.flatMap((e) => (e.type === "outcome" || e.type === "failure" ? [e.call] : [])));
  return journal.events.flatMap((e) =>
    e.type === "intent" && !done.has(e.call) ? [{ call: e.call, tool: e.tool }] : [],
  );
}

/** Runs whose process died: each is given the end it did not get to write, so that none stays `running`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { rfc3339 } from "../core/clock.ts";
import type { Config } from "../config/settings.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { RunRow } from "../store/runs.ts";
import { createBundle } from "./bundle.ts";
import { Journal } from "./journal.ts";
import { isAlive, thisProcess } from "../core/owner.ts";
import { openHomeWorkspace } from "./place.ts";
import { Quarantine } from "./quarantine.ts";
import { orRelease, type RunKeeper, settleRun, unfinishedCalls } from "./run.ts";

/** Ids of the runs marked `interrupted`, or ended as their journal says. Runs of live processes are left alone. */
export async function reconcileRuns(keeper: RunKeeper): Promise<readonly string[]> {
  const ended: string[] = [];
  for (const row of await keeper.runs.open()) {
    if (isAlive(row.owner) || !(await keeper.runs.claim(row.id, row.owner, thisProcess()))) continue;
    await orRelease(keeper, row.id, () => reconcile(keeper, row));
    ended.push(row.id);
  }
  return ended;
}

/**
 * Records what programs of runs that were cut off changed, so that it can be undone. Returns a sentence for each run where
 * that failed: one damaged snapshot must not keep the whole home shut, and its undo is refused until it is settled.
 */
export async function settlePrograms(
  keeper: RunKeeper,
  config: Config,
  runs: readonly string[],
): Promise<readonly string[]> {
  const notices: string[] = [];
  for (const run of runs) {
    try {
      const workspace = openHomeWorkspace(keeper.home, config);
      await workspace.settle(run);
      new Quarantine(keeper, workspace).wrote(run);
    } catch (thrown) {
      notices.push(`what programs of run ${run} changed could not be recorded: ${asFault(thrown).message}`);
    }
  }
  return notices;
}

async function reconcile(keeper: RunKeeper, row: RunRow): Promise<void> {
  const bundle = join(keeper.home.runs, row.id);
  const path = join(bundle, "events.jsonl");
  const resumed = resume(bundle, path);
  if (resumed instanceof Fault) return endUnsealed(keeper, row, resumed);
  const { journal, torn_bytes } = resumed;
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

/** The run's journal, or why it cannot be read: one damaged bundle must not keep the whole home shut. */
function resume(bundle: string, path: string): ReturnType<typeof Journal.resume> | Fault {
  try {
    return existsSync(path) ? Journal.resume(path) : { journal: createBundle(bundle), torn_bytes: 0 };
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === "data_loss") return thrown;
    throw thrown;
  }
}

/** The end of a run whose bundle is damaged: its files are left as they are, and no manifest vouches for them. */
async function endUnsealed(keeper: RunKeeper, row: RunRow, fault: Fault): Promise<void> {
  const payload = { state: "interrupted", manifest_sha256: null, fault: fault.code };
  const { seq } = await keeper.ledger.append({ type: "run.end", actor: row.principal, run: row.id, payload });
  const ended_at = rfc3339(keeper.clock.now());
  await keeper.runs.end(row.id, { state: "interrupted", ended_at, fault: fault.message, end_seq: seq });
}

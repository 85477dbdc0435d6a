/** A run from its first ledger entry to its last: bundle, journal, state, and the manifest's digest in the ledger. */
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { asFault, Fault, type FaultRecord } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { newId } from "../core/id.ts";
import { type Principal, principalText } from "../define/principal.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { CallRow, RunStore } from "../store/runs.ts";
import { createBundle, sealBundle } from "./bundle.ts";
import type { End } from "./drive.ts";
import type { Journal, RunEvent, RunInput } from "./journal.ts";
import type { RunScope } from "./scope.ts";
import { thisProcess } from "../core/owner.ts";

export interface RunKeeper {
  /** How many changes of the vault this process knows of; every end of a run carries it. */
  readonly vault_serial: () => number;
  readonly home: Home;
  readonly ledger: Ledger;
  readonly runs: RunStore;
  readonly clock: Clock;
}

export interface ActiveRun extends RunScope {
  readonly bundle: string;
  readonly controller: AbortController;
  readonly ts: () => string;
}

/** How often a running process looks whether another one asked it to stop, in milliseconds. */
const cancelPoll_ms = 250;

/**
 * Opens a run: its row, its bundle with the `start` event, and `run.start` on its way into the ledger. `message` must
 * already be scrubbed.
 */
export async function beginRun(
  keeper: RunKeeper,
  principal: Principal,
  input: Omit<RunInput, "run_id" | "principal">,
  signal: AbortSignal | undefined,
): Promise<ActiveRun> {
  const run_id = newId();
  const actor = principalText(principal);
  const ts = () => rfc3339(keeper.clock.now());
  const owner = thisProcess();
  await keeper.runs.insert({ id: run_id, principal: actor, source: input.source, created_at: ts(), owner });
  const bundle = join(keeper.home.runs, run_id);
  const start = { type: "start", ts: ts(), run_id, principal: actor, ...input } as const;
  const journal = await orRelease(keeper, run_id, () => openBundle(bundle, start));
  const { message: _, ...facts } = input;
  const controller = new AbortController();
  const linked = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
  const started = keeper.ledger.append({ type: "run.start", actor, run: run_id, payload: facts as Json }).then(
    () => undefined,
    (thrown: unknown) => asFault(thrown),
  );
  return { run_id, principal, journal, signal: linked, bundle, controller, ts, started };
}

function openBundle(bundle: string, start: RunEvent): Journal {
  const journal = createBundle(bundle);
  try {
    journal.append(start, { durable: false });
    return journal;
  } catch (thrown) {
    journal.close();
    throw thrown;
  }
}

/**
 * Carries out a step of a run's life. When it fails this process is done with the run: it is left for the next start to
 * end, and does not go on as `running` while this process lives. The step's own failure is what is thrown.
 */
export async function orRelease<T>(keeper: RunKeeper, id: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    // Where the state database is what failed, the row stays as it is until this process is gone.
    await keeper.runs.release(id).catch(() => undefined);
    throw thrown;
  }
}

/**
 * The end of a run the ledger never heard of. Where the disk that failed the ledger fails this too, the run stays open
 * and the next start ends it.
 */
export async function abandonRun(keeper: RunKeeper, run: ActiveRun, fault: Fault): Promise<void> {
  try {
    await orRelease(keeper, run.run_id, async () => {
      const end = { type: "end", ts: run.ts(), state: "failed", answer: "", fault: fault.toRecord() } as const;
      run.journal.append(end, { durable: false });
      sealBundle(run.bundle, run.journal.events);
      await keeper.runs.end(run.run_id, { state: "failed", ended_at: end.ts, fault: fault.message, end_seq: null });
    });
  } catch (thrown) {
    if (asFault(thrown).code === "internal") throw thrown;
  } finally {
    run.journal.close();
  }
}

/** Watches for a cancellation asked for by another process; returns the function that stops watching. */
export function watchForCancel(keeper: RunKeeper, run: ActiveRun): () => void {
  const timer = setInterval(() => {
    if (keeper.runs.cancelRequested(run.run_id)) run.controller.abort(canceledFault());
  }, cancelPoll_ms);
  return () => clearInterval(timer);
}

export function canceledFault(): Fault {
  return new Fault("canceled", "the run was canceled", { hint: "start it again when you are ready" });
}

/** Writes the end of a run everywhere it is written; the bundle is complete when this returns. */
export async function endRun(keeper: RunKeeper, run: ActiveRun, end: End): Promise<void> {
  const { run_id: id, bundle, journal } = run;
  try {
    await orRelease(keeper, id, () => {
      journal.append({ type: "end", ts: run.ts(), ...end }, { durable: false });
      return settleRun(keeper, { id, actor: principalText(run.principal), bundle }, journal, end);
    });
  } finally {
    journal.close();
  }
}

/** Seals the bundle of a journal that has its `end` and writes that end to ledger and state. */
export async function settleRun(
  keeper: RunKeeper,
  run: { readonly id: string; readonly actor: string; readonly bundle: string },
  journal: Journal,
  end: { readonly state: string; readonly fault: FaultRecord | null },
): Promise<void> {
  const manifest_sha256 = sealBundle(run.bundle, journal.events);
  journal.close();
  const { seq } = await keeper.ledger.append({
    type: "run.end",
    actor: run.actor,
    run: run.id,
    payload: { state: end.state, manifest_sha256, fault: end.fault?.code ?? null, vault_serial: keeper.vault_serial() },
  });
  await keeper.runs.setCalls(run.id, callsOf(journal.events));
  const ended_at = journal.events.at(-1)?.ts ?? rfc3339(keeper.clock.now());
  const fault = end.fault?.message ?? null;
  await keeper.runs.end(run.id, { state: end.state, ended_at, fault, end_seq: seq });
}

function callsOf(events: readonly RunEvent[]): readonly CallRow[] {
  const tools = new Map(events.flatMap((event) => (event.type === "intent" ? [[event.call, event.tool]] : [])));
  return events.flatMap((event): readonly CallRow[] => {
    if (event.type === "refusal") return [{ call: event.call, tool: event.tool, code: event.code, duration_ms: 0 }];
    if (event.type !== "outcome" && event.type !== "failure") return [];
    const code = event.type === "failure" ? event.code : null;
    return [{ call: event.call, tool: tools.get(event.call) ?? "", code, duration_ms: event.duration_ms }];
  });
}

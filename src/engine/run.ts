/** A run from its first ledger entry to its last: bundle, journal, state, and the manifest's digest in the ledger. */
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { asFault, Fault, type FaultRecord } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { thisProcess } from "../core/owner.ts";
import { cut } from "../core/text.ts";
import type { RunState } from "../define/handles.ts";
import { parsePrincipal, type Principal, principalText } from "../define/principal.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ApprovalStore } from "../store/approvals.ts";
import type { CallRow, RunRow, RunStore } from "../store/runs.ts";
import type { SessionStore } from "../store/sessions.ts";
import type { StateFile } from "../store/state.ts";
import type { UsageStore } from "../store/usage.ts";
import { createBundle, sealBundle } from "./bundle.ts";
import type { End } from "./drive.ts";
import { Journal, type RunEvent, type RunInput } from "./journal.ts";
import type { LiveEvent } from "./live.ts";
import type { Approver, Link, RunScope } from "./scope.ts";

export interface RunKeeper {
  /** How many changes of the vault this process knows of; every end of a run carries it. */
  readonly vault_serial: () => number;
  readonly home: Home;
  readonly ledger: Ledger;
  readonly state: StateFile;
  readonly runs: RunStore;
  readonly sessions: SessionStore;
  readonly approvals: ApprovalStore;
  readonly usage: UsageStore;
  readonly clock: Clock;
}

export interface ActiveRun extends RunScope {
  readonly bundle: string;
  readonly controller: AbortController;
  readonly ts: () => string;
}

/** Who starts a run, and who is there while it goes on. */
export interface RunCompany {
  readonly principal: Principal;
  readonly signal?: AbortSignal | undefined;
  readonly links?: readonly Link[];
  readonly approve?: Approver | undefined;
  readonly onEvent?: ((event: LiveEvent) => void) | undefined;
}

/**
 * Opens a run: its row, its bundle with the `start` event, and `run.start` on its way into the ledger. `message` must
 * already be scrubbed.
 */
export async function beginRun(
  keeper: RunKeeper,
  company: RunCompany,
  input: Omit<RunInput, "principal">,
): Promise<ActiveRun> {
  const { run_id } = input;
  const actor = principalText(company.principal);
  const created_at = rfc3339(keeper.clock.now());
  await keeper.runs.insert({
    id: run_id,
    principal: actor,
    source: input.source,
    created_at,
    owner: thisProcess(),
    session: input.session ?? null,
    parent: input.parent?.run ?? null,
    message: cut(input.message, maxListedBytes).text,
  });
  const bundle = join(keeper.home.runs, run_id);
  const { run_id: _, ...asked } = input;
  const start = { type: "start", ts: created_at, run_id, principal: actor, ...asked } as const;
  const journal = await orRelease(keeper, run_id, () => openBundle(bundle, start));
  const started = recordStart(keeper, start).then(
    () => undefined,
    (thrown: unknown) => asFault(thrown),
  );
  return activate(keeper, company, { run_id, journal, bundle, started, dry_run: input.dry_run === true });
}

/** What the ledger is told of a run's start: all of it but the words, which are the bundle's. */
async function recordStart(
  { ledger }: Pick<RunKeeper, "ledger">,
  start: Extract<RunEvent, { readonly type: "start" }>,
) {
  const { type: _, ts: __, run_id, principal: actor, message: ___, schema: ____, ...facts } = start;
  await ledger.append({ type: "run.start", actor, run: run_id, payload: facts as unknown as Json });
}

/**
 * Takes up a run that waits or is over. Throws `failed_precondition` when another process has it, or when it was cut off
 * before it began. The journal goes on with a `resumed` event; calls that were cut off are closed as `interrupted`, so
 * that nothing stays open.
 */
export async function reopenRun(keeper: RunKeeper, company: RunCompany, row: RunRow): Promise<ActiveRun> {
  if (!(await keeper.runs.reopen(row.id, row, thisProcess()))) {
    throw new Fault("failed_precondition", `run ${row.id} was taken up by another process`, {
      hint: `see reeve runs show ${row.id}`,
    });
  }
  const bundle = join(keeper.home.runs, row.id);
  return orRelease(keeper, row.id, async () => {
    const { journal } = Journal.resume(join(bundle, "events.jsonl"));
    const start = journal.events.find((event) => event.type === "start");
    if (!start) throw startless(row.id, journal);
    const actor = principalText(company.principal);
    const ts = rfc3339(keeper.clock.now());
    const after = row.state as RunState;
    journal.append({ type: "resumed", ts, by: actor, after }, { durable: true });
    if (!(await isStartKnown(keeper, row.id, journal))) await recordStart(keeper, start);
    for (const { call, tool } of unfinishedCalls(journal)) {
      const fault = new Fault("canceled", `${tool} was cut off: it may have happened or not`, {
        hint: "look at what it would have changed before doing it again",
      }).toRecord();
      const failure = { call, duration_ms: 0, code: "interrupted", fault } as const;
      journal.append({ type: "failure", ts, ...failure }, { durable: true });
      const payload = { call, tool, ok: false, code: "interrupted", duration_ms: 0 };
      await keeper.ledger.append({ type: "call.outcome", actor: row.principal, run: row.id, payload });
    }
    await keeper.ledger.append({ type: "run.resumed", actor, run: row.id, payload: { after } });
    const owner = { ...company, principal: parsePrincipal(row.principal) };
    const started = Promise.resolve(undefined);
    return activate(keeper, owner, { run_id: row.id, journal, bundle, started, dry_run: start.dry_run === true });
  });
}

function startless(id: string, journal: Journal): Fault {
  journal.close();
  if (!journal.events.every(({ type }) => type === "end")) {
    return new Fault("data_loss", `the journal of run ${id} has no start`);
  }
  return new Fault("failed_precondition", `run ${id} was cut off before it began`, { hint: "start it again" });
}

/**
 * Whether the ledger heard of the run before it was cut off. The loop gets a prompt and a call its outcome only after
 * that; where there was neither, the entry may be missing, and in doubt it is written twice.
 */
async function isStartKnown({ ledger }: RunKeeper, id: string, { events }: Journal): Promise<boolean> {
  if (events.some(({ type }) => type === "prompt" || type === "outcome")) return true;
  const newest = await ledger.latest("run.start");
  return newest !== undefined && (await ledger.entry(newest.seq)).run === id;
}

const maxListedBytes = 300;

function activate(
  keeper: RunKeeper,
  company: RunCompany,
  part: Pick<ActiveRun, "run_id" | "journal" | "bundle" | "started" | "dry_run">,
): ActiveRun {
  const controller = new AbortController();
  const { principal, signal, links = [], approve, onEvent } = company;
  return {
    ...part,
    principal,
    links,
    approve,
    controller,
    signal: signal ? AbortSignal.any([signal, controller.signal]) : controller.signal,
    ts: () => rfc3339(keeper.clock.now()),
    tell: (news) => onEvent?.({ run_id: part.run_id, ...news } as LiveEvent),
  };
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

export function canceledFault(): Fault {
  return new Fault("canceled", "the run was canceled", { hint: "start it again when you are ready" });
}

/** Leaves a run that waits for an answer: nobody drives it until it is taken up again. */
export async function suspendRun(keeper: RunKeeper, run: ActiveRun): Promise<void> {
  try {
    await keeper.ledger.append({
      type: "run.waiting",
      actor: principalText(run.principal),
      run: run.run_id,
      payload: {},
    });
    await keeper.runs.setCalls(run.run_id, callsOf(run.journal.events));
    await keeper.runs.suspend(run.run_id);
  } finally {
    run.journal.close();
  }
}

/** Ends a run that nobody drives because it waits; false when somebody took it up just now. */
export async function cancelWaiting(keeper: RunKeeper, row: RunRow): Promise<boolean> {
  if (!(await keeper.runs.reopen(row.id, row, thisProcess()))) return false;
  const bundle = join(keeper.home.runs, row.id);
  await orRelease(keeper, row.id, async () => {
    const { journal } = Journal.resume(join(bundle, "events.jsonl"));
    const fault = canceledFault().toRecord();
    const ts = rfc3339(keeper.clock.now());
    journal.append({ type: "end", ts, state: "cancelled", answer: "", fault }, { durable: false });
    await settleRun(keeper, { id: row.id, actor: row.principal, bundle }, journal, { state: "cancelled", fault });
  });
  return true;
}

/** Calls with an intent and nothing after it. */
export function unfinishedCalls(journal: Journal): readonly { readonly call: string; readonly tool: string }[] {
  const done = new Set(journal.events.flatMap((e) => (e.type === "outcome" || e.type === "failure" ? [e.call] : [])));
  return journal.events.flatMap((e) =>
    e.type === "intent" && !done.has(e.call) ? [{ call: e.call, tool: e.tool }] : [],
  );
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

/** Seals the bundle of a journal that has its `end` and writes that end to ledger, session and state. */
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
  if (journal.events.some((event) => event.type === "start" && event.session !== undefined)) {
    await (await import("./dialogue.ts")).rememberRun(keeper, run.id, journal.events);
  }
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

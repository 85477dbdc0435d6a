/** Runs as their handle and the command line see them: list, one, metrics, cancel, undo. */
import { join } from "node:path";
import { isJsonObject, type Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import type { RunFacts, RunsHandle, RunState } from "../define/handles.ts";
import { principalText } from "../define/principal.ts";
import type { RunRow } from "../store/runs.ts";
import { visibleName } from "../workspace/name.ts";
import { undoRun, type Workspace } from "../workspace/workspace.ts";
import { fileDigest } from "./control.ts";
import type { Quarantine } from "./quarantine.ts";
import type { CallScope } from "./scope.ts";
import type { ActiveRun, RunKeeper } from "./run.ts";
import { cancelWaiting, canceledFault } from "./run.ts";

export function runsHandle(
  keeper: RunKeeper,
  workspace: Workspace,
  quarantine: Quarantine,
  active: ReadonlyMap<string, ActiveRun>,
  scope: CallScope,
): RunsHandle {
  const as = { run_id: scope.run_id, call_id: scope.call_id };
  const enter = (type: string, payload: Json) =>
    keeper.ledger.append({ type, actor: principalText(scope.principal), run: scope.run_id, payload });
  return {
    list: async (filter) => {
      const { rows, total } = await keeper.runs.list(filter);
      return { runs: rows.map(factsOf), total };
    },
    get: async (id) => {
      const row = await keeper.runs.get(id);
      return row && factsOf(row);
    },
    cancel: async (id) => {
      const row = await keeper.runs.get(id);
      if (row?.state === "waiting") return cancelWaiting(keeper, row);
      const asked = await keeper.runs.requestCancel(id);
      if (asked) active.get(id)?.controller.abort(canceledFault());
      return asked;
    },
    metrics: (filter) => keeper.runs.totals(filter),
    undo: async (id) => {
      await workspace.settle(id);
      const paths = undoRun(workspace, id, { as });
      quarantine.restored(as.run_id);
      await enter("workspace.undone", { undone: id, paths: paths.length });
      return paths;
    },
    revert: async (id, { force }) => {
      const runs = [id, ...(await keeper.runs.beneath(id))];
      for (const run of runs) await workspace.settle(run);
      const restored = undoRun(workspace, runs, { force, as });
      quarantine.restored(as.run_id);
      await enter("run.reverted", { reverted: id, runs, force, paths: restored.length });
      return { restored, runs };
    },
    files: async (id) =>
      workspace.written(id).files.map(({ path, sha256 }) => {
        const now = workspace.digest(path);
        const state = now === sha256 ? "as written" : now === undefined ? "gone" : "changed since";
        return { path: visibleName(path), state, quarantined: quarantine.isQuarantined(path) };
      }),
    accept: async (id) => {
      const runs = [id, ...(await keeper.runs.beneath(id))];
      await enter("quarantine.accepted", { accepted: id, runs });
      return runs.reduce((sum, run) => sum + quarantine.release(run), 0);
    },
  };
}

/**
 * The full id for `last`, a full id, or a beginning or ending of one. Throws `not_found`, or `invalid_argument` when
 * several runs match.
 */
export async function resolveRunId(keeper: Pick<RunKeeper, "runs">, text: string): Promise<string> {
  const known = text === "last" ? await keeper.runs.newest() : undefined;
  if (known) return known;
  const hint = "run `reeve runs list` for the ids";
  const ids = /^[0-9a-f-]{4,36}$/.test(text) ? await keeper.runs.matching(text) : [];
  if (ids.length > 1) throw new Fault("invalid_argument", `several runs match ${JSON.stringify(text)}`, { hint });
  if (!ids[0]) throw new Fault("not_found", `there is no run ${JSON.stringify(text.slice(0, 64))}`, { hint });
  return ids[0];
}

export function bundleOf(keeper: Pick<RunKeeper, "home">, id: string): string {
  return join(keeper.home.runs, id);
}

/** What speaks against the manifest in a run's bundle being the one its `run.end` in the ledger names. */
export async function checkSeal(keeper: Pick<RunKeeper, "home" | "ledger">, row: RunRow): Promise<readonly string[]> {
  if (row.end_seq === null) return ["manifest.json: the ledger holds no end of this run"];
  const { type, run, payload } = await keeper.ledger.entry(row.end_seq);
  const named = isJsonObject(payload) ? payload["manifest_sha256"] : undefined;
  if (type !== "run.end" || run !== row.id)
    return [`manifest.json: entry ${row.end_seq} of the ledger is not the end of this run`];
  if (named === fileDigest(join(bundleOf(keeper, row.id), "manifest.json"))) return [];
  return [`manifest.json: not the one entry ${row.end_seq} of the ledger names`];
}

function factsOf(row: RunRow): RunFacts {
  const { id, principal, source, state, created_at, ended_at, tool_calls, fault } = row;
  return { id, principal, source, state: state as RunState, created_at, ended_at, tool_calls, fault };
}

/** Runs as their handle and the command line see them: list, one, metrics, cancel, undo. */
import { join } from "node:path";
import { isJsonObject } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import type { RunFacts, RunsHandle, RunState } from "../define/handles.ts";
import { principalText } from "../define/principal.ts";
import type { RunRow } from "../store/runs.ts";
import { undoRun, type Workspace } from "../workspace/workspace.ts";
import { fileDigest } from "./control.ts";
import type { CallScope } from "./scope.ts";
import type { ActiveRun, RunKeeper } from "./run.ts";
import { cancelWaiting, canceledFault } from "./run.ts";

export function runsHandle(
  keeper: RunKeeper,
  workspace: Workspace,
  active: ReadonlyMap<string, ActiveRun>,
  scope: CallScope,
): RunsHandle {
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
      const paths = undoRun(workspace, id, { as: { run_id: scope.run_id, call_id: scope.call_id } });
      await keeper.ledger.append({
        type: "workspace.undone",
        actor: principalText(scope.principal),
        run: scope.run_id,
        payload: { undone: id, paths: paths.length },
      });
      return paths;
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

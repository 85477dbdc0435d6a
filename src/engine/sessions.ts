/** Sessions as their handle sees them: an agent sees its own, the operator every agent's. */
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { isAlive } from "../core/owner.ts";
import type { SessionsHandle } from "../define/handles.ts";
import { principalText } from "../define/principal.ts";
import type { SessionRow } from "../store/sessions.ts";
import type { RunKeeper } from "./run.ts";
import type { CallScope } from "./scope.ts";

export function sessionsHandle(
  keeper: Pick<RunKeeper, "sessions" | "ledger" | "clock">,
  { principal, run_id }: Pick<CallScope, "principal" | "run_id">,
): SessionsHandle {
  const own = principal.kind === "operator" ? undefined : principalText(principal);
  const get = async (id: string): Promise<SessionRow | undefined> => {
    const row = await keeper.sessions.get(id);
    return row && (own === undefined || row.agent === own) ? row : undefined;
  };
  return {
    get,
    list: async (filter) => {
      if (own !== undefined && (filter.agent ?? own) !== own) {
        throw new Fault("permission_denied", `${own} sees its own sessions and not those of ${filter.agent}`, {
          hint: "leave the agent out",
        });
      }
      const { rows, total } = await keeper.sessions.list(own === undefined ? filter : { ...filter, agent: own });
      return { sessions: rows, total };
    },
    close: async (id) => {
      const row = await get(id);
      if (!row) throw new Fault("not_found", `there is no session ${JSON.stringify(id.slice(0, 64))}`);
      if (row.closed_at !== null) return row.closed_at;
      const at = rfc3339(keeper.clock.now());
      if (!(await keeper.sessions.close(id, at, isAlive))) {
        const now = await get(id);
        if (now?.closed_at) return now.closed_at;
        throw new Fault("failed_precondition", `a run is under way in session ${id}`, {
          hint: "wait for it, or cancel it",
        });
      }
      const actor = principalText(principal);
      await keeper.ledger.append({ type: "session.closed", actor, run: run_id, payload: { session: id } });
      return at;
    },
  };
}

/** On whose behalf and within what a call is made. */
import type { Principal } from "../define/principal.ts";
import type { Journal } from "./journal.ts";

/** The run a call belongs to. */
export interface RunScope {
  readonly run_id: string;
  readonly principal: Principal;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/** One call of it. `signal` is also aborted at the call's deadline. */
export interface CallScope extends RunScope {
  readonly call_id: string;
}

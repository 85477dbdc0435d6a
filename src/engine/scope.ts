/** On whose behalf and within what a call is made. */
import type { Fault } from "../core/fault.ts";
import type { Principal } from "../define/principal.ts";
import type { Journal } from "./journal.ts";

/** The run a call belongs to. */
export interface RunScope {
  readonly run_id: string;
  readonly principal: Principal;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /**
   * Settles when `run.start` is in the ledger or could not be written. Entries appended after it are behind it in the log,
   * so one fsync can serve both; who acts on a durable intent still asks whether the start is durable too.
   */
  readonly started: Promise<Fault | undefined>;
}

/** One call of it. `signal` is also aborted at the call's deadline. */
export interface CallScope extends RunScope {
  readonly call_id: string;
}

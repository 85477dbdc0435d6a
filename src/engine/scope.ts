/** On whose behalf and within what a call is made. */
import type { Json } from "../core/canonical.ts";
import type { Fault } from "../core/fault.ts";
import type { Principal } from "../define/principal.ts";
import type { ResourceRequest } from "../policy/decide.ts";
import type { Journal } from "./journal.ts";
import type { Leaving } from "./leaving.ts";
import type { RunNews } from "./live.ts";
import type { RunTaint } from "./taint.ts";

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
  /** The callers above a sub-agent's run, nearest last, and what each holds it to; none for any other run. */
  readonly links: readonly Link[];
  /** Whether calls with an effect are refused because the run only plans. */
  readonly dry_run: boolean;
  /** What has come into the run's context. */
  readonly taint: RunTaint;
  /** Asks a person who is there; undefined leaves the approval waiting. */
  readonly approve: Approver | undefined;
  /** Tells those who watch the run. */
  readonly tell: (news: RunNews) => void;
}

export interface Link {
  readonly principal: Principal;
  /** Capabilities as a grant writes them; null for all the principal holds. */
  readonly within: readonly string[] | null;
}

/** What a person is asked about one call. */
export interface ApprovalAsk {
  readonly approval: string;
  /** `repeat`: the call was cut off and may have happened already. */
  readonly kind: "call" | "repeat";
  readonly principal: string;
  readonly tool: string;
  readonly input: Json;
  readonly resources: readonly ResourceRequest[];
  readonly reason: string;
  /** What would leave, where the run's context is why it is asked; such a call is approved once and no further. */
  readonly leaving?: Leaving;
}

export type ApprovalAnswer =
  | { readonly decision: "approve"; readonly scope: "once" | "run" | "always" }
  | { readonly decision: "deny"; readonly reason: string };

export type Approver = (ask: ApprovalAsk, signal: AbortSignal) => Promise<ApprovalAnswer | undefined>;

/** One call of it. `signal` is also aborted at the call's deadline. */
export interface CallScope extends RunScope {
  readonly call_id: string;
}

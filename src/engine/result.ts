/** How a call ends. A denial is a value the model may read, never an exception. */
import type { Json } from "../core/canonical.ts";
import type { Fault, FaultRecord } from "../core/fault.ts";

export type CallCode =
  | "tool.not_found"
  | "tool.input_invalid"
  | "policy.denied"
  | "ledger.unavailable"
  | "timeout"
  | "canceled"
  | "tool.failed"
  | "internal.error"
  /** Policy asks first, and nobody has answered yet. */
  | "approval.pending"
  | "approval.denied"
  | "approval.expired"
  /** The operator stopped this agent. */
  | "stopped"
  /** The run only plans. */
  | "dry_run"
  | "budget.exhausted"
  /** The call would take the value of a secret out. */
  | "secret.outward"
  /** Its process died between intent and outcome: it may have happened. */
  | "interrupted"
  | "loop.too_many_calls"
  | "loop.repeated_failure";

export interface Success {
  readonly ok: true;
  readonly output: Json;
}

export interface Failure {
  readonly ok: false;
  readonly code: CallCode;
  readonly fault: FaultRecord;
  /** The proposal the operator was left, when only the operator may do what was asked. */
  readonly proposal: string | null;
  /** What the operator is asked, for a call that waits. */
  readonly approval?: string;
}

export type CallResult = {
  readonly run_id: string;
  readonly call_id: string;
  readonly tool: string;
  readonly duration_ms: number;
} & (Success | Failure);

/** The code of a call whose handler was reached and failed. */
export function codeOf(fault: Fault, ended: { readonly by_deadline: boolean; readonly by_cancel: boolean }): CallCode {
  if (ended.by_cancel) return "canceled";
  if (ended.by_deadline) return "timeout";
  if (fault.code === "internal") return "internal.error";
  if (fault.code === "permission_denied") return "policy.denied";
  return fault.code === "invalid_argument" ? "tool.input_invalid" : "tool.failed";
}

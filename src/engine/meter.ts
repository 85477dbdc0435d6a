/** What stands between a model client and the budgets: nothing is sent before its cost was reserved, and every reservation is settled. */
import type { Usage } from "../define/provider.ts";

/** What is known of an attempt before it is made; `output_tokens` is the most it may answer. */
export interface Attempted {
  readonly provider: string;
  readonly model: string;
  /** Whether its tokens cost nothing. */
  readonly free: boolean;
  readonly input_tokens: number;
  readonly output_tokens: number;
}

export interface Reservation {
  /** Once for each reservation; null when the attempt told nothing of its use, which counts as nothing used. */
  settle(usage: Usage | null): { readonly cost_microusd: number | null };
}

/** What was used so far, settled reservations only. */
export interface Spent {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  /** Millionths of a US dollar, of what has a known price. */
  readonly cost_microusd: number;
  readonly tool_calls: number;
}

/** The most that may be used; null is no limit. */
export interface RunLimits {
  readonly tokens: number | null;
  readonly usd: number | null;
  readonly tool_calls: number | null;
}

export interface Meter {
  /** Throws `resource_exhausted` before the attempt when a budget would not hold it. */
  reserve(attempt: Attempted): Reservation;
  /** Counts one tool call; throws `resource_exhausted` when none is left. */
  call(tool: string): void;
  readonly spent: Spent;
  /** The budget of a run started by this one, inside this one: what it uses counts for both. */
  child(run: { readonly id: string; readonly agent: string }, limits: RunLimits): Meter;
}

/** When a failed attempt is made again: only what may pass by itself, after a growing pause or the one the provider asked for. */
import type { FailureKind } from "../../define/provider.ts";

const passing: ReadonlySet<FailureKind> = new Set(["rate_limited", "unavailable", "cut", "timeout"]);
const firstPause_ms = 700;
const longestPause_ms = 5000;
/** A longer wait is not ours to sit out: the run ends and says when to come back. */
export const longestAsked_ms = 60_000;
/** With another model at hand nobody waits longer than this. */
const patienceWithFallback_ms = 1000;

export interface Failure {
  readonly kind: FailureKind;
  readonly retry_after_ms: number | null;
}

export type Verdict =
  | { readonly next: "again"; readonly wait_ms: number }
  | { readonly next: "fallback" }
  | { readonly next: "give up" }
  /** Give up since the provider asked for too long a pause. */
  | { readonly next: "come back"; readonly after_ms: number };

/** What follows the failure of attempt number `attempt`, counted from 1. `random` is uniform in [0, 1). */
export function afterFailure(
  failure: Failure,
  {
    attempt,
    max_attempts,
    has_fallback,
    random,
  }: {
    readonly attempt: number;
    readonly max_attempts: number;
    readonly has_fallback: boolean;
    readonly random: () => number;
  },
): Verdict {
  const { kind, retry_after_ms } = failure;
  if (kind === "unauthenticated") return has_fallback ? { next: "fallback" } : { next: "give up" };
  if (!passing.has(kind)) return { next: "give up" };
  if (has_fallback) {
    const isLong = kind === "timeout" || (retry_after_ms ?? 0) > patienceWithFallback_ms;
    if (isLong || attempt >= Math.min(2, max_attempts)) return { next: "fallback" };
  }
  if (retry_after_ms !== null && retry_after_ms > longestAsked_ms)
    return { next: "come back", after_ms: retry_after_ms };
  if (attempt >= max_attempts) return { next: "give up" };
  return { next: "again", wait_ms: retry_after_ms ?? pause(attempt, random) };
}

/** 0.7 s, doubled with each attempt up to 5 s, and up to a fifth more or less, so that many runs do not come back at once. */
function pause(attempt: number, random: () => number): number {
  const base_ms = Math.min(longestPause_ms, firstPause_ms * 2 ** (attempt - 1));
  return Math.round(base_ms * (0.8 + 0.4 * random()));
}

/** Waits, and ends at once when the signal is aborted. Never throws. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export const sleep: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });

/** Time as a handle, so that tests and replay can supply their own. */

export interface Clock {
  /** Milliseconds since the Unix epoch, wall clock. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes backwards. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** RFC 3339 in UTC with milliseconds: `2026-11-20T08:00:00.000Z`. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}

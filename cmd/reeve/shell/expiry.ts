/** When something ends, as people type it: a span from now, or a time. */
import { rfc3339 } from "../../../src/core/clock.ts";
import { Fault } from "../../../src/core/fault.ts";

const units = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** RFC 3339 for a span from now or a time; throws `invalid_argument` for anything else. */
export function timeOf(text: string, now_ms: number): string {
  const span = /^([1-9][0-9]{0,5})([mhd])$/.exec(text);
  const unit = span?.[2];
  if (unit === "m" || unit === "h" || unit === "d") return rfc3339(now_ms + Number(span?.[1]) * units[unit]);
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) && Number.isFinite(Date.parse(text))) {
    return rfc3339(Date.parse(text));
  }
  throw new Fault("invalid_argument", `--expires ${JSON.stringify(text)} is not a time`, {
    hint: "write 30m, 12h or 7d, or a time such as 2027-01-31T12:00:00Z",
  });
}

/** The words of a denial: what was wanted, why not, and what the operator can do about it. */
import { rfc3339 } from "../core/clock.ts";
import { cut } from "../core/text.ts";
import { covers, hasExpired, type Wanted } from "./cover.ts";
import type { Decision } from "./decide.ts";
import { beginningOf, kindOfCapability } from "./pattern.ts";
import type { Grant } from "./policy.ts";

export function denyUncovered(who: string, grants: readonly Grant[], wanted: Wanted, now_ms: number): Decision {
  const expired = grants.find((grant) => hasExpired(grant, now_ms) && covers(grant.capability, wanted, false));
  const reason = expired
    ? `the grant of ${expired.capability} to ${who} expired at ${expired.expires_at}; it is now ${moment(now_ms)}`
    : `no grant of ${who} covers ${describe(wanted)}`;
  return deny(reason, grantHint(who, wanted));
}

export function deny(reason: string, hint: string, proposal = false): Decision {
  return { effect: "deny", reason, hint, proposal };
}

export function describe({ capability, value, why }: Wanted): string {
  if (value === null) return capability;
  return `${capability} on ${quote(value)}${why === undefined ? "" : ` (${quote(why)})`}`;
}

export function quote(text: string): string {
  const { text: shown, truncated } = cut(text, 300);
  return JSON.stringify(truncated ? `${shown}...` : shown);
}

function moment(now_ms: number): string {
  return Math.abs(now_ms) <= 8.64e15 ? rfc3339(now_ms) : "an unknown time";
}

/** The operator may paste this into a shell, and an agent chose the value: only harmless characters are repeated. */
function grantHint(who: string, wanted: Wanted): string {
  const { capability, kind } = wanted;
  const value = kind === "command" ? beginningOf(wanted.value) : wanted.value;
  if (value === "") return "write it so that every program in it stands there by its name";
  const isHarmless = value !== null && kind === kindOfCapability(capability) && /^[\w./:@ -]{1,200}$/.test(value);
  return `the operator may grant it: reeve policy grant ${who} '${capability}${isHarmless ? `:${value}` : ""}'`;
}

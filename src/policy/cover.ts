/** What a capability with its pattern covers, and how what must be covered compares. */
import { coversName, splitCapability } from "./capability.ts";
import { expiry_ms } from "./expiry.ts";
import { grammars, kindOfCapability, kindOfResource, type ResourceRequest } from "./pattern.ts";
import type { Grant } from "./policy.ts";

/** What must be covered: a resource, or (without one) the bare use of a capability. */
export type Wanted =
  | ResourceRequest
  | {
      readonly capability: string;
      readonly kind: null;
      readonly value: null;
      readonly wraps?: never;
      readonly why?: never;
    };

export function needsGrant({ wraps }: Wanted): boolean {
  return wraps !== true;
}

/** The same place under whatever capability it is reached. */
export function isSamePlace(one: ResourceRequest, other: ResourceRequest): boolean {
  return kindOfResource(one) === kindOfResource(other) && one.value === other.value;
}

/** Whether one of two paths lies beneath the other. */
export function liesAlong(one: ResourceRequest, other: ResourceRequest): boolean {
  if (kindOfResource(one) !== "path" || kindOfResource(other) !== "path") return false;
  const isBeneath = (above: string, below: string) => above === "." || below.startsWith(`${above}/`);
  return isBeneath(one.value, other.value) || isBeneath(other.value, one.value);
}

/** A clock that is not a number lets nothing live on. */
export function hasExpired(grant: Grant, now_ms: number): boolean {
  return !(now_ms < expiry_ms(grant.expires_at));
}

/**
 * Whether a capability with its pattern covers what is wanted. Where a pattern cannot be compared (it is malformed, speaks
 * of another kind of resource, or of what is not known of it) `unsure` is the answer: false for a grant, true for a rule.
 */
export function covers(text: string, wanted: Wanted, unsure: boolean): boolean {
  const { name, pattern } = splitCapability(text);
  if (!coversName(name, wanted.capability)) return false;
  if (pattern === null) return true;
  const kind = kindOfCapability(name);
  const grammar = grammars[kind];
  if (grammar.patternProblem(pattern)) return unsure;
  if (wanted.value === null) return pattern === grammar.everything;
  return kind === kindOfResource(wanted) ? grammar.matches(pattern, wanted.value, unsure) : unsure;
}

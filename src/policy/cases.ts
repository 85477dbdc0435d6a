/** What the operator expects of the policy, written down and checked: the file behind `reeve policy test`. */
import * as v from "valibot";
import { Fault } from "../core/fault.ts";
import { readJsonc } from "../core/jsonc.ts";
import { didYouMean } from "../core/nearest.ts";
import { check } from "../core/schema.ts";
import { parsePrincipal } from "../define/principal.ts";
import { controlCapabilities } from "./capability.ts";
import { type AccessRequest, type Decision, decide } from "./decide.ts";
import { kindOfCapability } from "./pattern.ts";
import type { Policy } from "./policy.ts";

export type PolicyCase = v.InferOutput<typeof caseSchema>;

export interface CaseResult {
  readonly case: PolicyCase;
  readonly ok: boolean;
  readonly got: Decision["effect"];
  readonly reason: string;
}

const caseSchema = v.strictObject({
  principal: v.string(),
  capability: v.string(),
  resource: v.optional(v.string()),
  effect: v.optional(v.picklist(["read", "write", "execute", "network", "spend", "control"])),
  expect: v.picklist(["allow", "ask", "deny"]),
});

/** Reads a JSONC list of cases; throws the faults of `readJsonc`, and `invalid_argument` for a malformed case. */
export function readCases(path: string): readonly PolicyCase[] {
  return check(v.array(caseSchema), readJsonc(path).value, path);
}

/**
 * Every case with what the policy decides at `now_ms`. Throws `invalid_argument` for a principal that is none and for a
 * capability outside `known`, since expecting a denial of a mistyped name would prove nothing.
 */
export function testPolicy(
  policy: Policy,
  cases: readonly PolicyCase[],
  options: { readonly known: readonly string[]; readonly now_ms: number },
): readonly CaseResult[] {
  return cases.map((each) => {
    const decision = decide(policy, requestOf(each, options));
    return { case: each, ok: decision.effect === each.expect, got: decision.effect, reason: decision.reason };
  });
}

/** The access request that a principal, a capability and a resource written by a person stand for. */
export function requestOf(
  { principal, capability, resource, effect }: Omit<PolicyCase, "expect">,
  { known, now_ms }: { readonly known: readonly string[]; readonly now_ms: number },
): AccessRequest {
  if (!known.includes(capability)) {
    throw new Fault("invalid_argument", `there is no capability ${JSON.stringify(capability)}`, {
      hint: didYouMean(capability, known, `known capabilities: ${known.toSorted().join(", ")}`),
    });
  }
  const kind = kindOfCapability(capability);
  const value = kind === "command" && resource !== undefined ? JSON.stringify(resource.split(" ")) : resource;
  return {
    principal: parsePrincipal(principal),
    capability,
    effect: effect ?? (controlCapabilities.has(capability) ? "control" : "read"),
    resources: value === undefined ? [] : [{ capability, kind, value }],
    now_ms,
  };
}

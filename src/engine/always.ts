/** "Always" as the answer to an approval: grants for exactly what the call names, about which nobody is asked again. */
import { type Clock, rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { annotatedFields } from "../core/schema.ts";
import { parsePrincipal } from "../define/principal.ts";
import type { Effect } from "../define/tool.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { changePolicy, grantOn } from "../policy/change.ts";
import { decide, type ResourceRequest } from "../policy/decide.ts";
import { grammars, kindOfCapability, kindOfResource } from "../policy/pattern.ts";
import { loadPolicy, type Policy } from "../policy/policy.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import type { Catalogue } from "./catalogue.ts";
import { fileDigest } from "./control.ts";

interface AlwaysDesk {
  readonly home: Home;
  readonly ledger: Pick<Ledger, "append">;
  readonly clock: Clock;
  readonly catalogue: Catalogue;
}

/** A policy with the grants in it, and the capabilities that were not held like this before. */
export type AlwaysPlan = (policy: Policy) => { readonly policy: Policy; readonly added: readonly string[] };

/**
 * How "always" changes the policy. Throws `failed_precondition` where a grant could not say exactly this call and nothing
 * wider, or where policy would not allow the call for it; the faults of `grantOn` besides.
 */
export function planAlways(
  { home, clock, catalogue }: AlwaysDesk,
  row: ApprovalRow,
  resources: readonly ResourceRequest[],
  by: string,
): AlwaysPlan {
  const principal = parsePrincipal(row.principal);
  const now_ms = clock.now();
  const provenance = { by, via: `approval ${row.id}`, at: rfc3339(now_ms) };
  const options = { expires_at: null, unasked: true, provenance, known: capabilitiesOf(catalogue) };
  const wanted = wantedGrants(catalogue, row, resources);
  const plan: AlwaysPlan = (policy) => {
    const held = principal.kind === "agent" ? (policy.agents.get(principal.name) ?? []) : [];
    const isHeld = (capability: string) =>
      held.some((each) => each.capability === capability && each.unasked === true && each.expires_at === null);
    const added = wanted.filter((capability) => !isHeld(capability));
    return { policy: added.reduce((all, each) => grantOn(all, principal, each, options).policy, policy), added };
  };
  const { capability } = row;
  const request = { principal, capability, effect: row.effect as Effect, resources, now_ms };
  const decision = decide(plan(loadPolicy(home.policy)).policy, request);
  if (decision.effect === "allow") return plan;
  throw new Fault("failed_precondition", `always would not settle it: ${decision.reason}`, {
    hint: "approve it once or for this run, and change the policy by hand",
  });
}

/** Writes the grants, and that they were written. */
export async function grantAlways(desk: AlwaysDesk, row: ApprovalRow, plan: AlwaysPlan, actor: string): Promise<void> {
  const { added } = changePolicy(desk.home.policy, plan);
  for (const capability of added) {
    const detail = `${row.principal} ${capability} unasked`;
    const payload = { what: "grant", detail, via: `approval ${row.id}`, sha256: fileDigest(desk.home.policy) };
    await desk.ledger.append({ type: "policy.changed", actor, run: row.run, payload });
  }
}

function wantedGrants(
  catalogue: Catalogue,
  { capability, tool }: ApprovalRow,
  resources: readonly ResourceRequest[],
): readonly string[] {
  const named = resources.map(exactly);
  if (resources.some((each) => each.capability === capability)) return [...new Set(named)];
  if (kindOfCapability(capability) === "name" && !namesResources(catalogue, capability)) {
    return [...new Set([capability, ...named])];
  }
  throw tooWide(`${tool} names no resource, and ${capability} alone covers other calls too`);
}

/** The one capability text that covers this resource and no other. */
function exactly(resource: ResourceRequest): string {
  const { capability, value } = resource;
  const kind = kindOfCapability(capability);
  if (kind === "command") throw tooWide("a grant of a command covers every command that begins like it");
  // Without the ? a path would also cover what lies beneath it.
  const literal = kind === "endpoint" && value.includes("/") ? `${value}?` : value;
  const isLiteral =
    kind === kindOfResource(resource) && !value.includes("*") && !grammars[kind].patternProblem(literal);
  if (isLiteral) return `${capability}:${literal}`;
  throw tooWide(`${JSON.stringify(value)} reads as a pattern and would cover more than itself`);
}

/** Whether some tool names a resource of this capability, so that the capability alone covers more than one call. */
function namesResources({ tools }: Catalogue, capability: string): boolean {
  return tools.some((tool) =>
    annotatedFields(tool.input).some(
      ({ resource }) => resource !== undefined && (resource.capability ?? tool.capability) === capability,
    ),
  );
}

function capabilitiesOf({ tools }: Catalogue): readonly string[] {
  const named = tools.flatMap((tool) => annotatedFields(tool.input).map(({ resource }) => resource?.capability));
  return [...new Set([...tools.map((tool) => tool.capability), ...named.filter((name) => name !== undefined)])];
}

function tooWide(why: string): Fault {
  return new Fault("failed_precondition", `always cannot be said of exactly this call: ${why}`, {
    hint: "approve it once or for this run, or grant by hand what should be open",
  });
}

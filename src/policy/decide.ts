/**
 * The decision: pure, total, the same for the same policy, request and time. An explicit deny beats everything, ask beats
 * allow, and what no grant covers is denied. An agent is never allowed control.
 */
import { type Principal, principalText, ringOf } from "../define/principal.ts";
import type { Effect } from "../define/tool.ts";
import { controlCapabilities, coversName, splitCapability } from "./capability.ts";
import { covers, hasExpired, isSamePlace, liesAlong, needsGrant, type Wanted } from "./cover.ts";
import { deny, denyUncovered, describe, quote } from "./denial.ts";
import { grammars, kindOfResource, type ResourceRequest } from "./pattern.ts";
import type { Grant, Policy, Rule } from "./policy.ts";
import { type AccessTaint, isBeyondAnswer, taintQuestion } from "./taint.ts";

export type { ResourceRequest } from "./pattern.ts";

export interface AccessRequest {
  readonly principal: Principal;
  readonly capability: string;
  readonly effect: Effect;
  readonly resources: readonly ResourceRequest[];
  readonly now_ms: number;
  /** An approval of exactly this call was used: ask rules and taint do not hold for what the call itself names. Denials do. */
  readonly approved?: boolean;
  /** The callers above a sub-agent: each must be allowed the same, within what it holds the sub-agent to. */
  readonly links?: readonly PolicyLink[];
  /** What has come into the run's context, where the engine holds the run to the Rule of Two. */
  readonly taint?: AccessTaint;
}

export interface PolicyLink {
  readonly principal: Principal;
  /** Capabilities as a grant writes them; null for all the principal holds. */
  readonly within: readonly string[] | null;
}

export type Decision =
  | {
      readonly effect: "allow";
      readonly reason: string;
      /** Ids of the grants it rests on; none for the operator. */
      readonly grants: readonly string[];
      /** Whether the same decision covers one resource more, met while the call runs; what needs asking is not covered. */
      readonly permits: (resource: ResourceRequest) => boolean;
    }
  | {
      readonly effect: "ask";
      readonly reason: string;
      readonly hint: string;
      /** What asks: a rule can be settled in advance, what came into the run's context cannot. */ readonly by:
        "rule" | "taint";
    }
  | {
      readonly effect: "deny";
      readonly reason: string;
      readonly hint: string;
      /** Whether the operator should be told. */ readonly proposal: boolean;
    };

/** One thing that was looked at on the way to a decision. */
export interface Step {
  readonly part:
    "policy" | "request" | "agent" | "rule" | "control" | "grant" | "answer" | "taint" | "link" | "decision";
  /** Id of the grant or rule. */
  readonly id: string | null;
  readonly matched: boolean;
  readonly text: string;
}

export function decide(policy: Policy, request: AccessRequest): Decision {
  return judgeAll(policy, request, undefined);
}

/** The decision of the one who acts and of every caller above: the strictest of them. */
function judgeAll(policy: Policy, request: AccessRequest, trace: Trace): Decision {
  const { links = [], ...own } = request;
  const first = judge(policy, own, trace);
  const decisions = [first, ...links.map((link) => judgeLink(policy, own, link, trace))];
  const denial = decisions.find(({ effect }) => effect === "deny");
  const questions = decisions.flatMap((each) => (each.effect === "ask" ? [each] : []));
  const question = questions.find(({ by }) => by === "taint") ?? questions[0];
  if (first.effect !== "allow" || denial || question) return denial ?? question ?? first;
  const allowed = decisions.flatMap((each) => (each.effect === "allow" ? [each] : []));
  return {
    ...first,
    grants: [...new Set(allowed.flatMap(({ grants }) => grants))],
    permits: (more) =>
      allowed.every(({ permits }) => permits(more)) && links.every(({ within }) => isWithin(within, more)),
  };
}

/** What a caller above would be told about the same, held to what it gave. */
function judgeLink(policy: Policy, request: AccessRequest, { principal, within }: PolicyLink, trace: Trace): Decision {
  const who = principalText(principal);
  const outside = wantedBy(request).find((wanted) => needsGrant(wanted) && !isWithin(within, wanted));
  const held = within === null ? "everything it holds" : within.join(", ") || "nothing";
  const verdict = outside ? `, and not ${describe(outside)}` : "";
  trace?.push({ part: "link", id: null, matched: !outside, text: `${who} gave this run ${held}${verdict}` });
  if (!outside) return judge(policy, { ...request, principal }, trace);
  return deny(
    `${describe(outside)} is not among what ${who} gave this run`,
    "the run that started this one may do it itself",
  );
}

function isWithin(within: PolicyLink["within"], wanted: Wanted): boolean {
  return within === null || within.some((text) => covers(text, wanted, false));
}

/** The decision with every step that led to it, in order. */
export function explain(
  policy: Policy,
  request: AccessRequest,
): { readonly decision: Decision; readonly steps: readonly Step[] } {
  const steps: Step[] = [];
  const decision = judgeAll(policy, request, steps);
  steps.push({ part: "decision", id: null, matched: true, text: `${decision.effect}: ${decision.reason}` });
  return { decision, steps };
}

/** Whether an agent holds a capability at all, on some resource; whether it may use it is for `decide`. */
export function mayHold(policy: Policy, principal: Principal, capability: string, now_ms: number): boolean {
  if (policy.fault) return false;
  if (principal.kind === "operator") return true;
  const grants = policy.agents.get(principal.name) ?? [];
  return grants.some(
    (grant) => coversName(splitCapability(grant.capability).name, capability) && !hasExpired(grant, now_ms),
  );
}

type Trace = Step[] | undefined;

function judge(policy: Policy, request: AccessRequest, trace: Trace): Decision {
  const { principal } = request;
  const who = principalText(principal);
  if (policy.fault) {
    trace?.push({ part: "policy", id: null, matched: true, text: `cannot be read: ${policy.fault.message}` });
    return deny(
      `the policy cannot be read, so nothing is allowed: ${policy.fault.message}`,
      policy.fault.hint ?? repair,
    );
  }
  const wanted = wantedBy(request);
  for (const each of wanted) {
    const problem = each.value === null ? undefined : grammars[kindOfResource(each)].valueProblem(each.value);
    if (!problem) continue;
    trace?.push({ part: "request", id: null, matched: true, text: `${describe(each)} is malformed: ${problem}` });
    return deny(`${describe(each)} is malformed: ${problem}`, "name the resource in its canonical form");
  }
  const denial = firstRule(policy, "deny", principal, wanted, trace);
  if (denial)
    return deny(
      `rule ${quote(denial.id)} denies ${denial.capability} to ${denial.principal}: ${denial.reason}`,
      `only an edit of the policy lifts rule ${quote(denial.id)}`,
    );
  if (principal.kind === "operator") {
    return {
      effect: "allow",
      reason: "the operator may do what no rule denies",
      grants: [],
      permits: (more) => isOpen(policy, request, more),
    };
  }
  const grants = policy.agents.get(principal.name);
  trace?.push({
    part: "agent",
    id: null,
    matched: grants !== undefined,
    text: grants ? `${who} has ${grants.length} grants` : `${who} does not exist`,
  });
  if (!grants) return deny(`${who} does not exist`, `a first grant creates it: reeve policy grant ${who} CAPABILITY`);
  if (isControl(request)) {
    trace?.push({
      part: "control",
      id: null,
      matched: true,
      text: `${request.capability} changes Reeve itself and belongs to the operator`,
    });
    return deny(
      `${request.capability} changes Reeve itself and belongs to the operator`,
      "the operator decides about it",
      true,
    );
  }
  const used = new Set<string>();
  for (const each of wanted.filter(needsGrant)) {
    const grant = coveringGrant(grants, each, request.now_ms, trace);
    if (!grant) return denyUncovered(who, grants, each, request.now_ms);
    used.add(grant.id);
  }
  const question = firstRule(policy, "ask", principal, wanted, trace);
  const settled = question && settledBy(request, grants, wanted);
  if (settled) trace?.push({ part: "answer", id: null, matched: true, text: settled });
  const ruled = question && !settled ? `rule ${quote(question.id)} asks first: ${question.reason}` : undefined;
  const tainted = taintQuestion(request.taint, request.resources);
  if (request.taint) trace?.push({ part: "taint", id: null, matched: tainted !== undefined, text: told(request) });
  if (tainted !== undefined && !request.approved) {
    const reason = ruled === undefined ? tainted : `${tainted}; ${ruled}`;
    return { effect: "ask", reason, hint: waits, by: "taint" };
  }
  if (ruled !== undefined) return { effect: "ask", reason: ruled, hint: waits, by: "rule" };
  return {
    effect: "allow",
    reason: `granted by ${[...used].map(quote).join(", ")}`,
    grants: [...used],
    permits: (more) =>
      isOpen(policy, request, more) &&
      !isBeyondAnswer(request.taint, request.resources, more) &&
      coveringGrant(grants, more, request.now_ms, undefined) !== undefined &&
      !needsAnswer(policy, request, grants, wanted, more),
  };
}

const waits = "the operator answers; until then nothing happens";

function told({ taint, approved }: AccessRequest): string {
  const brought = [taint?.untrusted && "words of strangers", taint?.private && "private data"].filter(Boolean);
  const context = `the run's context holds ${brought.join(" and ") || "neither words of strangers nor private data"}`;
  const answer = approved ? "; the operator approved exactly this call" : "";
  return `${context}; the call ${taint?.outward ? "speaks" : "does not speak"} outward${answer}`;
}

/** Why ask rules do not hold for a request, or undefined when they do. */
function settledBy(request: AccessRequest, grants: readonly Grant[], wanted: readonly Wanted[]): string | undefined {
  if (request.approved) return "the operator approved exactly this call";
  const isSettled = wanted.every((each) => isUnasked(grants, each, request.now_ms));
  return isSettled ? "the operator said always to all of it" : undefined;
}

/** Whether a grant says that the operator need not be asked about this any more. */
function isUnasked(grants: readonly Grant[], wanted: Wanted, now_ms: number): boolean {
  return grants.some(
    (grant) => grant.unasked === true && !hasExpired(grant, now_ms) && covers(grant.capability, wanted, false),
  );
}

/**
 * Whether the operator would have to be asked about one resource more. The answer to a call covers the places it names;
 * for what lies beneath them, and for the directories on the way to them, it settles the rules that asked about the call,
 * and no other rule.
 */
function needsAnswer(
  policy: Policy,
  request: AccessRequest,
  grants: readonly Grant[],
  wanted: readonly Wanted[],
  more: ResourceRequest,
): boolean {
  const asks = (rule: Rule, about: Wanted) =>
    rule.effect === "ask" && appliesTo(rule.principal, request.principal) && covers(rule.capability, about, true);
  const rules = policy.rules.filter((rule) => asks(rule, more));
  if (rules.length === 0 || isUnasked(grants, more, request.now_ms)) return false;
  if (!settledBy(request, grants, wanted)) return true;
  if (request.resources.some((named) => isSamePlace(named, more))) return false;
  const isPart = request.resources.some((named) => liesAlong(named, more));
  return !(isPart && rules.every((rule) => wanted.some((each) => asks(rule, each))));
}

const repair = "correct the policy file with an editor, or restore it from a backup";

function wantedBy({ capability, resources }: AccessRequest): readonly Wanted[] {
  const isNamed = resources.some((each) => each.capability === capability && needsGrant(each));
  return isNamed ? resources : [{ capability, kind: null, value: null }, ...resources];
}

function isControl({ effect, capability, resources }: AccessRequest): boolean {
  return (
    effect === "control" ||
    [capability, ...resources.map((each) => each.capability)].some((name) => controlCapabilities.has(name))
  );
}

/** What holds for a further resource of any principal: well formed, not denied, and for an agent not control. */
function isOpen(policy: Policy, { principal }: AccessRequest, more: ResourceRequest): boolean {
  if (grammars[kindOfResource(more)].valueProblem(more.value)) return false;
  if (ringOf(principal) > 0 && controlCapabilities.has(more.capability)) return false;
  return !firstRule(policy, "deny", principal, [more], undefined);
}

function firstRule(
  policy: Policy,
  effect: Rule["effect"],
  principal: Principal,
  wanted: readonly Wanted[],
  trace: Trace,
): Rule | undefined {
  for (const rule of policy.rules) {
    if (rule.effect !== effect) continue;
    const about = appliesTo(rule.principal, principal)
      ? wanted.find((each) => covers(rule.capability, each, true))
      : undefined;
    trace?.push({
      part: "rule",
      id: rule.id,
      matched: about !== undefined,
      text: `${rule.effect} ${rule.capability} to ${rule.principal}${about ? ` covers ${describe(about)}` : " does not apply"}`,
    });
    if (about) return rule;
  }
  return undefined;
}

function appliesTo(ruled: string, principal: Principal): boolean {
  if (ruled === "*") return true;
  return ruled === "agent:*" ? principal.kind === "agent" : ruled === principalText(principal);
}

function coveringGrant(grants: readonly Grant[], wanted: Wanted, now_ms: number, trace: Trace): Grant | undefined {
  for (const grant of grants) {
    const isCovered = covers(grant.capability, wanted, false);
    const isExpired = hasExpired(grant, now_ms);
    const outcome = isCovered
      ? isExpired
        ? `expired at ${grant.expires_at} and no longer covers`
        : "covers"
      : "does not cover";
    trace?.push({
      part: "grant",
      id: grant.id,
      matched: isCovered && !isExpired,
      text: `${grant.capability} ${outcome} ${describe(wanted)}`,
    });
    if (isCovered && !isExpired) return grant;
  }
  return undefined;
}

/** The policy as data, and how it is read from its file. What cannot be read in full is not read in part. */
import { createHash } from "node:crypto";
import * as v from "valibot";
import { canonicalize, isJsonObject, type Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { checkAgentName } from "../core/id.ts";
import { parseJsonc, readJsonc } from "../core/jsonc.ts";
import { check } from "../core/schema.ts";
import type { GrantFacts } from "../define/handles.ts";
import { parsePrincipal, type Principal, principalText } from "../define/principal.ts";
import { parseCapability } from "./capability.ts";
import { isTimestamp } from "./expiry.ts";
import { grammars, kindOfCapability } from "./pattern.ts";

export type Grant = v.InferOutput<typeof grantSchema>;
export type Rule = v.InferOutput<typeof ruleSchema>;

export interface Policy {
  /** Grants by agent name. An agent that is not here does not exist for policy. */
  readonly agents: ReadonlyMap<string, readonly Grant[]>;
  readonly rules: readonly Rule[];
  /** Why the policy could not be read. While it is set every request is denied, the operator's too. */
  readonly fault: Fault | undefined;
  /** SHA-256 of the file this was read from, in hex; null when it was not read from a file. */
  readonly revision: string | null;
}

const line = v.pipe(v.string(), v.minLength(1), v.maxLength(4200));
const timestamp = v.pipe(v.string(), v.check(isTimestamp, "must be an RFC 3339 time such as 2027-01-31T12:00:00Z"));

const grantSchema = v.strictObject({
  id: line,
  capability: line,
  expires_at: v.nullable(timestamp),
  /** The operator said "always" to an approval: ask rules do not hold for what it covers. */
  unasked: v.optional(v.literal(true)),
  provenance: v.strictObject({ by: line, via: line, at: line }),
});

const ruleSchema = v.strictObject({
  id: line,
  effect: v.picklist(["deny", "ask"]),
  principal: line,
  capability: line,
  reason: line,
});

const fileSchema = v.strictObject({
  version: v.literal(1),
  // Not a record schema: those leave out keys such as "constructor", which is a valid name of an agent.
  agents: v.optional(v.custom<Readonly<Record<string, Json>>>(isJsonObject, "must be an object of agents by name"), {}),
  rules: v.optional(v.array(ruleSchema), []),
});

const agentSchema = v.strictObject({ grants: v.array(grantSchema) });

/** A policy without agents and rules: everything an agent asks is denied. */
export const emptyPolicy: Policy = { agents: new Map(), rules: [], fault: undefined, revision: null };

/** What stands in for a policy that could not be read. */
export function denyAll(fault: Fault): Policy {
  return { ...emptyPolicy, fault };
}

/**
 * Reads the whole file or throws: the faults of `readJsonc`, `failed_precondition` for a version this build does not
 * know, `invalid_argument` for anything in it that is malformed, naming the file and the place.
 */
export function loadPolicy(path: string): Policy {
  return parsePolicy(readJsonc(path).text, path);
}

/** The policy a text holds; `what` names it in faults. */
export function parsePolicy(text: string, what: string): Policy {
  const value = parseJsonc(text, what);
  if (isJsonObject(value) && value["version"] !== undefined && value["version"] !== 1) {
    throw new Fault("failed_precondition", `${what}: version ${JSON.stringify(value["version"])} is not known`, {
      hint: "this build reads version 1; use the build that wrote the file",
    });
  }
  const file = check(fileSchema, value, what);
  const agents = new Map(
    Object.entries(file.agents).map(([name, entry]) => {
      const known = attempt(() => checkAgentName(name));
      if (known instanceof Fault) throw entryFault(what, known);
      return [known, check(agentSchema, entry, `${what}: agents.${name}`).grants];
    }),
  );
  const policy: Policy = { agents, rules: file.rules, fault: undefined, revision: sha256Hex(text) };
  const problem = firstProblem(policy);
  if (problem) throw new Fault("invalid_argument", `${what}: ${problem.words}`, { hint: problem.hint });
  return policy;
}

function entryFault(what: string, cause: Fault): Fault {
  const hint = cause.hint ?? "correct the entry with an editor";
  return new Fault(cause.code, `${what}: agents: ${cause.message}`, { hint, cause });
}

interface Problem {
  readonly words: string;
  readonly hint: string;
}

/** What the schema cannot say: capabilities and patterns that mean something, principals, ids used once. */
function firstProblem({ agents, rules }: Policy): Problem | undefined {
  const ids = new Set<string>();
  for (const entry of [...[...agents.values()].flat(), ...rules]) {
    const words = capabilityProblem(entry.capability) ?? ("effect" in entry ? principalProblem(entry) : undefined);
    if (words) return { words: `${entry.id}: ${words}`, hint: "correct the entry with an editor" };
    if (ids.has(entry.id))
      return { words: `the id ${JSON.stringify(entry.id)} is used twice`, hint: "give one of them another id" };
    ids.add(entry.id);
  }
  return undefined;
}

/** Why the text is not a capability with a pattern that can match, or undefined. */
function capabilityProblem(text: string): string | undefined {
  const parsed = attempt(() => parseCapability(text));
  if (parsed instanceof Fault) return parsed.message;
  const problem =
    parsed.pattern === null ? undefined : grammars[kindOfCapability(parsed.name)].patternProblem(parsed.pattern);
  return problem && `the pattern ${JSON.stringify(parsed.pattern)} can never match: ${problem}`;
}

function principalProblem({ principal, effect }: Rule): string | undefined {
  if (principal === "operator" && effect === "ask")
    return "the operator is never asked about the operator's own acts; write deny";
  if (principal === "*" || principal === "agent:*") return undefined;
  const parsed = attempt(() => parsePrincipal(principal));
  return parsed instanceof Fault ? `${parsed.message}; write "*", "operator", "agent:*" or "agent:NAME"` : undefined;
}

function attempt<T>(read: () => T): T | Fault {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

/** Grants of one principal, or of all in the order of the file. */
export function grantsOf(policy: Policy, principal?: Principal): readonly GrantFacts[] {
  const only = principal && principalText(principal);
  return [...policy.agents].flatMap(([name, grants]) => {
    const owner = `agent:${name}`;
    return only === undefined || only === owner ? grants.map((grant) => ({ ...grant, principal: owner })) : [];
  });
}

/** SHA-256, in hex, of what the policy says: comments, layout and the order of agents make no difference. */
export function policyDigest({ agents, rules, fault }: Policy): string {
  const said = { agents: Object.fromEntries(agents), rules, unreadable: fault?.message ?? null };
  return sha256Hex(canonicalize(said as unknown as Json));
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

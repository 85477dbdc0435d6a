/** Changes of the policy: new values from old ones, and the one way they reach the file without losing anyone else's change. */
import { Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import { withLock } from "../core/lock.ts";
import type { GrantFacts } from "../define/handles.ts";
import { type Principal, principalText } from "../define/principal.ts";
import { checkGrantable } from "./breadth.ts";
import { expiry_ms, isTimestamp } from "./expiry.ts";
import { writePolicy } from "./file.ts";
import { emptyPolicy, type Grant, loadPolicy, type Policy } from "./policy.ts";
import { type Profile, profiles } from "./profiles.ts";

export interface GrantOptions {
  /** RFC 3339, or null for a grant without end. */
  readonly expires_at: string | null;
  /** Ask rules do not hold for what it covers. */
  readonly unasked?: boolean;
  /** Who granted it, by what means, and when (RFC 3339). */
  readonly provenance: Grant["provenance"];
  /** Every capability that exists; a name outside it is a typing error. */
  readonly known: readonly string[];
}

/**
 * The policy with one grant more; an agent not yet in it is added. Throws `invalid_argument` for the operator, an
 * unknown or too wide capability or an end that is past, `permission_denied` for control, `already_exists` when the
 * agent holds the same capability for at least as long.
 */
export function grantOn(
  policy: Policy,
  principal: Principal,
  capability: string,
  { expires_at, unasked = false, provenance, known }: GrantOptions,
): { readonly policy: Policy; readonly grant: GrantFacts } {
  if (principal.kind === "operator") {
    throw new Fault("invalid_argument", "the operator needs no grants", { hint: "name an agent: agent:NAME" });
  }
  checkReadable(policy);
  checkGrantable(capability, known);
  const now_ms = expiry_ms(provenance.at);
  const until_ms = expiry_ms(expires_at);
  if (expires_at !== null && !(isTimestamp(expires_at) && until_ms > now_ms)) {
    throw new Fault("invalid_argument", `${JSON.stringify(expires_at)} is not a time to come`, {
      hint: "write an RFC 3339 time such as 2027-01-31T12:00:00Z",
    });
  }
  const held = policy.agents.get(principal.name) ?? [];
  const same = held.find(
    (each) =>
      each.capability === capability && expiry_ms(each.expires_at) >= until_ms && (each.unasked === true || !unasked),
  );
  if (same) {
    throw new Fault("already_exists", `${principalText(principal)} already holds ${capability}`, {
      hint: `to change when it ends, first run: reeve policy revoke ${principalText(principal)} ${same.id}`,
    });
  }
  const grant: Grant = { id: newId(), capability, expires_at, ...(unasked ? { unasked: true } : {}), provenance };
  const agents = new Map(policy.agents).set(principal.name, [...held, grant]);
  return { policy: { ...policy, agents }, grant: { ...grant, principal: principalText(principal) } };
}

/** The policy with an agent that holds nothing yet; the same when it is there already. */
export function addAgent(policy: Policy, name: string): Policy {
  checkReadable(policy);
  if (policy.agents.has(name)) return policy;
  return { ...policy, agents: new Map(policy.agents).set(name, []) };
}

/** The policy with every grant of a profile that the agent does not hold yet; `via` in the provenance becomes the profile. */
export function grantProfile(
  policy: Policy,
  principal: Principal,
  profile: Profile,
  options: { readonly by: string; readonly at: string; readonly known: readonly string[] },
): { readonly policy: Policy; readonly grants: readonly GrantFacts[] } {
  const provenance = { by: options.by, via: `profile ${profile}`, at: options.at };
  const grants: GrantFacts[] = [];
  let result = policy;
  for (const capability of profiles[profile]) {
    const held = principal.kind === "agent" ? (result.agents.get(principal.name) ?? []) : [];
    if (held.some((each) => each.capability === capability && each.expires_at === null)) continue;
    const made = grantOn(result, principal, capability, { expires_at: null, provenance, known: options.known });
    grants.push(made.grant);
    result = made.policy;
  }
  return { policy: result, grants };
}

/** The policy without the agent's grants that have this id or exactly this capability; `revoked` is empty when none has. */
export function revokeFrom(
  policy: Policy,
  principal: Principal,
  name: string,
): { readonly policy: Policy; readonly revoked: readonly GrantFacts[] } {
  checkReadable(policy);
  const held = principal.kind === "agent" ? policy.agents.get(principal.name) : undefined;
  if (principal.kind === "operator" || !held) return { policy, revoked: [] };
  const isNamed = (grant: Grant) => grant.id === name || grant.capability === name;
  const agents = new Map(policy.agents).set(
    principal.name,
    held.filter((grant) => !isNamed(grant)),
  );
  const revoked = held.filter(isNamed).map((grant) => ({ ...grant, principal: principalText(principal) }));
  return { policy: revoked.length ? { ...policy, agents } : policy, revoked };
}

function checkReadable({ fault }: Policy): void {
  if (!fault) return;
  throw new Fault("failed_precondition", `a policy that cannot be read cannot be changed: ${fault.message}`, {
    hint: fault.hint ?? "correct the policy file with an editor, or restore it from a backup",
    cause: fault,
  });
}

/**
 * Reads the policy, applies `change` and writes the result, all under the file's lock, so that two processes changing it
 * at once both have their way. Returns what `change` returned. Nothing is written when `change` throws or changes nothing.
 */
export function changePolicy<R extends { readonly policy: Policy }>(path: string, change: (policy: Policy) => R): R {
  return withLock(path, () => {
    const before = loadPolicy(path);
    const result = change(before);
    if (result.policy === before) return result;
    checkReadable(result.policy);
    return { ...result, policy: writePolicy(path, before, result.policy) };
  });
}

/**
 * Writes a policy that was read or made before; `replace` says that whatever the file holds may go. Throws
 * `failed_precondition`, and writes nothing, when the file is no longer the one the policy was read from.
 */
export function savePolicy(
  path: string,
  policy: Policy,
  options: { readonly replace: boolean } = { replace: false },
): Policy {
  checkReadable(policy);
  return withLock(path, () => {
    if (options.replace) return writePolicy(path, emptyPolicy, policy);
    return writePolicy(path, currentPolicy(path, policy.revision), policy);
  });
}

function currentPolicy(path: string, expected: string | null): Policy {
  const current = readOrEmpty(path);
  if (current.revision === expected) return current;
  throw new Fault("failed_precondition", `${path} was changed by someone else in the meantime`, {
    hint: "read it again and repeat the change",
  });
}

function readOrEmpty(path: string): Policy {
  try {
    return loadPolicy(path);
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === "not_found") return emptyPolicy;
    throw thrown;
  }
}

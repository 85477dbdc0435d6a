/** Whether policy says the same of everything beneath a path, so that nobody has to look at the files one by one. */
import type { Principal } from "../define/principal.ts";
import { principalText } from "../define/principal.ts";
import { coversName, splitCapability } from "./capability.ts";
import type { PolicyLink } from "./decide.ts";
import { expiry_ms } from "./expiry.ts";
import type { Policy } from "./policy.ts";

/** What is asked: a capability on paths, for who acts and for every caller above. */
export interface PathUse {
  readonly principal: Principal;
  readonly links: readonly PolicyLink[];
  readonly capability: string;
  readonly now_ms: number;
}

/**
 * True only when every file that is or will be beneath `path` may be used: no rule about single paths may apply there, and
 * a grant of each agent covers all of it. False says nothing.
 */
export function isUniform(policy: Policy, { principal, links, capability, now_ms }: PathUse, path: string): boolean {
  if (policy.fault) return false;
  const everyone = [principal, ...links.map((link) => link.principal)];
  const concerns = (text: string) => coversName(splitCapability(text).name, capability);
  const isRuled = policy.rules.some(
    (rule) =>
      concerns(rule.capability) &&
      everyone.some((each) => appliesTo(rule.principal, each)) &&
      mayReach(rule.capability, path),
  );
  if (isRuled) return false;
  const isHeld = links.every(
    ({ within }) => within === null || within.some((text) => concerns(text) && coversAll(text, path)),
  );
  return isHeld && everyone.every((each) => isGranted(each));

  function isGranted(who: Principal): boolean {
    if (who.kind === "operator") return true;
    const grants = policy.agents.get(who.name) ?? [];
    return grants.some(
      (grant) =>
        concerns(grant.capability) && now_ms < expiry_ms(grant.expires_at) && coversAll(grant.capability, path),
    );
  }
}

function appliesTo(ruled: string, principal: Principal): boolean {
  if (ruled === "*") return true;
  return ruled === "agent:*" ? principal.kind === "agent" : ruled === principalText(principal);
}

/** Whether a pattern could speak of anything beneath `path`: false only when its plain beginning leads elsewhere. */
function mayReach(text: string, path: string): boolean {
  const { pattern } = splitCapability(text);
  if (pattern === null || path === ".") return true;
  const segments = pattern.split("/");
  const wild = segments.findIndex((segment) => segment.includes("*"));
  const plain = wild < 0 ? segments : segments.slice(0, wild);
  const own = path.split("/");
  const shared = Math.min(plain.length, own.length);
  return plain.slice(0, shared).every((segment, i) => segment === own[i]);
}

/** Whether a pattern covers a path and everything beneath it. */
function coversAll(text: string, path: string): boolean {
  const { pattern } = splitCapability(text);
  if (pattern === null || pattern === "**") return true;
  const [, above] = /^([^*]+)\/\*\*$/.exec(pattern) ?? [];
  return above !== undefined && (path === above || path.startsWith(`${above}/`));
}

/** Whether the operator meant an endpoint to be spoken to in the clear: by naming its port, which `*` does not. */
import { coversName, splitCapability } from "./capability.ts";
import type { Principal } from "../define/principal.ts";
import { matchesEndpoint, splitEndpoint } from "./endpoint.ts";
import { expiry_ms } from "./expiry.ts";
import type { Policy } from "./policy.ts";

/** What the operator does is meant. It is no decision: whether the request is allowed at all is for `decide`. */
export function namesPort(policy: Policy, principal: Principal, endpoint: string, now_ms: number): boolean {
  if (policy.fault) return false;
  if (principal.kind === "operator") return true;
  return (policy.agents.get(principal.name) ?? []).some(({ capability, expires_at }) => {
    const { name, pattern } = splitCapability(capability);
    if (pattern === null || !coversName(name, "http.request") || !(now_ms < expiry_ms(expires_at))) return false;
    return splitEndpoint(pattern)?.port !== "*" && matchesEndpoint(pattern, endpoint, false);
  });
}

/** The policy can be read: until it can, everything is denied. */
import { loadPolicy } from "../policy/policy.ts";
import { type Observation, ok, type Probe } from "./probe.ts";

export const policy: Probe = {
  name: "policy",
  needs_home: true,
  examine({ home, clock }) {
    const { agents, rules } = loadPolicy(home.policy);
    const grants = [...agents.values()].flat();
    const expired = grants.filter(({ expires_at }) => expires_at !== null && Date.parse(expires_at) <= clock.now());
    const words = `agents: ${agents.size}, grants: ${grants.length}, rules: ${rules.length}`;
    const over: Observation = {
      status: "warn",
      message: `${expired.length} grants are over`,
      hint: "they grant nothing; take them back with reeve policy revoke",
    };
    return expired.length ? [ok(words), over] : [ok(words)];
  },
};

/** The agents of a scratch home: each holds what an operator might really have given it. */
import { systemClock, rfc3339 } from "../core/clock.ts";
import { agent } from "../define/principal.ts";
import type { Tool } from "../define/tool.ts";
import { splitCapability } from "../policy/capability.ts";
import { grantOn, grantProfile } from "../policy/change.ts";
import { emptyPolicy, type Grant, type Policy, type Rule } from "../policy/policy.ts";
import { profiles } from "../policy/profiles.ts";

const at = rfc3339(systemClock.now());
const provenance = { by: "operator", via: "attack", at };

/** Agents with grants of their own beside those of a profile. */
const single: Readonly<Record<string, readonly string[]>> = {
  reader: ["fs.read:public/**", "tools.read"],
  writer: ["fs.read:notes/**", "fs.write:notes/**", "fs.delete:notes/**", "agents.run"],
  bare: [],
  jailed: ["sandbox.exec:1", "sandbox.exec:2", "code.run:bash", "fs.read:**", "fs.write:**"],
  speaker: ["shell.exec:echo", "shell.exec:cat", "shell.exec:printenv", "shell.exec:tee", "fs.read:**", "fs.write:**"],
};

const rules: readonly Rule[] = [
  ...["fs.read:locked/**", "fs.write:locked/**", "fs.delete:locked/**"].map((capability, i): Rule => ({
    id: `locked-${i}`,
    effect: "deny",
    principal: "agent:barred",
    capability,
    reason: "locked",
  })),
  ...["fs.write:**", "fs.delete:**"].flatMap((capability, i): Rule[] =>
    ["asker", "petitioner"].map((name) => ({
      id: `ask-${name}-${i}`,
      effect: "ask",
      principal: `agent:${name}`,
      capability,
      reason: "the owner wants to know",
    })),
  ),
];

export function castOf(tools: readonly Tool[]): Policy {
  const known = [
    ...profiles.operator.map((each) => splitCapability(each).name),
    ...tools.map(({ capability }) => capability),
  ];
  let policy: Policy = emptyPolicy;
  for (const name of ["worker"])
    policy = grantProfile(policy, agent(name), "operator", { by: "operator", at, known }).policy;
  for (const name of ["asker", "petitioner", "barred", "halted"]) {
    policy = grantProfile(policy, agent(name), "editor", { by: "operator", at, known }).policy;
  }
  for (const [name, capabilities] of Object.entries(single)) {
    policy = { ...policy, agents: new Map(policy.agents).set(name, policy.agents.get(name) ?? []) };
    for (const capability of capabilities) {
      policy = grantOn(policy, agent(name), capability, { expires_at: null, provenance, known }).policy;
    }
  }
  const lapsed: readonly Grant[] = ["fs.read:**", "fs.write:**", "fs.delete:**"].map((capability, i) => ({
    id: `lapsed-${i}`,
    capability,
    expires_at: "2020-01-01T00:00:00.000Z",
    provenance: { ...provenance, at: "2019-01-01T00:00:00.000Z" },
  }));
  return { ...policy, agents: new Map(policy.agents).set("lapsed", lapsed), rules };
}

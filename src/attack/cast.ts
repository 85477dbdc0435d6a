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

/** Agents that may make requests. A grant of every host is the operator's own hand in the file. */
const outgoing: Readonly<Record<string, readonly string[]>> = {
  roamer: ["* *:*", "* *:80", "* *:8080"],
  narrow: ["GET site.example:80/open", "GET *.wild.example:80", "* tunnel.example:443", "* tunnel.example:8443"],
  poster: ["POST site.example:80"],
  cloudy: ["* *.cloud.example:*"],
};

const rules: readonly Rule[] = [
  ...["* denied.example:*", "POST site.example:80/admin"].map((pattern, i): Rule => ({
    id: `out-${i}`,
    effect: "deny",
    principal: "*",
    capability: `http.request:${pattern}`,
    reason: "no place for agents",
  })),
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
  const agents = new Map(policy.agents).set("lapsed", lapsed);
  for (const [name, patterns] of Object.entries(outgoing)) {
    const grantOf = (pattern: string, i: number): Grant => ({
      id: `${name}-${i}`,
      capability: `http.request:${pattern}`,
      expires_at: null,
      provenance,
    });
    agents.set(name, patterns.map(grantOf));
  }
  return { ...policy, agents, rules };
}

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { agent, operator, type Principal } from "../define/principal.ts";
import { coversName, splitCapability } from "./capability.ts";
import { type AccessRequest, decide, explain, type PolicyLink, type ResourceRequest } from "./decide.ts";
import { grammars, kindOfCapability, kindOfResource } from "./pattern.ts";
import type { Grant, Policy, Rule } from "./policy.ts";

const now_ms = Date.parse("2026-06-01T00:00:00Z");
const provenance = { by: "operator", via: "test", at: "2026-01-01T00:00:00.000Z" };
const names = ["a", "b", "c"] as const;
const capability = fc.constantFrom(
  "fs.read:**",
  "fs.read:src/**",
  "fs.read",
  "fs.write:**",
  "fs.write:src/x",
  "fs.*",
  "fs.*:src/**",
  "time.now",
  "system.*",
  "runs.read:a*",
  "policy.write",
);
const expires_at = fc.constantFrom(null, null, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
const id = fc.uuid();
const grant: fc.Arbitrary<Grant> = fc
  .record({ id, capability, expires_at, unasked: fc.boolean() })
  .map(({ unasked, ...rest }) => ({ ...rest, provenance, ...(unasked ? { unasked: true as const } : {}) }));
const rule: fc.Arbitrary<Rule> = fc.record({
  id,
  effect: fc.constantFrom("deny", "ask"),
  principal: fc.constantFrom("*", "agent:*", "agent:a", "agent:b", "agent:c"),
  capability,
  reason: fc.constant("so it is"),
});
const policies: fc.Arbitrary<Policy> = fc
  .record({
    held: fc.tuple(...names.map(() => fc.array(grant, { maxLength: 4 }))),
    rules: fc.array(rule, { maxLength: 3 }),
  })
  .map(({ held, rules }) => ({
    agents: new Map(names.map((name, i): [string, readonly Grant[]] => [name, held[i] ?? []])),
    rules,
    fault: undefined,
    revision: null,
  }));

const places = ["src/x", "src/y/z", "src", "z", "."] as const;
const path = (name: string, value: string): ResourceRequest => ({ capability: name, kind: "path", value });
const resources = fc.array(
  fc.tuple(fc.constantFrom("fs.read", "fs.write"), fc.constantFrom(...places)).map(([name, at]) => path(name, at)),
  { maxLength: 2 },
);
const principal: fc.Arbitrary<Principal> = fc.constantFrom(...names.map(agent));
const requests: fc.Arbitrary<AccessRequest> = fc
  .record({
    principal,
    capability: fc.constantFrom("fs.read", "fs.write", "time.now", "system.read", "policy.write"),
    effect: fc.constantFrom("read" as const, "write" as const),
    resources,
    approved: fc.boolean(),
  })
  .map((each) => ({ ...each, now_ms }));
const link: fc.Arbitrary<PolicyLink> = fc.record({
  principal: fc.oneof({ weight: 4, arbitrary: principal }, { weight: 1, arbitrary: fc.constant(operator) }),
  within: fc.option(fc.array(capability, { maxLength: 3 }), { nil: null }),
});
const chains = fc.array(link, { maxLength: 5 });
const further = fc.tuple(fc.constantFrom("fs.read", "fs.write"), fc.constantFrom(...places, "src/y", "other/z"));

const rank = { deny: 0, ask: 1, allow: 2 } as const;
const runs = { numRuns: 500 };

/** Coverage by its own reading, beside the one that is tested: what a capability text says of one resource or a bare use. */
function covered(text: string, name: string, resource: ResourceRequest | undefined): boolean {
  const { name: granted, pattern } = splitCapability(text);
  if (!coversName(granted, name)) return false;
  if (pattern === null) return true;
  const grammar = grammars[kindOfCapability(granted)];
  if (resource === undefined) return pattern === grammar.everything;
  return kindOfResource(resource) === kindOfCapability(granted) && grammar.matches(pattern, resource.value, false);
}

function isWithin({ within }: PolicyLink, { capability: own, resources: named }: AccessRequest): boolean {
  if (within === null) return true;
  const isBare = !named.some((each) => each.capability === own);
  const isNamedCovered = named.every((each) => within.some((text) => covered(text, each.capability, each)));
  return isNamedCovered && (!isBare || within.some((text) => covered(text, own, undefined)));
}

describe("sub-agents", () => {
  test("are never allowed what one of their callers would not be, at any depth", () => {
    fc.assert(
      fc.property(policies, requests, chains, (policy, request, links) => {
        const { effect } = decide(policy, { ...request, links });
        for (const acting of [request.principal, ...links.map((each) => each.principal)]) {
          const alone = decide(policy, { ...request, principal: acting });
          expect(rank[effect]).toBeLessThanOrEqual(rank[alone.effect]);
        }
      }),
      runs,
    );
  });

  test("are never even asked about what lies outside of what one of their callers gave them", () => {
    fc.assert(
      fc.property(policies, requests, chains, (policy, request, links) => {
        fc.pre(!links.every((each) => isWithin(each, request)));
        expect(decide(policy, { ...request, links }).effect).toBe("deny");
      }),
      runs,
    );
  });

  test("meet nothing on the way that a caller would not be permitted or did not give", () => {
    fc.assert(
      fc.property(policies, requests, chains, further, (policy, request, links, [name, at]) => {
        const decision = decide(policy, { ...request, links });
        const more = path(name, at);
        fc.pre(decision.effect === "allow" && decision.permits(more));
        for (const { principal: acting, within } of links) {
          const alone = decide(policy, { ...request, principal: acting });
          expect(alone.effect === "allow" && alone.permits(more)).toBe(true);
          expect(within?.some((text) => covered(text, name, more)) ?? true).toBe(true);
        }
      }),
      runs,
    );
  });

  test("are decided by nothing but their callers: where every one of them is allowed and gave it, it is allowed", () => {
    fc.assert(
      fc.property(policies, requests, chains, (policy, request, links) => {
        fc.pre(links.every((each) => isWithin(each, request)));
        const alone = [request.principal, ...links.map((each) => each.principal)].map(
          (acting) => rank[decide(policy, { ...request, principal: acting }).effect],
        );
        expect(rank[decide(policy, { ...request, links }).effect]).toBe(Math.min(...alone) as 0 | 1 | 2);
      }),
      runs,
    );
  });

  test("get no wider by another caller above them", () => {
    fc.assert(
      fc.property(policies, requests, chains, chains, further, (policy, request, links, added, [name, at]) => {
        const fewer = decide(policy, { ...request, links });
        const all = decide(policy, { ...request, links: [...links, ...added] });
        expect(rank[all.effect]).toBeLessThanOrEqual(rank[fewer.effect]);
        const more = path(name, at);
        if (all.effect !== "allow" || !all.permits(more)) return;
        expect(fewer.effect === "allow" && fewer.permits(more)).toBe(true);
      }),
      runs,
    );
  });

  test("are never allowed control, whoever stands above them", () => {
    fc.assert(
      fc.property(policies, requests, chains, (policy, request, links) => {
        const control = { ...request, capability: "policy.write", links };
        expect(decide(policy, control).effect).toBe("deny");
      }),
    );
  });
});

describe("approvals", () => {
  test("turn a question into an allowance, and never a denial", () => {
    fc.assert(
      fc.property(policies, requests, chains, (policy, request, links) => {
        const before = decide(policy, { ...request, links, approved: false }).effect;
        const after = decide(policy, { ...request, links, approved: true }).effect;
        expect(after).toBe(before === "ask" ? "allow" : before);
      }),
      runs,
    );
  });

  test("permit nothing on the way that a deny rule or a missing grant would keep away", () => {
    fc.assert(
      fc.property(policies, requests, further, (policy, request, [name, at]) => {
        const decision = decide(policy, { ...request, approved: true });
        fc.pre(decision.effect === "allow" && decision.permits(path(name, at)));
        const alone = decide(policy, { ...request, capability: name, resources: [path(name, at)], approved: false });
        expect(alone.effect).not.toBe("deny");
      }),
      runs,
    );
  });
});

describe("grants that need not be asked about", () => {
  const withoutMark = (policy: Policy): Policy => ({
    ...policy,
    agents: new Map([...policy.agents].map(([name, list]) => [name, list.map(({ unasked: _, ...rest }) => rest)])),
  });

  test("never beat a denial, and only ever answer a question", () => {
    fc.assert(
      fc.property(policies, requests, chains, (policy, request, links) => {
        const marked = decide(policy, { ...request, links }).effect;
        const plain = decide(withoutMark(policy), { ...request, links }).effect;
        if (plain === "deny") expect(marked).toBe("deny");
        else expect(rank[marked]).toBeGreaterThanOrEqual(rank[plain]);
      }),
      runs,
    );
  });

  test("answer for a request only when they cover all of it and have not expired", () => {
    fc.assert(
      fc.property(policies, requests, (drawn, asked) => {
        const rules = ["fs.*", "time.*", "system.*"].map((text): Rule => ({
          id: text,
          effect: "ask",
          principal: "*",
          capability: text,
          reason: "so it is",
        }));
        const request = { ...asked, approved: false };
        fc.pre(decide({ ...drawn, rules }, request).effect === "allow");
        const name = request.principal.kind === "agent" ? request.principal.name : "";
        const marked = (drawn.agents.get(name) ?? []).filter(
          (each) => each.unasked && (each.expires_at === null || Date.parse(each.expires_at) > now_ms),
        );
        for (const each of request.resources) {
          expect(marked.some((held) => covered(held.capability, each.capability, each))).toBe(true);
        }
        const isBare = !request.resources.some((each) => each.capability === request.capability);
        if (isBare) expect(marked.some((held) => covered(held.capability, request.capability, undefined))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

test("the explanation of a decision ends in that decision and names every caller above", () => {
  fc.assert(
    fc.property(policies, requests, chains, (policy, request, links) => {
      const { decision, steps } = explain(policy, { ...request, links });
      const plain = decide(policy, { ...request, links });
      expect([decision.effect, decision.reason]).toEqual([plain.effect, plain.reason]);
      expect(steps.filter((step) => step.part === "link").length).toBe(links.length);
      expect(steps.at(-1)?.text).toBe(`${plain.effect}: ${plain.reason}`);
    }),
  );
});

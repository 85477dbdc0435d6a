import { expect, test } from "bun:test";
import fc from "fast-check";
import { agent, operator, type Principal } from "../define/principal.ts";
import { coversName, splitCapability } from "./capability.ts";
import { grantOn, revokeFrom } from "./change.ts";
import { type AccessRequest, decide, type ResourceRequest } from "./decide.ts";
import { grammars, kindOfCapability, kindOfResource } from "./pattern.ts";
import type { Grant, Policy, Rule } from "./policy.ts";

const now_ms = Date.parse("2026-06-01T00:00:00Z");
const provenance = { by: "operator", via: "test", at: "2026-06-01T00:00:00Z" };
const known = ["fs.read", "fs.write", "http.request", "shell.exec", "runs.read", "secrets.list"];

const names = fc.constantFrom(...known, "policy.write", "config.write");
const patterns: Readonly<Record<string, fc.Arbitrary<string>>> = {
  fs: fc.constantFrom("**", "a/**", "*.md", "a/*/c", "**/b", "a/b", "."),
  http: fc.constantFrom("GET x.org:443", "* *.x.org:443", "* *:*", "POST y.x.org:*"),
  shell: fc.constantFrom("git", "git status", "ls -l", "*"),
  other: fc.constantFrom("*", "a*", "a", "b"),
};
const values: Readonly<Record<string, fc.Arbitrary<string>>> = {
  fs: fc.constantFrom(".", "a", "a/b", "a/b/c", "x.md", "a/x.md", "b", "../a", "/a"),
  http: fc.constantFrom("GET x.org:443", "GET y.x.org:443", "POST y.x.org:80", "get x:1"),
  shell: fc.constantFrom('["git"]', '["git","status"]', '["git","push"]', '["ls","-l"]', "git"),
  other: fc.constantFrom("a", "ab", "b", ""),
};
const of = (table: Readonly<Record<string, fc.Arbitrary<string>>>, name: string) =>
  table[name.split(".")[0] ?? ""] ?? table["other"] ?? fc.constant("a");

const capability = fc
  .tuple(names, fc.boolean())
  .chain(([name, isFamily]) =>
    of(patterns, name).map((pattern) => ({ name: isFamily ? `${name.split(".")[0]}.*` : name, pattern })),
  )
  .chain(({ name, pattern }) => fc.constantFrom(name, `${name}:${pattern}`));
const principal: fc.Arbitrary<Principal> = fc.constantFrom(agent("bot"), agent("cat"), agent("ghost"), operator);
const expires_at = fc.constantFrom(null, null, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", "not a time");
const id = fc.uuid();

const grant: fc.Arbitrary<Grant> = fc.record({ id, capability, expires_at, provenance: fc.constant(provenance) });
const rule: fc.Arbitrary<Rule> = fc.record({
  id,
  effect: fc.constantFrom("deny", "ask"),
  principal: fc.constantFrom("*", "agent:*", "agent:bot", "operator"),
  capability,
  reason: fc.constant("r"),
});
const policy: fc.Arbitrary<Policy> = fc
  .record({
    bot: fc.array(grant, { maxLength: 5 }),
    cat: fc.array(grant, { maxLength: 2 }),
    rules: fc.array(rule, { maxLength: 2 }),
  })
  .map(({ bot, cat, rules }) => ({
    agents: new Map([
      ["bot", bot],
      ["cat", cat],
    ]),
    rules,
    fault: undefined,
    revision: null,
  }));

const resource: fc.Arbitrary<ResourceRequest> = names.chain((name) =>
  of(values, name).chain((value) =>
    fc
      .constantFrom(kindOfCapability(name), kindOfCapability(name), "name" as const)
      .map((kind) => ({ capability: name, kind, value })),
  ),
);
const request: fc.Arbitrary<AccessRequest> = fc.record({
  principal,
  capability: names,
  effect: fc.constantFrom("read", "write", "execute", "network", "spend", "control"),
  resources: fc.array(resource, { maxLength: 3 }),
  now_ms: fc.constantFrom(now_ms, now_ms - 1, now_ms + 86_400_000),
});
/** Requests whose resources belong to the capability asked for: the only ones that tools make, and the likeliest to be allowed. */
const tidyRequest: fc.Arbitrary<AccessRequest> = request.chain((each) =>
  fc
    .array(
      of(values, each.capability).map((value) => ({
        capability: each.capability,
        kind: kindOfCapability(each.capability),
        value,
      })),
      { maxLength: 3 },
    )
    .map((resources) => ({ ...each, resources })),
);
const anyRequest = fc.oneof(request, tidyRequest);

const plain = (p: Policy, r: AccessRequest) => {
  const { effect, reason, ...rest } = decide(p, r);
  return { effect, reason, grants: "grants" in rest ? rest.grants : [] };
};

/** The words "this grant covers something of the request", by its own reading. */
function touches(granted: string, { capability: own, resources }: AccessRequest): boolean {
  const { name, pattern } = splitCapability(granted);
  const isCovered = (each: ResourceRequest) =>
    coversName(name, each.capability) &&
    (pattern === null ||
      (kindOfResource(each) === kindOfCapability(name) &&
        grammars[kindOfCapability(name)].matches(pattern, each.value, false)));
  const isBare = !resources.some((each) => each.capability === own);
  return resources.some(isCovered) || (isBare && coversName(name, own));
}

const withGrant = (p: Policy, name: string, added: Grant): Policy => ({
  ...p,
  agents: new Map(p.agents).set(name, [...(p.agents.get(name) ?? []), added]),
});

test("adding a grant never removes a denial of something it does not cover", () => {
  fc.assert(
    fc.property(policy, anyRequest, grant, (p, r, added) => {
      fc.pre(
        r.principal.kind === "agent" &&
          p.agents.has(r.principal.name) &&
          decide(p, r).effect === "deny" &&
          !touches(added.capability, r),
      );
      expect(decide(withGrant(p, r.principal.name, added), r).effect).toBe("deny");
    }),
    { numRuns: 500 },
  );
});

test("adding a grant to one agent changes nothing for another or for the operator", () => {
  fc.assert(
    fc.property(policy, anyRequest, grant, (p, r, added) => {
      fc.pre(r.principal.kind === "operator" || r.principal.name !== "cat");
      expect(plain(withGrant(p, "cat", added), r)).toEqual(plain(p, r));
    }),
    { numRuns: 300 },
  );
});

test("adding a rule never turns what was not allowed into an allow, and a deny rule never lifts a denial", () => {
  fc.assert(
    fc.property(policy, anyRequest, rule, fc.nat(2), (p, r, added, at) => {
      const before = decide(p, r).effect;
      const after = decide({ ...p, rules: p.rules.toSpliced(at, 0, added) }, r).effect;
      if (before !== "allow") expect(after).not.toBe("allow");
      if (before === "deny") expect(after).toBe("deny");
    }),
    { numRuns: 500 },
  );
});

test("the order of grants and rules changes no effect", () => {
  fc.assert(
    fc.property(policy, anyRequest, (p, r) => {
      const agents = new Map([...p.agents].map(([name, grants]) => [name, grants.toReversed()] as const));
      expect(decide({ ...p, agents, rules: p.rules.toReversed() }, r).effect).toBe(decide(p, r).effect);
    }),
  );
});

test("the same question gets the same answer", () => {
  fc.assert(
    fc.property(policy, anyRequest, (p, r) => {
      expect(plain(structuredClone(p), structuredClone(r))).toEqual(plain(p, r));
    }),
  );
});

test("no agent is ever allowed control, nor a capability of control under another effect", () => {
  fc.assert(
    fc.property(policy, anyRequest, (p, r) => {
      fc.pre(r.principal.kind === "agent");
      const isControl =
        r.effect === "control" ||
        [r, ...r.resources].some((each) => /^(?:policy|config)\.write$/.test(each.capability));
      if (isControl) expect(decide(p, r).effect).toBe("deny");
    }),
    { numRuns: 500 },
  );
});

test("permits says of a resource what a decision about it alone would say", () => {
  fc.assert(
    fc.property(policy, tidyRequest, resource, (p, r, more) => {
      const decision = decide(p, r);
      fc.pre(decision.effect === "allow");
      const alone = decide(p, { ...r, effect: "read", capability: more.capability, resources: [more] });
      expect(decision.effect === "allow" && decision.permits(more)).toBe(alone.effect === "allow");
    }),
    { numRuns: 500 },
  );
});

test("whatever the strings, there is a decision, and an agent's is a denial", () => {
  const text = fc.string({ unit: "binary" });
  const odd = fc.record({
    capability: text,
    kind: fc.constantFrom("path", "name", "endpoint", "command", "agent", "run"),
    value: text,
  });
  fc.assert(
    fc.property(policy, odd, fc.array(odd, { maxLength: 2 }), (p, first, resources) => {
      const r: AccessRequest = {
        principal: agent("bot"),
        capability: first.capability,
        effect: "read",
        resources: [first, ...resources],
        now_ms,
      };
      fc.pre(!known.includes(first.capability));
      expect(decide(p, r).effect).toBe("deny");
    }),
  );
});

test("a grant made and revoked leaves every decision as it was", () => {
  const grantable = fc.constantFrom(
    "fs.read:a/**",
    "fs.*:**",
    "runs.read",
    "secrets.list:a*",
    "http.request:GET x.org:443",
    "shell.exec:git status",
  );
  fc.assert(
    fc.property(policy, anyRequest, grantable, (p, r, name) => {
      fc.pre(!(p.agents.get("bot") ?? []).some((each) => each.capability === name));
      const { policy: wider, grant: made } = grantOn(p, agent("bot"), name, { expires_at: null, provenance, known });
      expect(plain(revokeFrom(wider, agent("bot"), made.id).policy, r)).toEqual(plain(p, r));
      expect(plain(revokeFrom(wider, agent("bot"), name).policy, r)).toEqual(plain(p, r));
    }),
  );
});

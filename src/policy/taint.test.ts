/** The Rule of Two in a decision: pure, told in full, held for every caller above, settled by no rule, grant or standing answer. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { agent, operator } from "../define/principal.ts";
import { type AccessRequest, decide, explain } from "./decide.ts";
import type { Policy } from "./policy.ts";
import type { AccessTaint } from "./taint.ts";

const provenance = { by: "operator", via: "test", at: "2026-01-01T00:00:00.000Z" };
const grant = (capability: string, unasked = false) => ({
  id: capability,
  capability,
  expires_at: null,
  provenance,
  ...(unasked ? { unasked: true as const } : {}),
});
const policy = (rules: Policy["rules"] = [], unasked = false): Policy => ({
  fault: undefined,
  revision: "r",
  agents: new Map([
    ["a", [grant("http.request:* *.example:*", unasked), grant("fs.*", unasked)]],
    ["b", [grant("http.request:* *.example:*"), grant("fs.*")]],
  ]),
  rules,
});
const full: AccessTaint = { untrusted: true, private: true, outward: true, acting_paths: ["**/.git/**"] };
const endpoint = (host: string) => ({
  capability: "http.request",
  kind: "endpoint" as const,
  value: `GET ${host}.example:443`,
});
const path = (value: string, capability = "fs.write") => ({ capability, kind: "path" as const, value });
const request = (taint: AccessTaint | undefined, more: Partial<AccessRequest> = {}): AccessRequest => ({
  principal: agent("a"),
  capability: "http.request",
  effect: "network",
  resources: [endpoint("x")],
  now_ms: 0,
  ...(taint ? { taint } : {}),
  ...more,
});

describe("a call that speaks outward", () => {
  test.each([
    ["both", full, "ask"],
    ["no strangers' words", { ...full, untrusted: false }, "allow"],
    ["nothing private", { ...full, private: false }, "allow"],
    ["a call that does not speak", { ...full, outward: false }, "allow"],
    ["nothing known", undefined, "allow"],
  ])("with %s", (_, taint, effect) => {
    expect(decide(policy(), request(taint)).effect).toBe(effect as "ask");
  });

  test("is asked about whatever was said once and for all", () => {
    expect(decide(policy([], true), request(full))).toMatchObject({ effect: "ask", by: "taint" });
    const rule = { id: "r", effect: "ask", principal: "*", capability: "http.request", reason: "why not" } as const;
    expect(decide(policy([rule], true), request(full))).toMatchObject({ effect: "ask", by: "taint" });
    expect(decide(policy([rule], true), request(undefined)).effect).toBe("allow");
  });

  test("tells of the rule that asks as well, and is settled with it by the answer to exactly this", () => {
    const rule = { id: "r", effect: "ask", principal: "*", capability: "http.request", reason: "why not" } as const;
    const decision = decide(policy([rule]), request(full));
    expect(decision).toMatchObject({ effect: "ask", by: "taint", reason: expect.stringContaining("why not") });
    expect(decide(policy([rule]), request(full, { approved: true })).effect).toBe("allow");
    expect(decide(policy([rule]), request(undefined))).toMatchObject({ effect: "ask", by: "rule" });
  });

  test("is denied, not asked about, where a rule denies or no grant covers", () => {
    const rule = { id: "r", effect: "deny", principal: "*", capability: "http.request", reason: "no" } as const;
    expect(decide(policy([rule]), request(full, { approved: true })).effect).toBe("deny");
    expect(decide(policy(), request(full, { principal: agent("c") })).effect).toBe("deny");
  });

  test("is the operator's own affair where the operator makes it", () => {
    expect(decide(policy(), request(full, { principal: operator })).effect).toBe("allow");
  });

  test("is explained", () => {
    const { steps } = explain(policy(), request(full, { links: [{ principal: agent("b"), within: null }] }));
    expect(steps.filter(({ part }) => part === "taint")).toHaveLength(2);
    expect(steps.find(({ part }) => part === "taint")).toMatchObject({ matched: true });
    expect(JSON.stringify(steps)).toContain("words of strangers and private data");
    expect(explain(policy(), request(undefined)).steps.some(({ part }) => part === "taint")).toBe(false);
  });

  test("once approved goes where it said and to no other place on the way", () => {
    const decision = decide(policy(), request(full, { approved: true }));
    const permits = decision.effect === "allow" ? [endpoint("x"), endpoint("y")].map(decision.permits) : [];
    expect(permits).toEqual([true, false]);
  });
});

describe("a path that acts by itself", () => {
  const writing = (value: string, taint: Partial<AccessTaint>, capability = "fs.write") =>
    decide(
      policy(),
      request(
        { ...full, outward: false, ...taint },
        { capability, effect: "write", resources: [path(value, capability)] },
      ),
    );

  test.each([
    [".git/hooks/x", { private: false }, "fs.write", "ask"],
    [".git", { private: false }, "fs.delete", "ask"],
    ["sub/.git/config", {}, "fs.write", "ask"],
    [".git/config", {}, "fs.read", "allow"],
    [".git/config", { untrusted: false }, "fs.write", "allow"],
    [".gitignore", {}, "fs.write", "allow"],
    [".git/config", { acting_paths: [] }, "fs.write", "allow"],
    ["anything", { acting_paths: ["a[b"] }, "fs.write", "ask"],
  ])("%s with %j by %s: %s", (value, taint, capability, effect) => {
    expect(writing(value, taint, capability).effect).toBe(effect as "ask");
  });

  test("met beneath what a call names is not permitted either", () => {
    const decision = writing("src", {});
    const permits = decision.effect === "allow" ? [path("src/a"), path("src/.git/config")].map(decision.permits) : [];
    expect(permits).toEqual([true, false]);
  });
});

test("the more has come into the context, the stricter is the decision, for whoever stands above", () => {
  const bits = fc.record({
    untrusted: fc.boolean(),
    private: fc.boolean(),
    outward: fc.boolean(),
    acting_paths: fc.constantFrom([], ["**/.git/**"]),
  });
  const strictness = { allow: 0, ask: 1, deny: 2 };
  const resources = fc.constantFrom([endpoint("x")], [path(".git/a")], [endpoint("x"), path("b")]);
  fc.assert(
    fc.property(bits, bits, resources, fc.boolean(), (one, two, named, isChild) => {
      const both = {
        untrusted: one.untrusted || two.untrusted,
        private: one.private || two.private,
        outward: one.outward || two.outward,
        acting_paths: [...one.acting_paths, ...two.acting_paths],
      };
      const more = { resources: named, links: isChild ? [{ principal: agent("b"), within: null }] : [] };
      const of = (taint: AccessTaint | undefined) => strictness[decide(policy(), request(taint, more)).effect];
      expect(of(both)).toBeGreaterThanOrEqual(Math.max(of(one), of(two)));
      expect(of(one)).toBeGreaterThanOrEqual(of(undefined));
    }),
  );
});

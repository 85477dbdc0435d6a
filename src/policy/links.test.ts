import { describe, expect, test } from "bun:test";
import { agent } from "../define/principal.ts";
import { type AccessRequest, decide, explain, type ResourceRequest } from "./decide.ts";
import { type Policy, parsePolicy } from "./policy.ts";
import { checkWithin } from "./within.ts";

const provenance = { by: "operator", via: "test", at: "2026-01-01T00:00:00Z" };

function policyOf(held: Readonly<Record<string, readonly string[]>>, asks: readonly string[]): Policy {
  const agents = Object.entries(held).map(([name, list]) => [
    name,
    {
      grants: list.map((text, i) => ({
        id: `${name}-${i}`,
        capability: text.replace(/!$/, ""),
        expires_at: null,
        provenance,
        ...(text.endsWith("!") ? { unasked: true } : {}),
      })),
    },
  ]);
  const rules = asks.map((capability, i) => ({
    id: `ask-${i}`,
    effect: "ask",
    principal: "agent:*",
    capability,
    reason: "so it is",
  }));
  return parsePolicy(JSON.stringify({ version: 1, agents: Object.fromEntries(agents), rules }), "test");
}

const path = (capability: string, value: string): ResourceRequest => ({ capability, kind: "path", value });

function permitted(policy: Policy, request: Partial<AccessRequest>, more: readonly ResourceRequest[]) {
  const resources = request.resources ?? [];
  const capability = resources[0]?.capability ?? "fs.read";
  const decision = decide(policy, {
    principal: agent("a"),
    capability,
    effect: "write",
    resources,
    now_ms: 0,
    ...request,
  });
  return decision.effect === "allow" ? more.map((each) => decision.permits(each)) : decision.effect;
}

describe("the approval of a call", () => {
  test("covers the place it names and no other that must be asked about", () => {
    const policy = policyOf({ a: ["fs.write:**"] }, ["fs.write:**"]);
    const resources = [path("fs.write", "x")];
    expect(permitted(policy, { resources }, [])).toBe("ask");
    const further = [path("fs.write", "x"), path("fs.write", "y"), path("fs.write", "xy")];
    expect(permitted(policy, { resources, approved: true }, further)).toEqual([true, false, false]);
  });

  test("covers what lies beneath a directory it names, and the directories on the way to a file", () => {
    const policy = policyOf({ a: ["fs.*:**"] }, ["fs.delete:**", "fs.write:**"]);
    const removal = { resources: [path("fs.delete", "old")], approved: true };
    expect(permitted(policy, removal, [path("fs.delete", "old/a/b"), path("fs.delete", "older")])).toEqual([
      true,
      false,
    ]);
    const writing = { resources: [path("fs.write", "new/dir/file")], approved: true };
    const parents = [path("fs.write", "new"), path("fs.write", "new/dir"), path("fs.write", "new/dir/other")];
    expect(permitted(policy, writing, parents)).toEqual([true, true, false]);
  });

  test("answers only the rules that asked about the call: another rule still holds beneath the directory it names", () => {
    const policy = policyOf({ a: ["fs.delete:**"] }, ["fs.delete:old/**", "fs.delete:old/keep/**"]);
    const removal = { resources: [path("fs.delete", "old")], approved: true };
    expect(permitted(policy, removal, [path("fs.delete", "old/a"), path("fs.delete", "old/keep/b")])).toEqual([
      true,
      false,
    ]);
  });
});

describe("a grant that need not be asked about", () => {
  test("settles a request it covers, also on the way, and not one it covers half of", () => {
    const policy = policyOf({ a: ["fs.write:**", "fs.write:src/**!"] }, ["fs.write:**"]);
    const asked = [path("fs.write", "src/y"), path("fs.write", "z")];
    expect(permitted(policy, { resources: [path("fs.write", "src/x")] }, asked)).toEqual([true, false]);
    expect(permitted(policy, { resources: asked }, [])).toBe("ask");
  });

  test("settles a call on a directory it names, beneath it as well", () => {
    const policy = policyOf({ a: ["fs.delete:**", "fs.delete:old!"] }, ["fs.delete:**"]);
    const beneath = [path("fs.delete", "old/a"), path("fs.delete", "older")];
    expect(permitted(policy, { resources: [path("fs.delete", "old")] }, beneath)).toEqual([true, false]);
    expect(permitted(policy, { resources: [path("fs.delete", "old/a")] }, [])).toBe("ask");
  });
});

test("a link is explained by who gave what, and by what it left out", () => {
  const policy = policyOf({ a: ["fs.read:**"], b: ["fs.read:**"] }, []);
  const links = [{ principal: agent("b"), within: ["fs.read:docs/**"] }];
  const request = {
    principal: agent("a"),
    capability: "fs.read",
    effect: "read",
    resources: [path("fs.read", "src/x")],
    now_ms: 0,
    links,
  } as const;
  const { decision, steps } = explain(policy, request);
  expect(decision).toMatchObject({
    effect: "deny",
    reason: 'fs.read on "src/x" is not among what agent:b gave this run',
  });
  expect(steps.find((step) => step.part === "link")).toEqual({
    part: "link",
    id: null,
    matched: false,
    text: 'agent:b gave this run fs.read:docs/**, and not fs.read on "src/x"',
  });
});

test("what a sub-agent is held to must be capabilities, and never control", () => {
  expect(() => checkWithin([])).not.toThrow();
  expect(() => checkWithin(["fs.read:src/**", "time.now", "fs.*"])).not.toThrow();
  for (const wrong of ["*", "fs", "", "fs.read:../x", "fs.read:/etc", "http.request:x"]) {
    expect(() => checkWithin([wrong])).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  }
  for (const control of ["policy.write", "config.write:x", "secrets.*", "policy.*"]) {
    expect(() => checkWithin([control])).toThrow(expect.objectContaining({ code: "permission_denied" }));
  }
  expect(() => checkWithin(Array.from({ length: 101 }, () => "time.now"))).toThrow(/at most 100/);
});

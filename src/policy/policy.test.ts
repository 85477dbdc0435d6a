import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { agent, operator } from "../define/principal.ts";
import { grantsOf, loadPolicy, parsePolicy, policyDigest } from "./policy.ts";

const dir = mkdtempSync(join(tmpdir(), "reeve-policy-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const provenance = { by: "operator", via: "cli", at: "2026-01-01T00:00:00Z" };
const grant = (id: string, more: object = {}) => ({
  id,
  capability: "fs.read:**",
  expires_at: null,
  provenance,
  ...more,
});
const rule = (id: string, more: object = {}) => ({
  id,
  effect: "deny",
  principal: "*",
  capability: "fs.write",
  reason: "no",
  ...more,
});
const file = (grants: readonly object[], rules: readonly object[] = [], more: object = {}) =>
  JSON.stringify({ version: 1, agents: { bot: { grants } }, rules, ...more });

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

describe("parsePolicy", () => {
  test("reads grants and rules, with comments", () => {
    const policy = parsePolicy(`// ours\n${file([grant("a")], [rule("b")])}`, "p");
    expect(policy.agents.get("bot")).toEqual([grant("a")] as never);
    expect(policy.rules).toEqual([rule("b")] as never);
    expect(policy.fault).toBeUndefined();
  });

  test("rules and agents may be left out", () => {
    expect(parsePolicy('{"version": 1}', "p")).toMatchObject({ rules: [], fault: undefined });
  });

  test("an agent may be called constructor", () => {
    const text = JSON.stringify({ version: 1, agents: { constructor: { grants: [grant("a")] } } });
    expect(parsePolicy(text, "p").agents.get("constructor")).toHaveLength(1);
  });

  const refused: readonly (readonly [name: string, text: string, code: string, message: string])[] = [
    ["an unknown version", '{"version": 2}', "failed_precondition", "p: version 2 is not known"],
    ["a missing version", "{}", "invalid_argument", "version"],
    ["a list", "[]", "invalid_argument", "p:"],
    ["an unknown key", '{"version": 1, "rule": []}', "invalid_argument", "rule: unknown key"],
    ["agents as a list", '{"version": 1, "agents": []}', "invalid_argument", "must be an object of agents by name"],
    [
      "an agent named by a path",
      '{"version": 1, "agents": {"../../x": {"grants": []}}}',
      "invalid_argument",
      "is not an agent name",
    ],
    [
      "an unknown key of an agent",
      '{"version": 1, "agents": {"a": {"grants": [], "x": 1}}}',
      "invalid_argument",
      "p: agents.a: x: unknown key",
    ],
    ["a bare star", file([grant("a", { capability: "*" })]), "invalid_argument", '"*" is not a capability'],
    ["a name without a dot", file([grant("a", { capability: "fs" })]), "invalid_argument", '"fs" is not a capability'],
    [
      "a pattern that leaves the workspace",
      file([grant("a", { capability: "fs.read:../**" })]),
      "invalid_argument",
      "can never match",
    ],
    [
      "a rule that can never match",
      file([], [rule("b", { capability: "fs.read:/etc/**" })]),
      "invalid_argument",
      "can never match",
    ],
    ["an end that is no time", file([grant("a", { expires_at: "tomorrow" })]), "invalid_argument", "RFC 3339"],
    ["30 February", file([grant("a", { expires_at: "2027-02-30T00:00:00Z" })]), "invalid_argument", "RFC 3339"],
    [
      "a grant without an end",
      file([{ ...grant("a"), expires_at: undefined }]),
      "invalid_argument",
      "expires_at: required",
    ],
    [
      "a grant without provenance",
      file([{ ...grant("a"), provenance: undefined }]),
      "invalid_argument",
      "provenance: required",
    ],
    ["an unknown effect", file([], [rule("b", { effect: "allow" })]), "invalid_argument", "rules.0.effect"],
    [
      "an unknown principal",
      file([], [rule("b", { principal: "root" })]),
      "invalid_argument",
      '"root" is not a principal',
    ],
    [
      "asking the operator",
      file([], [rule("b", { principal: "operator", effect: "ask" })]),
      "invalid_argument",
      "never asked",
    ],
    ["an id used twice", file([grant("a")], [rule("a")]), "invalid_argument", 'the id "a" is used twice'],
    ["half a file", file([grant("a")]).slice(0, -9), "data_loss", "p ends early"],
    ["nothing", "", "data_loss", "p is empty"],
    [
      "a duplicate agent",
      '{"version": 1, "agents": {"a": {"grants": []}, "a": {"grants": []}}}',
      "failed_precondition",
      'duplicate key "a"',
    ],
  ];
  for (const [name, text, code, message] of refused) {
    test(`refuses ${name}`, () => {
      const fault = faultOf(() => parsePolicy(text, "p"));
      expect([fault.code, fault.message.startsWith("p")]).toEqual([code as never, true]);
      expect(fault.message).toContain(message);
      expect(fault.hint).toBeTruthy();
    });
  }
});

test("loadPolicy names a file that is not there", () => {
  const path = join(dir, "absent.json");
  expect(faultOf(() => loadPolicy(path)).toRecord()).toMatchObject({
    code: "not_found",
    message: `${path}: no such file or directory`,
  });
});

test("loadPolicy remembers which bytes it read", () => {
  const path = join(dir, "policy.json");
  writeFileSync(path, file([]));
  const first = loadPolicy(path);
  writeFileSync(path, `${file([])}\n`);
  expect(loadPolicy(path).revision).not.toBe(first.revision);
});

describe("policyDigest", () => {
  const digest = (text: string) => policyDigest(parsePolicy(text, "p"));

  test("is of what the policy says, not of how it is written", () => {
    expect(digest(`// c\n${file([grant("a")])}`)).toBe(digest(file([grant("a")])));
  });

  test("changes with every field", () => {
    const variants = [
      file([grant("a")]),
      file([grant("b")]),
      file([grant("a", { expires_at: "2027-01-01T00:00:00Z" })]),
      file([grant("a", { provenance: { ...provenance, by: "x" } })]),
      file([grant("a")], [rule("r")]),
      file([grant("a")], [rule("r", { reason: "other" })]),
    ];
    expect(new Set(variants.map(digest)).size).toBe(variants.length);
  });
});

test("grantsOf lists all grants with their principals, or those of one", () => {
  const agents = { bot: { grants: [grant("a")] }, cat: { grants: [grant("b")] } };
  const policy = parsePolicy(JSON.stringify({ version: 1, agents }), "p");
  expect(grantsOf(policy).map(({ principal, id }) => [principal, id])).toEqual([
    ["agent:bot", "a"],
    ["agent:cat", "b"],
  ]);
  expect(grantsOf(policy, agent("cat"))).toEqual([{ principal: "agent:cat", ...grant("b") }] as never);
  expect(grantsOf(policy, operator)).toEqual([]);
});

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { readCases, testPolicy } from "./cases.ts";
import { parsePolicy } from "./policy.ts";

const dir = mkdtempSync(join(tmpdir(), "reeve-cases-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const provenance = { by: "operator", via: "cli", at: "2026-01-01T00:00:00Z" };
const grants = ["fs.read:src/**", "shell.exec:git status", "policy.write"].map((capability, i) => ({
  id: `g${i}`,
  capability,
  expires_at: null,
  provenance,
}));
const policy = parsePolicy(JSON.stringify({ version: 1, agents: { bot: { grants } } }), "p");
const options = { known: ["fs.read", "shell.exec", "policy.write", "runs.read"], now_ms: 0 };

test("each case says whether the policy decides as expected, and why", () => {
  const path = join(dir, "cases.json");
  const text = `[
    // what the bot may see
    { "principal": "agent:bot", "capability": "fs.read", "resource": "src/a", "expect": "allow" },
    { "principal": "agent:bot", "capability": "fs.read", "resource": "etc/a", "expect": "allow" },
    { "principal": "agent:bot", "capability": "shell.exec", "resource": "git status -s", "expect": "allow" },
    { "principal": "agent:bot", "capability": "policy.write", "expect": "deny" },
    { "principal": "agent:bot", "capability": "runs.read", "effect": "control", "expect": "deny" },
    { "principal": "operator", "capability": "policy.write", "expect": "allow" },
  ]`;
  writeFileSync(path, text);
  const results = testPolicy(policy, readCases(path), options);
  expect(results.map(({ ok, got }) => [ok, got])).toEqual([
    [true, "allow"],
    [false, "deny"],
    [true, "allow"],
    [true, "deny"],
    [true, "deny"],
    [true, "allow"],
  ]);
  expect(results[1]?.reason).toBe('no grant of agent:bot covers fs.read on "etc/a"');
});

test("a case about nothing is a fault, not a passed denial", () => {
  const about = (principal: string, capability: string) => () =>
    testPolicy(policy, [{ principal, capability, expect: "deny" }], options);
  expect(about("agent:bot", "fs.raed")).toThrow(Fault);
  expect(about("bot", "fs.read")).toThrow(Fault);
  const path = join(dir, "bad.json");
  writeFileSync(path, '[{ "principal": "agent:bot", "capability": "fs.read", "expects": "deny" }]');
  expect(() => readCases(path)).toThrow("0.expects: unknown key");
});

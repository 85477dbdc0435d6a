/** Speaking in the clear takes a grant that names the port: whatever else a grant covers, it does not say that. */
import { expect, test } from "bun:test";
import { agent, operator } from "../define/principal.ts";
import { Fault } from "../core/fault.ts";
import { namesPort } from "./plain.ts";
import type { Policy } from "./policy.ts";

const now_ms = Date.parse("2026-06-01T00:00:00Z");
const provenance = { by: "operator", via: "test", at: "2026-01-01T00:00:00Z" };

function holding(capability: string, expires_at: string | null = null): Policy {
  const grants = [{ id: "g", capability, expires_at, provenance }];
  return { agents: new Map([["bot", grants]]), rules: [], fault: undefined, revision: null };
}

const names = (policy: Policy, endpoint = "GET x.org:80/a") => namesPort(policy, agent("bot"), endpoint, now_ms);

test("a grant that names the port does, for what it covers", () => {
  for (const pattern of ["GET x.org:80", "* *.org:80", "GET x.org:80/a", "* *:80"]) {
    expect([pattern, names(holding(`http.request:${pattern}`))]).toEqual([pattern, true]);
  }
  expect(names(holding("http.*:GET x.org:80"))).toBe(true);
});

test("nothing else does", () => {
  const others = [
    "http.request",
    "http.*",
    "http.request:* x.org:*",
    "http.request:* *:*",
    "http.request:GET y.org:80",
  ];
  for (const capability of [
    ...others,
    "http.request:POST x.org:80",
    "http.request:GET x.org:80/b",
    "fs.read:**",
    "http.other:GET x.org:80",
  ]) {
    expect([capability, names(holding(capability))]).toEqual([capability, false]);
  }
  expect(names(holding("http.request:GET x.org:80", "2026-05-31T00:00:00Z"))).toBe(false);
  expect(namesPort(holding("http.request:GET x.org:80"), agent("cat"), "GET x.org:80/a", now_ms)).toBe(false);
});

test("the operator means what the operator does, unless policy cannot be read", () => {
  const policy = holding("fs.read");
  expect(namesPort(policy, operator, "GET x.org:80/a", now_ms)).toBe(true);
  const broken = { ...holding("http.request:GET x.org:80"), fault: new Fault("data_loss", "torn") };
  expect(namesPort(broken, operator, "GET x.org:80/a", now_ms)).toBe(false);
  expect(names(broken)).toBe(false);
});

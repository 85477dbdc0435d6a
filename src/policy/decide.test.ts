import { describe, expect, test } from "bun:test";
import { Fault } from "../core/fault.ts";
import { agent, operator, type Principal } from "../define/principal.ts";
import type { Effect } from "../define/tool.ts";
import { type Decision, decide, explain, mayHold, type ResourceRequest } from "./decide.ts";
import { denyAll, type Policy, parsePolicy } from "./policy.ts";

const provenance = { by: "operator", via: "test", at: "2026-01-01T00:00:00Z" };
const now_ms = Date.parse("2026-06-01T00:00:00Z");

function policyOf(agents: Readonly<Record<string, readonly string[]>>, rules: readonly string[] = []): Policy {
  const grants = Object.entries(agents).map(([name, held]) => [
    name,
    { grants: held.map((capability, i) => ({ id: `${name}-${i}`, capability, expires_at: null, provenance })) },
  ]);
  const parsed = rules.map((rule, i) => {
    const [effect, principal, ...rest] = rule.split(" ");
    return { id: `rule-${i}`, effect, principal, capability: rest.join(" "), reason: "so it is" };
  });
  return parsePolicy(JSON.stringify({ version: 1, agents: Object.fromEntries(grants), rules: parsed }), "test");
}

const path = (value: string, capability = "fs.read"): ResourceRequest => ({ capability, kind: "path", value });

function ask(
  policy: Policy,
  principal: Principal,
  capability: string,
  resources: readonly ResourceRequest[] = [],
  effect: Effect = "read",
): Decision {
  return decide(policy, { principal, capability, effect, resources, now_ms });
}

const bot = agent("bot");

describe("deny by default", () => {
  test("an agent without a grant, and one that does not exist, are denied", () => {
    const policy = policyOf({ bot: [], other: ["fs.read:**"] });
    expect(ask(policy, bot, "fs.read", [path("a")])).toMatchObject({
      effect: "deny",
      reason: 'no grant of agent:bot covers fs.read on "a"',
      proposal: false,
    });
    expect(ask(policy, agent("ghost"), "fs.read", [path("a")])).toMatchObject({
      effect: "deny",
      reason: "agent:ghost does not exist",
    });
  });

  test("agents named like members of every object do not exist either", () => {
    for (const name of ["constructor", "tostring", "prototype"])
      expect(ask(policyOf({}), agent(name), "time.now").effect).toBe("deny");
    expect(ask(policyOf({ constructor: ["time.now"] }), agent("constructor"), "time.now").effect).toBe("allow");
  });

  test("a policy that cannot be read denies everyone, the operator too, and says why", () => {
    const policy = denyAll(new Fault("data_loss", "policy.json is empty", { hint: "restore it" }));
    for (const principal of [operator, bot]) {
      const decision = ask(policy, principal, "time.now");
      expect(decision).toMatchObject({ effect: "deny", hint: "restore it", proposal: false });
      expect(decision.reason).toContain("policy.json is empty");
    }
  });
});

describe("grants", () => {
  test("cover their resources and no others", () => {
    const policy = policyOf({ bot: ["fs.read:src/**", "fs.read:*.md"] });
    expect(ask(policy, bot, "fs.read", [path("src/a/b.ts")])).toMatchObject({ effect: "allow", grants: ["bot-0"] });
    expect(ask(policy, bot, "fs.read", [path("secret/a")]).effect).toBe("deny");
    expect(ask(policy, bot, "fs.write", [path("src/a", "fs.write")]).effect).toBe("deny");
  });

  test("each of several resources needs its own cover, by different grants if need be", () => {
    const policy = policyOf({ bot: ["fs.write:new/**", "fs.delete:old/**"] });
    const move = (from: string, to: string) =>
      ask(policy, bot, "fs.write", [path(from, "fs.delete"), path(to, "fs.write")], "write");
    expect(move("old/a", "new/a")).toMatchObject({ effect: "allow", grants: ["bot-1", "bot-0"] });
    expect(move("new/a", "old/a").effect).toBe("deny");
    expect(move("old/a", "old/b").effect).toBe("deny");
  });

  test("a call that names no resource needs a grant for all of them", () => {
    expect(ask(policyOf({ bot: ["runs.read"] }), bot, "runs.read").effect).toBe("allow");
    expect(ask(policyOf({ bot: ["fs.read:**"] }), bot, "fs.read").effect).toBe("allow");
    expect(ask(policyOf({ bot: ["fs.read:src/**"] }), bot, "fs.read").effect).toBe("deny");
  });

  test("a resource of another capability does not stand in for the call's own", () => {
    const policy = policyOf({ bot: ["fs.read:**"] });
    expect(ask(policy, bot, "fs.write", [path("a")], "write").effect).toBe("deny");
  });

  test("a family covers its members at the dot and nowhere else", () => {
    const policy = policyOf({ bot: ["fs.*:src/**", "run.*"] });
    expect(ask(policy, bot, "fs.delete", [path("src/a", "fs.delete")]).effect).toBe("allow");
    expect(ask(policy, bot, "run.list").effect).toBe("allow");
    expect(ask(policy, bot, "runs.read").effect).toBe("deny");
    expect(ask(policy, bot, "fsx.read").effect).toBe("deny");
  });

  test("a bare star, which no file can hold, would grant nothing in memory either", () => {
    const held = ["*", "", "fs", "*.*"].map((capability, i) => ({
      id: `g${i}`,
      capability,
      expires_at: null,
      provenance,
    }));
    const policy: Policy = { ...policyOf({}), agents: new Map([["bot", held]]) };
    for (const capability of ["*", "", "fs", "fs.read", "policy.write"])
      expect(ask(policy, bot, capability).effect).toBe("deny");
  });

  test("an expired grant is denied by saying so, and ends at its very millisecond", () => {
    const grants = [{ id: "g", capability: "time.now", expires_at: "2026-06-01T00:00:00Z", provenance }];
    const policy = parsePolicy(JSON.stringify({ version: 1, agents: { bot: { grants } } }), "test");
    const at = (ms: number) =>
      decide(policy, { principal: bot, capability: "time.now", effect: "read", resources: [], now_ms: ms });
    expect(at(now_ms - 1).effect).toBe("allow");
    expect(at(now_ms)).toMatchObject({
      effect: "deny",
      reason: "the grant of time.now to agent:bot expired at 2026-06-01T00:00:00Z; it is now 2026-06-01T00:00:00.000Z",
    });
    expect(at(Number.NaN).effect).toBe("deny");
  });

  test("a malformed resource is denied to everyone, so no spelling evades a rule", () => {
    const policy = policyOf({ bot: ["fs.read:**"] }, ["deny * fs.read:secret/**"]);
    for (const value of ["x/../secret/a", "./secret/a", "/secret/a", "secret//a", "secret/", ""]) {
      for (const principal of [bot, operator])
        expect([value, ask(policy, principal, "fs.read", [path(value)]).effect]).toEqual([value, "deny"]);
    }
  });
});

describe("rules", () => {
  test("deny beats ask beats allow, whatever their order", () => {
    const policy = policyOf({ bot: ["fs.read:**"] }, ["ask agent:bot fs.read:a/**", "deny agent:* fs.*:a/b/**"]);
    expect(ask(policy, bot, "fs.read", [path("c")]).effect).toBe("allow");
    expect(ask(policy, bot, "fs.read", [path("a/c")])).toMatchObject({
      effect: "ask",
      reason: 'rule "rule-0" asks first: so it is',
    });
    expect(ask(policy, bot, "fs.read", [path("a/b/c")])).toMatchObject({ effect: "deny", proposal: false });
  });

  test("an ask rule grants nothing", () => {
    expect(ask(policyOf({ bot: [] }, ["ask * fs.read"]), bot, "fs.read", [path("a")]).effect).toBe("deny");
  });

  test("one denied resource denies the whole call", () => {
    const policy = policyOf({ bot: ["fs.read:**"] }, ["deny * fs.read:a"]);
    expect(ask(policy, bot, "fs.read", [path("b"), path("a")]).effect).toBe("deny");
  });

  test("bind only the principals they name", () => {
    const policy = policyOf({ bot: ["time.now"], cat: ["time.now"] }, [
      "deny agent:cat time.now",
      "deny operator system.read",
    ]);
    expect(ask(policy, bot, "time.now").effect).toBe("allow");
    expect(ask(policy, agent("cat"), "time.now").effect).toBe("deny");
    expect(ask(policy, operator, "time.now").effect).toBe("allow");
    expect(ask(policy, operator, "system.read").effect).toBe("deny");
  });

  test("a pattern that speaks of another kind of resource denies, where a grant would not allow", () => {
    const resource: ResourceRequest = { capability: "fs.read", kind: "name", value: "a" };
    expect(ask(policyOf({ bot: ["fs.read"] }, ["deny * fs.read:b"]), bot, "fs.read", [resource]).effect).toBe("deny");
    expect(ask(policyOf({ bot: ["fs.read:a"] }), bot, "fs.read", [resource]).effect).toBe("deny");
  });
});

describe("control", () => {
  const policy = policyOf({ bot: ["policy.write", "config.*", "fs.write:**", "policy.read"] }, [
    "deny * secrets.write",
  ]);

  test("is denied to an agent with a proposal, whatever was granted by hand", () => {
    expect(ask(policy, bot, "policy.write", [], "control")).toMatchObject({ effect: "deny", proposal: true });
    expect(ask(policy, bot, "config.write", [], "control")).toMatchObject({ effect: "deny", proposal: true });
    expect(ask(policy, bot, "fs.write", [path("a", "fs.write")], "control")).toMatchObject({
      effect: "deny",
      proposal: true,
    });
  });

  test("is known by its capability when a tool claims a lesser effect, also in a second resource and in permits", () => {
    const write: ResourceRequest = { capability: "policy.write", kind: "name", value: "x" };
    expect(ask(policy, bot, "policy.write", [], "read").effect).toBe("deny");
    expect(ask(policy, bot, "policy.read", [write], "read").effect).toBe("deny");
    const allowed = ask(policy, bot, "policy.read");
    expect(allowed.effect === "allow" && allowed.permits(write)).toBe(false);
  });

  test("makes no proposal of what a rule denies or an unknown agent asks", () => {
    expect(ask(policy, bot, "secrets.write", [], "control")).toMatchObject({ effect: "deny", proposal: false });
    expect(ask(policy, agent("ghost"), "policy.write", [], "control")).toMatchObject({
      effect: "deny",
      proposal: false,
    });
  });

  test("is the operator's, except where a rule says otherwise", () => {
    expect(ask(policy, operator, "policy.write", [], "control").effect).toBe("allow");
    expect(ask(policy, operator, "secrets.write", [], "control").effect).toBe("deny");
  });
});

describe("permits", () => {
  const policy = policyOf({ bot: ["fs.read:src/**", "fs.read:docs/**"] }, [
    "deny * fs.read:**/*.pem",
    "ask agent:* fs.read:docs/private/**",
  ]);
  const permitsOf = (principal: Principal) => {
    const decision = ask(policy, principal, "fs.read", [path("src")]);
    if (decision.effect !== "allow") throw new Error(decision.reason);
    return (value: string, capability?: string) => decision.permits(path(value, capability));
  };

  test("covers what another grant covers and skips what is denied, asked, uncovered or malformed", () => {
    const permits = permitsOf(bot);
    expect(["src/a", "docs/b"].map((value) => permits(value))).toEqual([true, true]);
    expect(["src/key.pem", "docs/private/x", "etc/x", "src/../etc"].map((value) => permits(value))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(permits("src/a", "fs.write")).toBe(false);
  });

  test("binds the operator to deny rules only", () => {
    const permits = permitsOf(operator);
    expect(["etc/x", "docs/private/x", "src/key.pem", "a/../b"].map((value) => permits(value))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("hints", () => {
  test("name the command that would grant it", () => {
    expect(ask(policyOf({ bot: [] }), bot, "fs.read", [path("src/a.ts")])).toMatchObject({
      hint: "the operator may grant it: reeve policy grant agent:bot 'fs.read:src/a.ts'",
    });
  });

  test("never repeat a value that would do something in a shell", () => {
    for (const value of ["'; id; '", "$(id)", "`id`", "a\nb", "a'b", "\u001b[2J", "\u202ea"]) {
      const decision = ask(policyOf({ bot: [] }), bot, "fs.read", [path(value)]);
      expect(decision).toMatchObject({ hint: "the operator may grant it: reeve policy grant agent:bot 'fs.read'" });
    }
  });
});

test("mayHold tells which capabilities an agent has at all, by unexpired grants only", () => {
  const policy = policyOf({ bot: ["fs.*:src/**", "time.now"] });
  expect(["fs.read", "time.now", "runs.read"].map((name) => mayHold(policy, bot, name, now_ms))).toEqual([
    true,
    true,
    false,
  ]);
  expect(mayHold(policy, agent("ghost"), "time.now", now_ms)).toBe(false);
  expect(mayHold(policy, operator, "runs.read", now_ms)).toBe(true);
  expect(mayHold(denyAll(new Fault("data_loss", "x")), operator, "runs.read", now_ms)).toBe(false);
  const expires_at = "2026-06-01T00:00:00Z";
  const grants = [{ id: "g", capability: "time.now", expires_at, provenance }];
  const ended = parsePolicy(JSON.stringify({ version: 1, agents: { bot: { grants } } }), "test");
  expect([now_ms - 1, now_ms].map((ms) => mayHold(ended, bot, "time.now", ms))).toEqual([true, false]);
});

describe("explain", () => {
  test("lists rules and grants in the order they were looked at and ends with the decision", () => {
    const policy = policyOf({ bot: ["fs.read:docs/**", "fs.read:src/**"] }, ["deny agent:cat fs.read"]);
    const { decision, steps } = explain(policy, {
      principal: bot,
      capability: "fs.read",
      effect: "read",
      resources: [path("src/a")],
      now_ms,
    });
    expect(decision.effect).toBe("allow");
    expect(steps.map(({ part, id, matched }) => [part, id, matched])).toEqual([
      ["rule", "rule-0", false],
      ["agent", null, true],
      ["grant", "bot-0", false],
      ["grant", "bot-1", true],
      ["decision", null, true],
    ]);
    expect(steps.at(-1)?.text).toBe('allow: granted by "bot-1"');
  });
});

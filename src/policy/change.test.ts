import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { agent, operator } from "../define/principal.ts";
import { changePolicy, grantOn, grantProfile, revokeFrom, savePolicy } from "./change.ts";
import { decide } from "./decide.ts";
import { denyAll, emptyPolicy, grantsOf, loadPolicy, parsePolicy, policyDigest } from "./policy.ts";
import { profiles } from "./profiles.ts";

const dir = mkdtempSync(join(tmpdir(), "reeve-change-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const provenance = { by: "operator", via: "cli", at: "2026-01-01T00:00:00Z" };
const known = [...new Set(profiles.operator.map((text) => text.split(":")[0] ?? "")), "policy.write"];
const options = { expires_at: null, provenance, known };
const bot = agent("bot");
let files = 0;
const newPath = () => join(dir, `policy-${files++}.json`);

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code;
    throw thrown;
  }
  return "nothing was thrown";
}

describe("grantOn", () => {
  test("adds a grant with its provenance, and the agent if need be, and leaves the old policy as it was", () => {
    const { policy, grant } = grantOn(emptyPolicy, bot, "fs.read:src/**", options);
    expect(grant).toMatchObject({ principal: "agent:bot", capability: "fs.read:src/**", expires_at: null, provenance });
    expect(grantsOf(policy)).toEqual([grant]);
    expect(grantsOf(emptyPolicy)).toEqual([]);
  });

  test("refuses what must not be granted", () => {
    const { policy } = grantOn(emptyPolicy, bot, "time.now", { ...options, expires_at: "2027-01-01T00:00:00Z" });
    expect(codeOf(() => grantOn(policy, operator, "time.now", options))).toBe("invalid_argument");
    expect(codeOf(() => grantOn(policy, bot, "policy.write", options))).toBe("permission_denied");
    expect(codeOf(() => grantOn(policy, bot, "time.nwo", options))).toBe("invalid_argument");
    for (const expires_at of ["2025-12-31T00:00:00Z", provenance.at, "soon", "2027-02-30T00:00:00Z"]) {
      expect(codeOf(() => grantOn(policy, bot, "fs.read", { ...options, expires_at }))).toBe("invalid_argument");
    }
    expect(codeOf(() => grantOn(policy, bot, "time.now", { ...options, expires_at: "2026-06-01T00:00:00Z" }))).toBe(
      "already_exists",
    );
    expect(codeOf(() => grantOn(denyAll(new Fault("data_loss", "x")), bot, "time.now", options))).toBe(
      "failed_precondition",
    );
  });

  test("a grant that need not be asked about may be added to a plain one, not the other way round, and survives the file", () => {
    const path = newPath();
    savePolicy(path, grantOn(emptyPolicy, bot, "fs.read:src/**", options).policy);
    const make = (more: object) =>
      changePolicy(path, (old) => grantOn(old, bot, "fs.read:src/**", { ...options, ...more }));
    expect(make({ unasked: true }).grant.unasked).toBe(true);
    expect(grantsOf(loadPolicy(path)).map((each) => each.unasked)).toEqual([undefined, true]);
    expect(codeOf(() => make({ unasked: true }))).toBe("already_exists");
    expect(codeOf(() => make({}))).toBe("already_exists");
    expect(policyDigest(loadPolicy(path))).not.toBe(
      policyDigest(parsePolicy(readFileSync(path, "utf8").replace(/"unasked": true,/, ""), "test")),
    );
    expect(() =>
      parsePolicy(readFileSync(path, "utf8").replace('"unasked": true', '"unasked": false'), "test"),
    ).toThrow();
  });

  test("a longer grant may be added to a shorter one", () => {
    const { policy } = grantOn(emptyPolicy, bot, "time.now", { ...options, expires_at: "2027-01-01T00:00:00Z" });
    expect(grantsOf(grantOn(policy, bot, "time.now", options).policy)).toHaveLength(2);
  });
});

describe("grantProfile", () => {
  test("writes each grant out, with the profile as its means", () => {
    const { policy, grants } = grantProfile(emptyPolicy, bot, "observer", { by: "operator", at: provenance.at, known });
    expect(grants.map(({ capability }) => capability)).toEqual([...profiles.observer]);
    expect(
      grants.every((grant) => grant.provenance.via === "profile observer" && grant.provenance.by === "operator"),
    ).toBe(true);
    expect(grantsOf(policy, bot)).toEqual([...grants]);
  });

  test("adds only what is missing", () => {
    const { policy } = grantProfile(emptyPolicy, bot, "observer", { by: "operator", at: provenance.at, known });
    const { grants } = grantProfile(policy, bot, "editor", { by: "operator", at: provenance.at, known });
    expect(grants.map(({ capability }) => capability)).toEqual([
      "fs.write:**",
      "fs.delete:**",
      "sessions.close",
      "agents.run",
    ]);
  });

  test("an observer reads everything and changes nothing, an editor changes files", () => {
    const may = (profile: "observer" | "editor", capability: string) => {
      const { policy } = grantProfile(emptyPolicy, bot, profile, { by: "operator", at: provenance.at, known });
      const resources = [{ capability, kind: "path", value: "a/b" }] as const;
      return decide(policy, { principal: bot, capability, effect: "write", resources, now_ms: 0 }).effect;
    };
    expect(["fs.read", "fs.write", "fs.delete"].map((name) => may("observer", name))).toEqual([
      "allow",
      "deny",
      "deny",
    ]);
    expect(["fs.read", "fs.write", "fs.delete"].map((name) => may("editor", name))).toEqual([
      "allow",
      "allow",
      "allow",
    ]);
  });
});

describe("revokeFrom", () => {
  const { policy } = grantProfile(emptyPolicy, bot, "observer", { by: "operator", at: provenance.at, known });
  const [first] = grantsOf(policy);

  test("takes away by id and by exact capability", () => {
    expect(revokeFrom(policy, bot, first?.id ?? "").revoked).toEqual([first] as never);
    expect(revokeFrom(policy, bot, "time.now").revoked.map(({ capability }) => capability)).toEqual(["time.now"]);
  });

  test("takes nothing when nothing has that name, or another agent holds it", () => {
    expect(revokeFrom(policy, bot, "fs.read")).toEqual({ policy, revoked: [] });
    expect(revokeFrom(policy, agent("cat"), "time.now").revoked).toEqual([]);
    expect(revokeFrom(policy, operator, "time.now").revoked).toEqual([]);
  });
});

describe("the file", () => {
  test("is written 0600, says what the policy says, and is explained by a comment", () => {
    const path = newPath();
    const { policy } = grantProfile(emptyPolicy, bot, "editor", { by: "operator", at: provenance.at, known });
    const saved = savePolicy(path, policy);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(policyDigest(loadPolicy(path))).toBe(policyDigest(policy));
    expect(saved.revision).toBe(loadPolicy(path).revision);
    expect(readFileSync(path, "utf8")).toStartWith("// Who may do what.");
  });

  test("keeps the operator's comments and layout through grants and revocations", () => {
    const path = newPath();
    savePolicy(path, grantOn(emptyPolicy, bot, "time.now", options).policy);
    const text = readFileSync(path, "utf8");
    const rules = `"rules": [\n    // keys stay here\n    {"id":"r1","effect":"deny","principal":"*","capability":"fs.read:**/*.pem","reason":"keys"}, /* odd */\n  ]`;
    const edited = text.replace('"rules": []', rules).replace('"bot": {', '// our bot\n    "bot": {');
    writeFileSync(path, edited);
    const { grant } = changePolicy(path, (policy) => grantOn(policy, bot, "fs.read:src/**", options));
    const during = readFileSync(path, "utf8");
    for (const kept of [rules, "// our bot", "// Who may do what."]) expect(during).toContain(kept);
    expect(grantsOf(loadPolicy(path))).toHaveLength(2);
    changePolicy(path, (policy) => revokeFrom(policy, bot, grant.id));
    expect(policyDigest(loadPolicy(path))).toBe(policyDigest(changePolicy(path, (policy) => ({ policy })).policy));
    for (const kept of [rules, "// our bot", "// Who may do what."]) expect(readFileSync(path, "utf8")).toContain(kept);
    expect(grantsOf(loadPolicy(path)).map(({ capability }) => capability)).toEqual(["time.now"]);
  });

  test("says the new policy also where small edits cannot express it", () => {
    const path = newPath();
    const two = grantProfile(emptyPolicy, bot, "observer", { by: "operator", at: provenance.at, known }).policy;
    const saved = savePolicy(path, two);
    const reversed = {
      ...saved,
      agents: new Map([
        ["bot", (saved.agents.get("bot") ?? []).toReversed()],
        ["cat", []],
      ]),
    };
    savePolicy(path, reversed);
    expect(policyDigest(loadPolicy(path))).toBe(policyDigest(reversed));
    expect(readFileSync(path, "utf8")).toStartWith("// Who may do what.");
    savePolicy(path, { ...loadPolicy(path), agents: new Map([["cat", []]]) });
    expect([...loadPolicy(path).agents.keys()]).toEqual(["cat"]);
  });

  test("is not written when nothing changes or the change throws", () => {
    const path = newPath();
    savePolicy(path, emptyPolicy);
    const before = statSync(path, { bigint: true });
    changePolicy(path, (policy) => revokeFrom(policy, bot, "time.now"));
    expect(codeOf(() => changePolicy(path, (policy) => grantOn(policy, bot, "policy.write", options)))).toBe(
      "permission_denied",
    );
    expect(statSync(path, { bigint: true }).ino).toBe(before.ino);
  });

  test("is not written over a change someone else made since it was read", () => {
    const path = newPath();
    const mine = savePolicy(path, emptyPolicy);
    changePolicy(path, (policy) => grantOn(policy, agent("cat"), "time.now", options));
    expect(codeOf(() => savePolicy(path, grantOn(mine, bot, "time.now", options).policy))).toBe("failed_precondition");
    expect(codeOf(() => savePolicy(path, emptyPolicy))).toBe("failed_precondition");
    expect(grantsOf(loadPolicy(path)).map(({ principal }) => principal)).toEqual(["agent:cat"]);
    savePolicy(path, emptyPolicy, { replace: true });
    expect(grantsOf(loadPolicy(path))).toEqual([]);
  });

  test("that is broken is left as it is", () => {
    const path = newPath();
    writeFileSync(path, '{"version": 1, "agents": {');
    expect(codeOf(() => changePolicy(path, (policy) => grantOn(policy, bot, "time.now", options)))).toBe("data_loss");
    expect(codeOf(() => savePolicy(path, emptyPolicy))).toBe("data_loss");
    expect(codeOf(() => savePolicy(path, denyAll(new Fault("data_loss", "x")), { replace: true }))).toBe(
      "failed_precondition",
    );
    expect(readFileSync(path, "utf8")).toBe('{"version": 1, "agents": {');
  });

  test("two processes granting at once lose no grant", async () => {
    const path = newPath();
    savePolicy(path, emptyPolicy);
    const code = (
      name: string,
    ) => `import { changePolicy, grantOn } from ${JSON.stringify(join(import.meta.dir, "change.ts"))};
      for (let i = 0; i < 20; i++) changePolicy(${JSON.stringify(path)}, (policy) =>
        grantOn(policy, { kind: "agent", name: "bot" }, "fs.read:${name}/" + i, { expires_at: null, provenance: ${JSON.stringify(provenance)}, known: ["fs.read"] }));`;
    const workers = ["left", "right"].map((name) =>
      Bun.spawn([process.execPath, "-e", code(name)], { env: {}, stderr: "inherit" }),
    );
    expect(await Promise.all(workers.map((worker) => worker.exited))).toEqual([0, 0]);
    const held = grantsOf(loadPolicy(path)).map(({ capability }) => capability);
    const wanted = ["left", "right"].flatMap((name) => Array.from({ length: 20 }, (_, i) => `fs.read:${name}/${i}`));
    expect(held.toSorted()).toEqual(wanted.toSorted());
    const beside = readdirSync(dir).filter((name) => join(dir, name).startsWith(`${path}.`));
    expect(beside.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

import { expect, spyOn, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import { newId } from "../core/id.ts";
import { operator } from "../define/principal.ts";
import { loadPolicy } from "../policy/policy.ts";
import { agentsHandle } from "./agents.ts";
import { fileDigest } from "./control.ts";
import type { Engine } from "./engine.ts";
import { useEstate } from "./testdata/estate.ts";

const estate = useEstate();
const run_id = newId();
const noRun = () => Promise.reject(new Error("not here"));

async function open() {
  const { keeper } = await estate.open();
  const directory = (name: string) => join(keeper.home.agents, name);
  return { keeper, directory, agents: agentsHandle(keeper, { principal: operator, run_id }, noRun) };
}

async function entriesFrom({ ledger }: Engine["keeper"], size: number) {
  return Promise.all(Array.from({ length: ledger.size() - size }, (_, i) => ledger.entry(size + i)));
}

test("a new agent has a persona of its own and no grant, and the ledger knows of it", async () => {
  const { keeper, directory, agents } = await open();
  const before = keeper.ledger.size();
  const append = spyOn(keeper.ledger, "append");
  const files = await agents.create("reviewer");
  expect(files.length).toBeGreaterThan(0);
  expect(readdirSync(directory("reviewer")).sort()).toEqual([...files].sort());
  expect(statSync(directory("reviewer")).mode & 0o077).toBe(0);
  expect(loadPolicy(keeper.home.policy).agents.get("reviewer")).toEqual([]);
  const sha256 = fileDigest(keeper.home.policy);
  expect(await entriesFrom(keeper, before)).toMatchObject([
    { type: "policy.changed", run: run_id, payload: { what: "agent", detail: "reviewer", sha256 } },
    { type: "agent.created", run: run_id, payload: { agent: "reviewer", sha256 } },
  ]);
  expect(append.mock.calls.map(([{ actor }]) => actor)).toEqual(["operator", "operator"]);
});

test("creating never overwrites: not an agent, not its persona, not its grants", async () => {
  const { keeper, directory, agents } = await open();
  const held = loadPolicy(keeper.home.policy).agents.get("default");
  await expect(agents.create("default")).rejects.toMatchObject({ code: "already_exists" });
  await agents.create("reviewer");
  writeFileSync(join(directory("reviewer"), "SOUL.md"), "mine\n");
  const size = keeper.ledger.size();
  await expect(agents.create("reviewer")).rejects.toMatchObject({ code: "already_exists" });
  expect(readFileSync(join(directory("reviewer"), "SOUL.md"), "utf8")).toBe("mine\n");
  expect(loadPolicy(keeper.home.policy).agents.get("default")).toEqual(held ?? []);
  expect(keeper.ledger.size()).toBe(size);
});

test("files that lie where an agent's would, or a link there, are left alone and make no agent", async () => {
  const { keeper, directory, agents } = await open();
  mkdirSync(directory("old"), { recursive: true });
  writeFileSync(join(directory("old"), "SOUL.md"), "of before\n");
  const outside = join(estate.directory, "outside-persona");
  mkdirSync(outside);
  symlinkSync(outside, directory("linked"));
  symlinkSync(join(estate.directory, "nowhere"), directory("dangling"));
  for (const name of ["old", "linked", "dangling"]) {
    await expect(agents.create(name)).rejects.toMatchObject({ code: "already_exists" });
    expect(loadPolicy(keeper.home.policy).agents.has(name)).toBe(false);
  }
  expect(readdirSync(directory("old"))).toEqual(["SOUL.md"]);
  expect(readdirSync(outside)).toEqual([]);
  expect(existsSync(join(estate.directory, "nowhere"))).toBe(false);
});

test("two that create the same agent at once make one, and one of them is told", async () => {
  const { keeper, agents } = await open();
  const size = keeper.ledger.size();
  const both = await Promise.allSettled([agents.create("twin"), agents.create("twin")]);
  expect(both.map((each) => each.status).sort()).toEqual(["fulfilled", "rejected"]);
  expect((await entriesFrom(keeper, size)).map((each) => each.type)).toEqual(["policy.changed", "agent.created"]);
});

test("nothing is left of an agent that could not be written into the policy", async () => {
  const { keeper, directory, agents } = await open();
  const whole = readFileSync(keeper.home.policy, "utf8");
  writeFileSync(keeper.home.policy, "{ torn");
  await expect(agents.create("reviewer")).rejects.toThrow();
  expect(existsSync(directory("reviewer"))).toBe(false);
  writeFileSync(keeper.home.policy, whole);
  await agents.create("reviewer");
});

test.each(["..", ".", "../x", "a/b", "a\\b", "", "Ops", "x".repeat(65), "a\0b", "*"])(
  "%j is no agent's name, and nothing is made of it",
  async (name) => {
    const { keeper, agents } = await open();
    const before = [fileDigest(keeper.home.policy), fileDigest(keeper.home.config), existsSync(keeper.home.agents)];
    await expect(agents.create(name)).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(agents.switch(name)).rejects.toMatchObject({ code: "invalid_argument" });
    expect([fileDigest(keeper.home.policy), fileDigest(keeper.home.config), existsSync(keeper.home.agents)]).toEqual(
      before,
    );
  },
);

test("switching makes an agent the default, once in the ledger, and an unknown one is not switched to", async () => {
  const { keeper, agents } = await open();
  await agents.create("reviewer");
  const size = keeper.ledger.size();
  await expect(agents.switch("ghost")).rejects.toMatchObject({ code: "not_found" });
  expect(loadConfig(keeper.home.config).agent.default).toBe("default");
  await agents.switch("reviewer");
  await agents.switch("reviewer");
  expect(loadConfig(keeper.home.config).agent.default).toBe("reviewer");
  const sha256 = fileDigest(keeper.home.config);
  expect(await entriesFrom(keeper, size)).toMatchObject([
    { type: "config.changed", run: run_id, payload: { fields: ["agent.default"], sha256 } },
  ]);
});

test("the list tells who there is, with their persona in the order of the prompt, and who answers by default", async () => {
  const { directory, agents } = await open();
  await agents.create("reviewer");
  writeFileSync(join(directory("reviewer"), "HANDOFF.md"), "x");
  writeFileSync(join(directory("reviewer"), "notes.md"), "not part of it");
  await agents.switch("reviewer");
  const all = await agents.list();
  const names = Object.fromEntries(all.map((each) => [each.name, each]));
  expect(names["reviewer"]).toEqual({
    name: "reviewer",
    persona: ["SOUL.md", "RULES.md", "HANDOFF.md"],
    grants: 0,
    is_default: true,
  });
  expect(names["default"]).toMatchObject({ is_default: false });
  expect(names["default"]?.grants).toBeGreaterThan(0);
});

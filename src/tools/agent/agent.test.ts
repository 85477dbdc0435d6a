import { describe, expect, test } from "bun:test";
import type { AgentsHandle } from "../../define/handles.ts";
import { callTool } from "../testdata/call.ts";
import { create } from "./create.ts";
import { list } from "./list.ts";
import { run } from "./run.ts";
import { switchTo } from "./switch.ts";

const names = Array.from({ length: 60 }, (_, i) => `a${i}`);

function recording(): { readonly agents: AgentsHandle; readonly asked: unknown[] } {
  const asked: unknown[] = [];
  const agents: AgentsHandle = {
    list: async () => names.map((name) => ({ name, persona: ["SOUL.md"], grants: 2, is_default: name === "a0" })),
    create: async (name) => {
      asked.push(`create ${name}`);
      return ["SOUL.md", "RULES.md"];
    },
    switch: async (name) => {
      asked.push(`switch ${name}`);
    },
    run: async (request) => {
      asked.push(request);
      return { run_id: "r1", state: "failed", answer: "half of it", tool_calls: 4, fault: "out of budget" };
    },
  };
  return { agents, asked };
}

describe("the list", () => {
  test("is of the first 50 unless told, with the number of all", async () => {
    const { agents } = recording();
    const page = (await callTool(list, { agents })) as { readonly agents: readonly unknown[] };
    expect(page).toMatchObject({ total: 60, count: 50, limit: 50, offset: 0 });
    expect(page.agents[0]).toEqual({ name: "a0", persona: ["SOUL.md"], grants: 2, is_default: true });
    const last = { agents: [{ name: "a58" }, { name: "a59" }], total: 60, count: 2 };
    expect(await callTool(list, { agents }, { limit: 200, offset: 58 })).toMatchObject(last);
  });

  test.each([{ limit: 0 }, { limit: 201 }, { offset: -1 }])("refuses %j", async (input) => {
    await expect(callTool(list, recording(), input)).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

test("creating tells the files, and knows no way to overwrite", async () => {
  const { agents, asked } = recording();
  expect(await callTool(create, { agents }, { agent_id: "ops" })).toEqual({
    agent_id: "ops",
    seeded_files: ["SOUL.md", "RULES.md"],
  });
  const forced = callTool(create, { agents }, { agent_id: "ops", force: true });
  await expect(forced).rejects.toThrow("force: unknown key");
  expect(asked).toEqual(["create ops"]);
});

test("switching tells to whom", async () => {
  const { agents, asked } = recording();
  expect(await callTool(switchTo, { agents }, { agent_id: "ops" })).toEqual({ agent_id: "ops" });
  expect(asked).toEqual(["switch ops"]);
});

describe("a sub-agent", () => {
  test("is asked for with no more than was said", async () => {
    const { agents, asked } = recording();
    await callTool(run, { agents }, { task: "count" });
    const all = { task: "count", agent_id: "ops", capabilities: ["fs.read:src/**"], max_turns: 3, max_tokens: 1000 };
    await callTool(run, { agents }, all);
    expect(asked).toEqual([
      { task: "count" },
      { task: "count", agent: "ops", within: ["fs.read:src/**"], max_turns: 3, max_tokens: 1000 },
    ]);
  });

  test("held to no capability at all is not one held to everything", async () => {
    const { agents, asked } = recording();
    await callTool(run, { agents }, { task: "think", capabilities: [] });
    expect(asked).toEqual([{ task: "think", within: [] }]);
  });

  test("that failed is a result with its error, and what it had to say", async () => {
    expect(await callTool(run, recording(), { task: "count" })).toEqual({
      run_id: "r1",
      state: "failed",
      answer: "half of it",
      tool_calls: 4,
      error: "out of budget",
    });
  });

  test.each([{ task: "" }, { task: "x", max_turns: 0 }, { task: "x", max_tokens: 0.5 }, { task: "x", agent_id: "" }])(
    "is not asked for by %j",
    async (input) => {
      const { agents, asked } = recording();
      await expect(callTool(run, { agents }, input)).rejects.toMatchObject({ code: "invalid_argument" });
      expect(asked).toEqual([]);
    },
  );
});

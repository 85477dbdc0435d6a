/** policy.list, grant and revoke: agents by checked name, expiry in the future, pages. */
import { describe, expect, test } from "bun:test";
import type { GrantFacts, PolicyHandle } from "../../define/handles.ts";
import { principalText } from "../../define/principal.ts";
import { callTool } from "../testdata/call.ts";
import { grant } from "./grant.ts";
import { list } from "./list.ts";
import { revoke } from "./revoke.ts";

const facts = (id: string, principal = "agent:default"): GrantFacts => ({
  id,
  principal,
  capability: "fs.read",
  expires_at: null,
  provenance: { by: "operator", via: "init", at: "2026-01-01T00:00:00.000Z" },
});

function recording(): { readonly policy: PolicyHandle; readonly asked: unknown[] } {
  const asked: unknown[] = [];
  const policy: PolicyHandle = {
    list: async (principal) => {
      asked.push(principal && principalText(principal));
      return ["a", "b", "c"].map((id) => facts(id));
    },
    grant: async (principal, capability, options) => {
      asked.push(principalText(principal), capability, options);
      return facts("new");
    },
    revoke: async (principal, name) => {
      asked.push(principalText(principal), name);
      return name === "fs.read" ? [facts("a")] : [];
    },
  };
  return { policy, asked };
}

test("grants are listed in pages, of all or of one agent", async () => {
  const { policy, asked } = recording();
  expect(await callTool(list, { policy }, { limit: 2, offset: 2 })).toEqual({
    grants: [facts("c")],
    total: 3,
    count: 1,
    limit: 2,
    offset: 2,
  });
  await callTool(list, { policy }, { agent_id: "ops" });
  expect(asked).toEqual([undefined, "agent:ops"]);
});

describe("a grant", () => {
  test("without an end never expires", async () => {
    const { policy, asked } = recording();
    expect(await callTool(grant, { policy }, { agent_id: "ops", capability: "fs.write:src/**" })).toEqual({
      agent_id: "ops",
      granted: facts("new"),
    });
    expect(asked).toEqual(["agent:ops", "fs.write:src/**", { expires_at: null }]);
  });

  test("ends at the moment given, told in UTC", async () => {
    const { policy, asked } = recording();
    await callTool(grant, { policy }, { agent_id: "ops", capability: "x", expires_at: "2026-11-20T10:00:00+01:00" });
    expect(asked.at(-1)).toEqual({ expires_at: "2026-11-20T09:00:00.000Z" });
  });

  test.each(["2026-11-20T08:00:00.500Z", "2020-01-01T00:00:00Z", "2027-02-30T99:00:00Z", "tomorrow", ""])(
    "that would end at %j is refused before it is made",
    async (expires_at) => {
      const { policy, asked } = recording();
      await expect(callTool(grant, { policy }, { agent_id: "ops", capability: "x", expires_at })).rejects.toMatchObject(
        {
          code: "invalid_argument",
        },
      );
      expect(asked).toEqual([]);
    },
  );
});

test.each(["../../x", "Ops", "operator:x", "a b", "-a"])("%j is no agent for any of the three", async (agent_id) => {
  const { policy, asked } = recording();
  for (const [tool, input] of [
    [list, { agent_id }],
    [grant, { agent_id, capability: "fs.read" }],
    [revoke, { agent_id, capability: "fs.read" }],
  ] as const) {
    await expect(callTool(tool, { policy }, input)).rejects.toMatchObject({ code: "invalid_argument" });
  }
  expect(asked).toEqual([]);
});

test("revoking tells what went, and that nothing did", async () => {
  const { policy } = recording();
  expect(await callTool(revoke, { policy }, { agent_id: "ops", capability: "fs.read" })).toEqual({
    agent_id: "ops",
    changed: true,
    revoked: [facts("a")],
  });
  expect(await callTool(revoke, { policy }, { agent_id: "ops", capability: "fs.rea" })).toMatchObject({
    changed: false,
  });
});

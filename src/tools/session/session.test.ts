import { describe, expect, test } from "bun:test";
import type { SessionFacts, SessionsHandle } from "../../define/handles.ts";
import { callTool } from "../testdata/call.ts";
import { close } from "./close.ts";
import { list } from "./list.ts";

const open: SessionFacts = {
  id: "s1",
  agent: "agent:default",
  channel: "cli",
  user: "ada",
  room: "terminal",
  title: "t",
  created_at: "2026-01-01T00:00:00.000Z",
  updated_at: "2026-01-02T00:00:00.000Z",
  closed_at: null,
  messages: 3,
};
const closed: SessionFacts = { ...open, id: "s2", closed_at: "2026-01-03T00:00:00.000Z" };

function recording(): { readonly sessions: SessionsHandle; readonly asked: unknown[] } {
  const asked: unknown[] = [];
  const sessions: SessionsHandle = {
    list: async (filter) => {
      asked.push(filter);
      return { sessions: [open], total: 9 };
    },
    get: async (id) => [open, closed].find((each) => each.id === id),
    close: async (id) => {
      asked.push(`close ${id}`);
      return id === closed.id ? (closed.closed_at ?? "") : "2026-01-04T00:00:00.000Z";
    },
  };
  return { sessions, asked };
}

describe("the list", () => {
  test("is of the last 50 open ones unless told", async () => {
    const { sessions, asked } = recording();
    expect(await callTool(list, { sessions })).toEqual({ sessions: [open], total: 9, count: 1, limit: 50, offset: 0 });
    expect(asked).toEqual([{ include_closed: false, limit: 50, offset: 0 }]);
  });

  test("is filtered by agent and place, the words taken as they are", async () => {
    const { sessions, asked } = recording();
    const input = {
      agent_id: "ops",
      channel: "*",
      user_id: "u%",
      room_id: "",
      include_closed: true,
      limit: 200,
      offset: 3,
    };
    await callTool(list, { sessions }, input);
    const place = { agent: "agent:ops", channel: "*", user: "u%", room: "" };
    expect(asked).toEqual([{ ...place, include_closed: true, limit: 200, offset: 3 }]);
  });

  test.each<[string, { readonly [key: string]: string | number }]>([
    ["limit", { limit: 0 }],
    ["limit", { limit: 201 }],
    ["limit", { limit: 1.5 }],
    ["offset", { offset: -1 }],
    ["agent", { agent_id: "../../x" }],
    ["include_closed", { include_closed: "yes" }],
    ["user_id", { user_id: "x".repeat(201) }],
  ])("refuses a %s out of bounds: %j", async (field, input) => {
    const { sessions, asked } = recording();
    await expect(callTool(list, { sessions }, input)).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(field),
    });
    expect(asked).toEqual([]);
  });
});

describe("closing", () => {
  test("tells when, and tells a session that was closed before", async () => {
    const { sessions } = recording();
    const found = { found: true, closed: true };
    expect(await callTool(close, { sessions }, { session_id: "s1" })).toEqual({
      session_id: "s1",
      ...found,
      already_closed: false,
      closed_at: "2026-01-04T00:00:00.000Z",
    });
    expect(await callTool(close, { sessions }, { session_id: "s2" })).toEqual({
      session_id: "s2",
      ...found,
      already_closed: true,
      closed_at: "2026-01-03T00:00:00.000Z",
    });
  });

  test("of a session that is not there changes nothing and is no error", async () => {
    const { sessions, asked } = recording();
    expect(await callTool(close, { sessions }, { session_id: "*" })).toEqual({
      session_id: "*",
      found: false,
      closed: false,
      already_closed: false,
      closed_at: null,
    });
    expect(asked).toEqual([]);
  });
});

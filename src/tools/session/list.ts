/** session.list: conversations kept at this home, newest first. */
import * as v from "valibot";
import { integer, resource } from "../../core/schema.ts";
import { agent, principalText } from "../../define/principal.ts";
import { defineTool } from "../../define/tool.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const place = v.optional(v.pipe(v.string(), v.maxLength(200)));

const sessionFacts = v.strictObject({
  id: v.string(),
  agent: v.string(),
  channel: v.string(),
  user: v.string(),
  room: v.string(),
  title: v.string(),
  created_at: v.string(),
  updated_at: v.string(),
  closed_at: v.nullable(v.string()),
  messages: count,
});

export const list = defineTool({
  name: "session.list",
  summary: "List your conversations, the last used first.",
  capability: "sessions.read",
  effect: "read",
  needs: ["sessions"],
  input: () =>
    v.strictObject({
      agent_id: v.optional(resource("agent")),
      channel: place,
      user_id: place,
      room_id: place,
      include_closed: v.optional(v.boolean(), false),
      limit: v.optional(integer(1, 200), 50),
      offset: v.optional(integer(0, 1_000_000_000), 0),
    }),
  output: () => v.strictObject({ sessions: v.array(sessionFacts), total: count, count, limit: count, offset: count }),
  examples: [{}, { include_closed: true, limit: 5 }],
  phrases: ["list my conversations", "which chats are open"],
  async handler({ sessions }, { agent_id, channel, user_id, room_id, include_closed, limit, offset }) {
    const found = await sessions.list({
      ...(agent_id === undefined ? {} : { agent: principalText(agent(agent_id)) }),
      ...(channel === undefined ? {} : { channel }),
      ...(user_id === undefined ? {} : { user: user_id }),
      ...(room_id === undefined ? {} : { room: room_id }),
      include_closed,
      limit,
      offset,
    });
    return { sessions: [...found.sessions], total: found.total, count: found.sessions.length, limit, offset };
  },
});

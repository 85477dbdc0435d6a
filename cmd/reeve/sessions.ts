/** `reeve sessions`: conversations that are kept, what was said in them, and ending them. */
import * as v from "valibot";
import { Fault } from "../../src/core/fault.ts";
import { integer } from "../../src/core/schema.ts";
import { defineCommand, defineGroup, described, option, toggle } from "../../src/define/command.ts";
import { principalText } from "../../src/define/principal.ts";
import { columns } from "./shell/columns.ts";
import { actAsOperator } from "./shell/control.ts";
import { withEngine } from "./shell/engine.ts";
import { principalNamed } from "./shell/principal.ts";

const sessionField = described(v.string(), "SESSION", "its id");

const list = defineCommand({
  name: "sessions list",
  summary: "List sessions, the last used first.",
  input: v.strictObject({
    agent: option(v.string(), "NAME", "only this agent's"),
    all: toggle("closed ones too"),
    limit: v.optional(v.pipe(integer(1, 1_000_000), v.title("N"), v.description("at most so many")), 20),
    offset: v.optional(v.pipe(integer(0, 1_000_000_000), v.title("N"), v.description("leave out so many first")), 0),
  }),
  run: (ctx, { agent, all, limit, offset }) =>
    withEngine(ctx, async ({ keeper }) => {
      const only = agent === undefined ? {} : { agent: principalText(principalNamed(agent)) };
      const { rows, total } = await keeper.sessions.list({ ...only, include_closed: all, limit, offset });
      return { sessions: rows, total };
    }),
  render: ({ sessions: rows, total }, paint) => {
    const lines = rows.map((row) => [
      row.id,
      row.agent,
      String(row.messages),
      row.updated_at,
      row.closed_at === null ? "open" : "closed",
      row.title,
    ]);
    const more = rows.length < total ? `\n${rows.length} of ${total}` : "";
    return `${columns(lines, ["SESSION", "AGENT", "MESSAGES", "LAST USED", "STATE", "TITLE"], paint, "no sessions")}${more}`;
  },
});

const show = defineCommand({
  name: "sessions show",
  summary: "Show what was said in a session.",
  positionals: ["session"],
  input: v.strictObject({
    session: sessionField,
    limit: v.optional(v.pipe(integer(1, 1_000_000), v.title("N"), v.description("at most so many messages")), 200),
    offset: v.optional(v.pipe(integer(0, 1_000_000_000), v.title("N"), v.description("leave out so many first")), 0),
  }),
  run: (ctx, { session, limit, offset }) =>
    withEngine(ctx, async ({ keeper }) => {
      const row = await keeper.sessions.get(session);
      if (!row) {
        throw new Fault("not_found", `there is no session ${JSON.stringify(session.slice(0, 64))}`, {
          hint: "see reeve sessions list",
        });
      }
      return { session: row, messages: await keeper.sessions.read(session, { limit, offset }) };
    }),
  render: ({ session, messages }, paint) =>
    [
      `${paint.strong(session.id)} ${session.agent} ${session.closed_at === null ? "open" : `closed ${session.closed_at}`}`,
      ...messages.map(({ role, content }) => `${paint.faint(`${role}:`)} ${content}`),
    ].join("\n"),
});

const close = defineCommand({
  name: "sessions close",
  summary: "Close a session; the next message starts another one.",
  positionals: ["session"],
  input: v.strictObject({ session: sessionField }),
  run: async (ctx, { session }) => {
    const output = v.looseObject({ session_id: v.string(), found: v.boolean(), closed_at: v.nullable(v.string()) });
    const result = await actAsOperator(ctx, "session.close", { session_id: session }, output);
    if (result.found) return result;
    throw new Fault("not_found", `there is no session ${JSON.stringify(session.slice(0, 64))}`, {
      hint: "see reeve sessions list",
    });
  },
  render: ({ session_id, closed_at }) => `session ${session_id} closed ${closed_at}`,
});

export const sessions = defineGroup({
  name: "sessions",
  summary: "List, show and close conversations.",
  commands: [list, show, close],
});

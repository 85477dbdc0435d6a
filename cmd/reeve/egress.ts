/** `reeve egress`: what went out and what was refused, and the tokens with which programs may go out. */
import { setTimeout as after } from "node:timers/promises";
import * as v from "valibot";
import { isJsonObject, type Json } from "../../src/core/canonical.ts";
import { rfc3339 } from "../../src/core/clock.ts";
import { Fault } from "../../src/core/fault.ts";
import { integer } from "../../src/core/schema.ts";
import {
  type CommandContext,
  defineCommand,
  defineGroup,
  described,
  option,
  toggle,
} from "../../src/define/command.ts";
import { openTail, type TailEntry } from "../../src/ledger/tail.ts";
import { columns } from "./shell/columns.ts";
import { requireAllowed, requireHome } from "./shell/control.ts";
import { withEngine } from "./shell/engine.ts";
import { timeOf } from "./shell/expiry.ts";
import { agentNamed } from "./shell/principal.ts";

const poll_ms = 200;
const longest_ms = 31 * 86_400_000;

const tail = defineCommand({
  name: "egress tail",
  summary: "Show the newest connections to the outside, allowed and refused.",
  input: v.strictObject({
    limit: v.optional(v.pipe(integer(1, 10_000), v.title("N"), v.description("how many entries")), 20),
    follow: toggle("go on with each new one until interrupted; with --json one document a line"),
  }),
  details: "From the ledger, newest last. They are shown as they stand; reeve verify-ledger proves them.",
  run: showTail,
  render: ({ entries }, paint) =>
    columns(entries.map(cells), ["TIME", "WHAT", "WHO", "TO", "ADDRESS", "UP", "DOWN", "STATUS"], paint, "nothing yet"),
});

async function showTail(
  ctx: CommandContext,
  { limit, follow }: { readonly limit: number; readonly follow: boolean },
): Promise<{ readonly entries: readonly TailEntry[] }> {
  requireHome(ctx);
  const entries = openTail(ctx.home.ledger);
  try {
    const last = entries.last("egress.", limit);
    if (!follow) return { entries: last };
    for (let news = last; ; news = entries.next("egress.")) {
      for (const entry of news) ctx.screen.write(`${lineOf(entry, ctx.json)}\n`);
      await after(poll_ms, undefined, { signal: ctx.signal });
    }
  } finally {
    entries.close();
  }
}

function lineOf(entry: TailEntry, json: boolean): string {
  return json
    ? JSON.stringify(entry)
    : cells(entry)
        .filter((cell) => cell !== "")
        .join("  ");
}

function cells({ ts, type, actor, payload }: TailEntry): readonly string[] {
  const facts = isJsonObject(payload) ? payload : {};
  const text = (value: Json | undefined) =>
    typeof value === "string" || typeof value === "number" ? String(value) : "";
  const place = facts["host"] == null ? "" : `${text(facts["host"])}:${text(facts["port"])}`;
  const addresses = Array.isArray(facts["addresses"]) ? facts["addresses"].map(text).join(",") : "";
  const to = [text(facts["method"]), place].filter((part) => part !== "").join(" ");
  const end = text(facts["status"]) || text(facts["reason"]);
  const what = type.slice("egress.".length);
  return [ts, what, actor, to, addresses, text(facts["bytes_up"]), text(facts["bytes_down"]), end];
}

const positive = integer(1, Number.MAX_SAFE_INTEGER);

const issue = defineCommand({
  name: "egress issue",
  summary: "Make a token with which a program may go out through the egress service.",
  input: v.strictObject({
    agent: described(v.string(), "NAME", "the agent it acts for, whose policy holds for it as well"),
    host: described(
      v.pipe(v.array(v.string()), v.minLength(1)),
      "HOST",
      "a host it may reach, or *.HOST; may be repeated",
    ),
    expires: described(v.string(), "WHEN", "30m, 12h or 7d from now, or a time; at most 31 days"),
    port: v.optional(v.pipe(integer(1, 65_535), v.title("PORT"), v.description("the port it may reach")), 443),
    max_bytes_up: option(positive, "BYTES", "it may send in all"),
    max_bytes_down: option(positive, "BYTES", "it may receive in all"),
    max_connections: option(positive, "N", "it may open in all"),
  }),
  details:
    "The token is shown once and kept nowhere. Give it to a program as https_proxy=http://operator:TOKEN@127.0.0.1:PORT.",
  examples: ["reeve egress issue --agent default --host api.github.com --expires 12h"],
  async run(ctx, { agent, host, expires, port, ...limits }) {
    const expires_at = timeOf(expires, Date.now());
    const left_ms = Date.parse(expires_at) - Date.now();
    if (left_ms <= 0 || left_ms > longest_ms) {
      throw new Fault("invalid_argument", `--expires ${JSON.stringify(expires)} is not within the next 31 days`, {
        hint: "write 30m, 12h or 7d",
      });
    }
    return withEngine(ctx, async (engine) => {
      requireAllowed(ctx, "egress.write");
      const grant = {
        run: "operator",
        agent: agentNamed(agent),
        hosts: host,
        ports: [port],
        expires_at,
        ...given(limits),
      };
      const { id, token } = (await engine.egress()).gate.book.issue(grant);
      await engine.keeper.ledger.append({
        type: "egress.token.issued",
        actor: "operator",
        run: null,
        payload: { token: id, ...grant },
      });
      return { id, token, agent: grant.agent, hosts: host, port, expires_at };
    });
  },
  render: ({ id, token, expires_at }) => `token ${id}, good until ${expires_at}, shown only now:\n${token}`,
});

const tokens = defineCommand({
  name: "egress tokens",
  summary: "List the tokens and how much of them is used.",
  input: v.strictObject({}),
  run: (ctx) =>
    withEngine(ctx, async (engine) => ({ tokens: (await engine.egress()).tokens.list(), now: rfc3339(Date.now()) })),
  render: ({ tokens: rows, now }, paint) =>
    columns(
      rows.map((row) => [
        row.id,
        row.agent,
        row.revoked_at !== null ? "revoked" : row.expires_at <= now ? "over" : "good",
        row.expires_at,
        String(row.connections),
        String(row.bytes_up),
        String(row.bytes_down),
      ]),
      ["ID", "AGENT", "STATE", "EXPIRES", "CONNECTIONS", "UP", "DOWN"],
      paint,
      "no tokens",
    ),
});

const revoke = defineCommand({
  name: "egress revoke",
  summary: "Take a token back; connections that use it end.",
  positionals: ["id"],
  input: v.strictObject({ id: described(v.string(), "ID", "of the token") }),
  run: (ctx, { id }) =>
    withEngine(ctx, async (engine) => {
      requireAllowed(ctx, "egress.write");
      if (!(await engine.egress()).gate.book.revoke(id)) {
        throw new Fault("not_found", `there is no good token ${JSON.stringify(id.slice(0, 100))}`, {
          hint: "see reeve egress tokens",
        });
      }
      const payload = { token: id };
      await engine.keeper.ledger.append({ type: "egress.token.revoked", actor: "operator", run: null, payload });
      return { id };
    }),
  render: ({ id }) => `revoked ${id}`,
});

export const egress = defineGroup({
  name: "egress",
  summary: "See what goes out, and give programs tokens for it.",
  commands: [tail, issue, tokens, revoke],
});

function given<T extends object>(limits: T): { readonly [K in keyof T]: NonNullable<T[K]> } {
  const entries = Object.entries(limits).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { readonly [K in keyof T]: NonNullable<T[K]> };
}

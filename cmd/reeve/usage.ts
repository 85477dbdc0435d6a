/** `reeve usage`: tokens, money and tool calls by agent, model, tool or day. */
import * as v from "valibot";
import { Fault } from "../../src/core/fault.ts";
import { defineCommand, option } from "../../src/define/command.ts";
import { principalText } from "../../src/define/principal.ts";
import { columns } from "./shell/columns.ts";
import { withEngine } from "./shell/engine.ts";
import { principalNamed } from "./shell/principal.ts";

export const usage = defineCommand({
  name: "usage",
  summary: "Show what was used: tokens, money, tool calls.",
  input: v.strictObject({
    by: v.optional(
      v.pipe(v.picklist(["agent", "model", "tool", "day"]), v.description("what each line stands for")),
      "agent",
    ),
    since: option(v.string(), "DATE", "from this day on, as 2026-01-31 (UTC)"),
    agent: option(v.string(), "NAME", "only this agent"),
  }),
  details:
    "What a model without a known price cost is shown as unknown and not counted; prices are set with model.prices.",
  examples: ["reeve usage --by day --since 2026-01-01", "reeve usage --by model --json"],
  run: (ctx, { by, since, agent }) => {
    if (since !== undefined && !isDate(since)) {
      throw new Fault("invalid_argument", `${JSON.stringify(since)} is not a day`, { hint: "write it as 2026-01-31" });
    }
    const only = agent === undefined ? undefined : principalText(principalNamed(agent));
    return withEngine(ctx, async ({ keeper }) => ({ by, rows: keeper.usage.totals(by, { since, agent: only }) }));
  },
  render: ({ by, rows }, paint) => {
    const lines = rows.map((row) => [
      row.key,
      String(row.turns),
      String(row.tool_calls),
      String(row.input_tokens),
      String(row.cached_tokens),
      String(row.output_tokens),
      costText(row),
    ]);
    const head = [by.toUpperCase(), "TURNS", "TOOL CALLS", "INPUT", "CACHED", "OUTPUT", "COST"];
    return columns(lines, head, paint, "nothing was used yet");
  },
});

/** What is known of the cost, and that it is not all. */
function costText(row: {
  readonly turns: number;
  readonly cost_microusd: number;
  readonly unpriced_turns: number;
}): string {
  if (row.unpriced_turns === 0) return `$${(row.cost_microusd / 1e6).toFixed(4)}`;
  const known = row.unpriced_turns < row.turns ? `$${(row.cost_microusd / 1e6).toFixed(4)} and ` : "";
  return `${known}unknown for ${row.unpriced_turns} turns`;
}

function isDate(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** `reeve usage`: tokens, money and tool calls by agent, model, tool or day. */
import * as v from "valibot";
import { Fault } from "../../src/core/fault.ts";
import { defineCommand, option } from "../../src/define/command.ts";
import { principalText } from "../../src/define/principal.ts";
import type { UsageTotals } from "../../src/store/usage.ts";
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
  details: `
    What a model without a known price cost is shown as unknown and not counted; prices are set with model.prices. A
    turn under way, or of a process that died, is counted by what was reserved for it. Days are those of UTC.`,
  examples: ["reeve usage --by day --since 2026-01-01", "reeve usage --by model --json"],
  run: (ctx, { by, since, agent }) => {
    if (since !== undefined && !isDate(since)) {
      throw new Fault("invalid_argument", `${JSON.stringify(since)} is not a day`, { hint: "write it as 2026-01-31" });
    }
    const only = agent === undefined ? undefined : principalText(principalNamed(agent));
    return withEngine(ctx, async ({ keeper }) => {
      const rows = keeper.usage.totals(by, { since, agent: only });
      return { by, rows, total: totalOf(rows) };
    });
  },
  render: ({ by, rows, total }, paint) => {
    const lines = (rows.length > 0 ? [...rows, total] : []).map((row) => [
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

const nothing: UsageTotals = {
  key: "total",
  turns: 0,
  tool_calls: 0,
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  cost_microusd: 0,
  unpriced_turns: 0,
  unsettled_turns: 0,
};

function totalOf(rows: readonly UsageTotals[]): UsageTotals {
  return rows.reduce(
    (sum, row) => ({
      key: sum.key,
      turns: sum.turns + row.turns,
      tool_calls: sum.tool_calls + row.tool_calls,
      input_tokens: sum.input_tokens + row.input_tokens,
      output_tokens: sum.output_tokens + row.output_tokens,
      cached_tokens: sum.cached_tokens + row.cached_tokens,
      cost_microusd: sum.cost_microusd + row.cost_microusd,
      unpriced_turns: sum.unpriced_turns + row.unpriced_turns,
      unsettled_turns: sum.unsettled_turns + row.unsettled_turns,
    }),
    nothing,
  );
}

/** What is known of the cost, that it is not all, and that some of it is only reserved. */
function costText({ turns, cost_microusd, unpriced_turns, unsettled_turns }: UsageTotals): string {
  const isKnown = unpriced_turns < turns || unpriced_turns === 0;
  const parts = [
    ...(isKnown ? [`$${(cost_microusd / 1e6).toFixed(4)}`] : []),
    ...(unpriced_turns > 0 ? [`unknown for ${turnsText(unpriced_turns)}`] : []),
  ];
  return `${parts.join(" and ")}${unsettled_turns > 0 ? `, ${turnsText(unsettled_turns)} not settled` : ""}`;
}

function turnsText(count: number): string {
  return count === 1 ? "1 turn" : `${count} turns`;
}

function isDate(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

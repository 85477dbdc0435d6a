/** metrics.get: how many runs ended how, and what each tool cost. */
import * as v from "valibot";
import { rfc3339 } from "../../core/clock.ts";
import { integer, resource } from "../../core/schema.ts";
import { agent, principalText } from "../../define/principal.ts";
import { defineTool } from "../../define/tool.ts";
import { runStates } from "../run/list.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const duration_ms = v.pipe(v.number(), v.minValue(0));

export const get = defineTool({
  name: "metrics.get",
  summary: "Count runs by state and tool calls with their errors and durations.",
  capability: "metrics.read",
  effect: "read",
  needs: ["runs"],
  input: () =>
    v.strictObject({
      agent_id: v.optional(resource("agent")),
      status: v.optional(v.picklist(runStates)),
      limit: v.optional(v.pipe(integer(1, 1000), v.description("runs looked at, newest first")), 200),
      offset: v.optional(integer(0, 1_000_000_000), 0),
    }),
  output: () =>
    v.strictObject({
      generated_at: v.string(),
      runs_total: count,
      states: v.record(v.string(), count),
      tool_calls_total: count,
      tools: v.array(
        v.strictObject({
          tool: v.string(),
          calls: count,
          errors: count,
          total_ms: duration_ms,
          average_ms: duration_ms,
          max_ms: duration_ms,
        }),
      ),
    }),
  examples: [{}, { status: "completed", limit: 100 }],
  phrases: ["how many runs failed", "which tools are used most", "tool errors and durations", "usage statistics"],
  async handler(ctx, { agent_id, status, limit, offset }) {
    const { runs_total, states, tools } = await ctx.runs.metrics({
      ...(agent_id === undefined ? {} : { principal: principalText(agent(agent_id)) }),
      ...(status === undefined ? {} : { state: status }),
      limit,
      offset,
    });
    return {
      generated_at: rfc3339(ctx.now()),
      runs_total,
      states: { ...states },
      tool_calls_total: tools.reduce((sum, each) => sum + each.calls, 0),
      tools: tools.map((each) => ({ ...each, average_ms: each.calls === 0 ? 0 : each.total_ms / each.calls })),
    };
  },
});

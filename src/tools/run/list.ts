/** run.list: the runs of this home, newest first. */
import * as v from "valibot";
import { integer, resource } from "../../core/schema.ts";
import type { RunState } from "../../define/handles.ts";
import { agent, principalText } from "../../define/principal.ts";
import { defineTool } from "../../define/tool.ts";

export const runStates = [
  "queued",
  "running",
  "waiting",
  "completed",
  "failed",
  "cancelled",
  "interrupted",
] as const satisfies readonly RunState[];

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const runFacts = v.strictObject({
  id: v.string(),
  principal: v.string(),
  source: v.pipe(v.string(), v.description("where the run was asked for")),
  state: v.picklist(runStates),
  created_at: v.string(),
  ended_at: v.nullable(v.string()),
  tool_calls: count,
  fault: v.pipe(v.nullable(v.string()), v.description("why it failed")),
});

export const list = defineTool({
  name: "run.list",
  summary: "List runs, newest first, by agent and state.",
  capability: "runs.read",
  effect: "read",
  needs: ["runs"],
  input: () =>
    v.strictObject({
      agent_id: v.optional(resource("agent")),
      status: v.optional(v.picklist(runStates)),
      limit: v.optional(integer(1, 200), 50),
      offset: v.optional(integer(0, 1_000_000_000), 0),
    }),
  output: () =>
    v.strictObject({
      runs: v.array(runFacts),
      total: v.pipe(count, v.description("runs that match, before limit and offset")),
      count,
      limit: count,
      offset: count,
    }),
  examples: [{}, { status: "failed", limit: 10 }],
  phrases: ["list the last runs", "what has run recently", "which runs failed", "history of runs"],
  async handler({ runs }, { agent_id, status, limit, offset }) {
    const found = await runs.list({
      ...(agent_id === undefined ? {} : { principal: principalText(agent(agent_id)) }),
      ...(status === undefined ? {} : { state: status }),
      limit,
      offset,
    });
    return { runs: [...found.runs], total: found.total, count: found.runs.length, limit, offset };
  },
});

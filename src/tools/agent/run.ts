/** agent.run: give a part of the work to another run, which holds and spends no more than the caller could. */
import * as v from "valibot";
import { integer, resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const run = defineTool({
  name: "agent.run",
  summary: "Give a task to a sub-agent and get its answer.",
  capability: "agents.run",
  effect: "execute",
  needs: ["agents"],
  flow: { untrusted: false, private: false, outward: false },
  input: () =>
    v.strictObject({
      task: v.pipe(v.string(), v.minLength(1), v.maxLength(100_000)),
      agent_id: v.optional(resource("agent")),
      capabilities: v.optional(
        v.pipe(
          v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(4200))),
          v.maxLength(64),
          v.description('all it may use of what you hold, as "fs.read:src/**"; everything when left out'),
        ),
      ),
      max_turns: v.optional(integer(1, 10_000)),
      max_tokens: v.optional(integer(1, 1_000_000_000)),
    }),
  output: () =>
    v.strictObject({
      run_id: v.string(),
      state: v.string(),
      answer: v.string(),
      tool_calls: v.pipe(v.number(), v.integer(), v.minValue(0)),
      error: v.nullable(v.string()),
    }),
  examples: [{ task: "Count the lines of every file in src.", capabilities: ["fs.read:src/**"] }],
  phrases: ["delegate to a sub-agent", "give part of the work to another agent"],
  async handler({ agents }, { task, agent_id, capabilities, max_turns, max_tokens }) {
    const { fault, ...done } = await agents.run({
      task,
      ...(agent_id === undefined ? {} : { agent: agent_id }),
      ...(capabilities === undefined ? {} : { within: capabilities }),
      ...(max_turns === undefined ? {} : { max_turns }),
      ...(max_tokens === undefined ? {} : { max_tokens }),
    });
    return { ...done, error: fault };
  },
});

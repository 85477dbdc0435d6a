/** agent.list: who can be asked at this home. */
import * as v from "valibot";
import { integer } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const list = defineTool({
  name: "agent.list",
  summary: "List the agents of this home.",
  capability: "agents.read",
  effect: "read",
  needs: ["agents"],
  input: () =>
    v.strictObject({
      limit: v.optional(integer(1, 200), 50),
      offset: v.optional(integer(0, 1_000_000_000), 0),
    }),
  output: () =>
    v.strictObject({
      agents: v.array(
        v.strictObject({ name: v.string(), persona: v.array(v.string()), grants: count, is_default: v.boolean() }),
      ),
      total: count,
      count,
      limit: count,
      offset: count,
    }),
  examples: [{}],
  phrases: ["which agents are there", "list the agents"],
  async handler({ agents }, { limit, offset }) {
    const all = await agents.list();
    const page = all.slice(offset, offset + limit).map((each) => ({ ...each, persona: [...each.persona] }));
    return { agents: page, total: all.length, count: page.length, limit, offset };
  },
});

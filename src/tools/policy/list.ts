/** policy.list: which capabilities are granted to whom. */
import * as v from "valibot";
import { integer, resource } from "../../core/schema.ts";
import { agent } from "../../define/principal.ts";
import { defineTool } from "../../define/tool.ts";

export const grantFacts = v.strictObject({
  id: v.string(),
  principal: v.string(),
  capability: v.string(),
  expires_at: v.nullable(v.string()),
  unasked: v.optional(v.pipe(v.literal(true), v.description("ask rules do not hold for what it covers"))),
  provenance: v.strictObject({ by: v.string(), via: v.string(), at: v.string() }),
});

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const list = defineTool({
  name: "policy.list",
  summary: "List the capabilities granted to agents, with resources, expiry and who granted them.",
  capability: "policy.read",
  effect: "read",
  needs: ["policy"],
  input: () =>
    v.strictObject({
      agent_id: v.optional(resource("agent")),
      limit: v.optional(integer(1, 200), 50),
      offset: v.optional(integer(0, 1_000_000), 0),
    }),
  output: () => v.strictObject({ grants: v.array(grantFacts), total: count, count, limit: count, offset: count }),
  examples: [{}, { agent_id: "default" }],
  phrases: [
    "what may the agent do",
    "which permissions are granted",
    "list the policy",
    "show grants and capabilities",
  ],
  async handler({ policy }, { agent_id, limit, offset }) {
    const all = await policy.list(agent_id === undefined ? undefined : agent(agent_id));
    const grants = all.slice(offset, offset + limit);
    return { grants, total: all.length, count: grants.length, limit, offset };
  },
});

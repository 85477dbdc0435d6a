/** agent.create: a new agent with a persona of its own and no grant. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const create = defineTool({
  name: "agent.create",
  summary: "Create an agent that may do nothing yet.",
  capability: "agents.write",
  effect: "control",
  needs: ["agents"],
  input: () => v.strictObject({ agent_id: resource("agent") }),
  output: () => v.strictObject({ agent_id: v.string(), seeded_files: v.array(v.string()) }),
  examples: [{ agent_id: "reviewer" }],
  phrases: ["create a new agent", "make another agent"],
  async handler({ agents }, { agent_id }) {
    return { agent_id, seeded_files: [...(await agents.create(agent_id))] };
  },
});

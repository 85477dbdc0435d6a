/** agent.switch: which agent answers when none is named. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const switchTo = defineTool({
  name: "agent.switch",
  summary: "Make an agent the one that answers when none is named.",
  capability: "agents.write",
  effect: "control",
  needs: ["agents"],
  input: () => v.strictObject({ agent_id: resource("agent") }),
  output: () => v.strictObject({ agent_id: v.string() }),
  examples: [{ agent_id: "reviewer" }],
  phrases: ["switch to another agent", "change the default agent"],
  async handler({ agents }, { agent_id }) {
    await agents.switch(agent_id);
    return { agent_id };
  },
});

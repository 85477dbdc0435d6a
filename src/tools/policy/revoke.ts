/** policy.revoke: take a grant back from an agent. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { agent } from "../../define/principal.ts";
import { defineTool } from "../../define/tool.ts";
import { grantFacts } from "./list.ts";

export const revoke = defineTool({
  name: "policy.revoke",
  summary: "Take a capability back from an agent.",
  capability: "policy.write",
  effect: "control",
  needs: ["policy"],
  input: () =>
    v.strictObject({
      agent_id: resource("agent"),
      capability: v.pipe(
        v.string(),
        v.minLength(1),
        v.maxLength(512),
        v.description("exactly as it was granted, or the id of one grant"),
      ),
    }),
  output: () =>
    v.strictObject({
      agent_id: v.string(),
      changed: v.boolean(),
      revoked: v.array(grantFacts),
    }),
  examples: [{ agent_id: "default", capability: "fs.write:notes/**" }],
  phrases: ["forbid an agent something", "revoke a permission"],
  async handler({ policy }, { agent_id, capability }) {
    const revoked = await policy.revoke(agent(agent_id), capability);
    return { agent_id, changed: revoked.length > 0, revoked: [...revoked] };
  },
});

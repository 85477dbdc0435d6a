/** policy.grant: give an agent a capability. */
import * as v from "valibot";
import { rfc3339 } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import { resource } from "../../core/schema.ts";
import { agent } from "../../define/principal.ts";
import { defineTool } from "../../define/tool.ts";
import { grantFacts } from "./list.ts";

export const grant = defineTool({
  name: "policy.grant",
  summary: "Grant an agent a capability, on some resources only and until a moment if wanted.",
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
        v.description("name or name:pattern, such as fs.write:src/**"),
      ),
      expires_at: v.optional(v.pipe(v.string(), v.isoTimestamp(), v.description("RFC 3339; never when absent"))),
    }),
  output: () => v.strictObject({ agent_id: v.string(), granted: grantFacts }),
  examples: [{ agent_id: "default", capability: "fs.write:notes/**" }],
  phrases: ["allow an agent to do something", "grant a permission"],
  async handler(ctx, { agent_id, capability, expires_at }) {
    const until = expires_at === undefined ? null : futureMoment(expires_at, ctx.now());
    return { agent_id, granted: await ctx.policy.grant(agent(agent_id), capability, { expires_at: until }) };
  },
});

/** Throws `invalid_argument` for a moment that does not exist or is over. */
function futureMoment(text: string, now_ms: number): string {
  const ms = Date.parse(text);
  if (Number.isFinite(ms) && ms > now_ms) return rfc3339(ms);
  const words = Number.isFinite(ms) ? "is not in the future" : "is not a moment";
  throw new Fault("invalid_argument", `expires_at ${JSON.stringify(text)} ${words}`, {
    hint: "write a later moment as 2030-01-31T12:00:00Z, or leave it out for a grant without end",
  });
}

/** session.close: end a conversation; the next message starts another one. */
import * as v from "valibot";
import { defineTool } from "../../define/tool.ts";

export const close = defineTool({
  name: "session.close",
  summary: "Close a conversation; what was said in it is kept.",
  capability: "sessions.close",
  effect: "write",
  needs: ["sessions"],
  flow: { untrusted: false, private: false, outward: false },
  input: () => v.strictObject({ session_id: v.pipe(v.string(), v.minLength(1), v.maxLength(64)) }),
  output: () =>
    v.strictObject({
      session_id: v.string(),
      found: v.boolean(),
      closed: v.boolean(),
      already_closed: v.boolean(),
      closed_at: v.nullable(v.string()),
    }),
  examples: [{ session_id: "01890a5d-ac96-774b-bcce-b302099a8057" }],
  phrases: ["close this conversation", "end the chat"],
  async handler({ sessions }, { session_id }) {
    const known = await sessions.get(session_id);
    if (!known) return { session_id, found: false, closed: false, already_closed: false, closed_at: null };
    const already_closed = known.closed_at !== null;
    return { session_id, found: true, closed: true, already_closed, closed_at: await sessions.close(session_id) };
  },
});

/** run.cancel: stop a run that is not over yet. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const cancel = defineTool({
  name: "run.cancel",
  summary: "Stop a run that is queued, running or waiting.",
  capability: "runs.cancel",
  effect: "write",
  needs: ["runs"],
  flow: { untrusted: false, private: false, outward: false },
  input: () => v.strictObject({ run_id: resource("run") }),
  output: () =>
    v.strictObject({
      run_id: v.string(),
      found: v.boolean(),
      cancelled: v.pipe(v.boolean(), v.description("false when the run was over already")),
    }),
  examples: [{ run_id: "01890a5d-ac96-774b-bcce-b302099a8057" }],
  phrases: ["cancel a run", "stop a running task"],
  async handler({ runs }, { run_id }) {
    const found = (await runs.get(run_id)) !== undefined;
    return { run_id, found, cancelled: found && (await runs.cancel(run_id)) };
  },
});

/** run.accept: what a run wrote after reading untrusted text is taken as the operator's own. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const accept = defineTool({
  name: "run.accept",
  summary: "Accept the files that a run and its sub-agents wrote after reading untrusted text.",
  capability: "runs.accept",
  effect: "control",
  needs: ["runs"],
  input: () => v.strictObject({ run_id: resource("run") }),
  output: () =>
    v.strictObject({
      run_id: v.string(),
      found: v.boolean(),
      accepted: v.pipe(v.number(), v.integer(), v.minValue(0), v.description("files that were in quarantine")),
    }),
  examples: [{ run_id: "01890a5d-ac96-774b-bcce-b302099a8057" }],
  phrases: ["accept the files a run wrote", "take files out of quarantine"],
  async handler({ runs }, { run_id }) {
    if ((await runs.get(run_id)) === undefined) return { run_id, found: false, accepted: 0 };
    return { run_id, found: true, accepted: await runs.accept(run_id) };
  },
});

/** run.revert: put back what a run and its sub-agents changed in the workspace, as one. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const revert = defineTool({
  name: "run.revert",
  summary: "Put back all files that a run and its sub-agents changed in the workspace, or none of them.",
  capability: "runs.undo",
  effect: "control",
  needs: ["runs"],
  input: () =>
    v.strictObject({
      run_id: resource("run"),
      force: v.pipe(
        v.optional(v.boolean(), false),
        v.description("also where something changed since; what is displaced is itself kept"),
      ),
    }),
  output: () =>
    v.strictObject({
      run_id: v.string(),
      found: v.boolean(),
      restored: v.pipe(v.array(v.string()), v.description("paths, in the order they were put back")),
      runs: v.pipe(v.array(v.string()), v.description("the run and those of its sub-agents")),
    }),
  examples: [{ run_id: "01890a5d-ac96-774b-bcce-b302099a8057" }],
  phrases: ["revert a run with its sub-agents", "take back everything a run did to files"],
  async handler({ runs }, { run_id, force }) {
    if ((await runs.get(run_id)) === undefined) return { run_id, found: false, restored: [], runs: [] };
    const done = await runs.revert(run_id, { force });
    return { run_id, found: true, restored: [...done.restored], runs: [...done.runs] };
  },
});

/** run.undo: put back what a run changed in the workspace. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const undo = defineTool({
  name: "run.undo",
  summary: "Put back the files that a run changed, moved or deleted in the workspace.",
  capability: "runs.undo",
  effect: "control",
  needs: ["runs"],
  input: () => v.strictObject({ run_id: resource("run") }),
  output: () =>
    v.strictObject({
      run_id: v.string(),
      found: v.boolean(),
      restored: v.pipe(v.array(v.string()), v.description("paths, in the order they were put back")),
    }),
  examples: [{ run_id: "01890a5d-ac96-774b-bcce-b302099a8057" }],
  phrases: ["undo a run", "restore the files a run changed"],
  async handler({ runs }, { run_id }) {
    if ((await runs.get(run_id)) === undefined) return { run_id, found: false, restored: [] };
    return { run_id, found: true, restored: [...(await runs.undo(run_id))] };
  },
});

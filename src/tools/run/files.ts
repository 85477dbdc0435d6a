/** run.files: what a run wrote in the workspace, and what became of it. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const files = defineTool({
  name: "run.files",
  summary: "List the files a run wrote in the workspace, and whether they are still as it wrote them.",
  capability: "runs.read",
  effect: "read",
  needs: ["runs"],
  input: () => v.strictObject({ run_id: resource("run") }),
  output: () =>
    v.strictObject({
      run_id: v.string(),
      found: v.boolean(),
      files: v.array(
        v.strictObject({
          path: v.string(),
          state: v.picklist(["as written", "changed since", "gone"]),
          quarantined: v.pipe(
            v.boolean(),
            v.description("written by a run that had read untrusted text, and not accepted by the operator"),
          ),
        }),
      ),
    }),
  examples: [{ run_id: "01890a5d-ac96-774b-bcce-b302099a8057" }],
  phrases: ["which files did a run write", "list the files a run changed"],
  async handler({ runs }, { run_id }) {
    if ((await runs.get(run_id)) === undefined) return { run_id, found: false, files: [] };
    return { run_id, found: true, files: [...(await runs.files(run_id))] };
  },
});

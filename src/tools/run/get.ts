/** run.get: one run by its id. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";
import { runFacts } from "./list.ts";

export const get = defineTool({
  name: "run.get",
  summary: "Show one run: who asked for it, its state, its times and its fault.",
  capability: "runs.read",
  effect: "read",
  needs: ["runs"],
  input: () => v.strictObject({ run_id: resource("run") }),
  output: () => v.strictObject({ run_id: v.string(), found: v.boolean(), run: v.nullable(runFacts) }),
  examples: [{ run_id: "01890a5d-ac96-774b-bcce-b302099a8057" }],
  phrases: ["show a run by its id", "why did a run fail", "state of a run"],
  async handler({ runs }, { run_id }) {
    const run = await runs.get(run_id);
    return { run_id, found: run !== undefined, run: run ?? null };
  },
});

/** `reeve undo`: what a run changed in the workspace is put back. */
import * as v from "valibot";
import { defineCommand, described } from "../../src/define/command.ts";
import { resolveRunId } from "../../src/engine/history.ts";
import { actThrough } from "./shell/control.ts";
import { withEngine } from "./shell/engine.ts";

export const undo = defineCommand({
  name: "undo",
  summary: "Put back what a run changed in the workspace.",
  positionals: ["run"],
  input: v.strictObject({ run: described(v.string(), "RUN", "its id, the beginning or end of it, or last") }),
  details: "A file that changed again since the run is named and left alone, and nothing else is put back either.",
  run: (ctx, { run }) =>
    withEngine(ctx, async (engine) => {
      const run_id = await resolveRunId(engine.keeper, run);
      const output = v.looseObject({ restored: v.array(v.string()) });
      const { restored } = await actThrough(engine, ctx.signal, "run.undo", { run_id }, output);
      return { run_id, restored };
    }),
  render: ({ run_id, restored }) =>
    restored.length
      ? [`undid run ${run_id}`, ...restored].join("\n")
      : `run ${run_id} changed nothing in the workspace`,
});

/** `reeve runs files`, `revert` and `accept`: what a run wrote, taking it back with its sub-agents', or taking it on. */
import * as v from "valibot";
import { defineCommand, described, toggle } from "../../../src/define/command.ts";
import { resolveRunId } from "../../../src/engine/history.ts";
import { columns } from "./columns.ts";
import { actThrough } from "./control.ts";
import { withEngine } from "./engine.ts";

const runField = described(v.string(), "RUN", "its id, the beginning or end of it, or last");

export const files = defineCommand({
  name: "runs files",
  summary: "List the files a run wrote, and whether they are still as it wrote them.",
  positionals: ["run"],
  input: v.strictObject({ run: runField }),
  details: "In quarantine are files written by a run that had read untrusted text, until `reeve runs accept RUN`.",
  run: (ctx, { run }) =>
    withEngine(ctx, async (engine) => {
      const run_id = await resolveRunId(engine.keeper, run);
      const file = v.looseObject({ path: v.string(), state: v.string(), quarantined: v.boolean() });
      const output = v.looseObject({ files: v.array(file) });
      const { files: found } = await actThrough(engine, ctx.signal, "run.files", { run_id }, output);
      return { run_id, files: found };
    }),
  render: ({ run_id, files: found }, paint) =>
    columns(
      found.map((file) => [file.path, file.state, file.quarantined ? "in quarantine" : ""]),
      ["PATH", "STATE", ""],
      paint,
      `run ${run_id} wrote no file that is still in the workspace`,
    ),
});

export const revert = defineCommand({
  name: "runs revert",
  summary: "Put back what a run and its sub-agents changed in the workspace, as one.",
  positionals: ["run"],
  input: v.strictObject({
    run: runField,
    force: toggle("also where a file changed again since; what is displaced is kept"),
  }),
  details: "Without --force a file that changed again since is named, and nothing is put back.",
  run: (ctx, { run, force }) =>
    withEngine(ctx, async (engine) => {
      const run_id = await resolveRunId(engine.keeper, run);
      const output = v.looseObject({ restored: v.array(v.string()), runs: v.array(v.string()) });
      const input = { run_id, force: force === true };
      const { restored, runs } = await actThrough(engine, ctx.signal, "run.revert", input, output);
      return { run_id, restored, runs };
    }),
  render: ({ run_id, restored }) =>
    restored.length
      ? [`reverted run ${run_id}`, ...restored].join("\n")
      : `run ${run_id} changed nothing in the workspace`,
});

export const accept = defineCommand({
  name: "runs accept",
  summary: "Take the files a run wrote out of quarantine.",
  positionals: ["run"],
  input: v.strictObject({ run: runField }),
  details: "Agents that read them are then no longer taken to have read untrusted text. Look at them first.",
  run: (ctx, { run }) =>
    withEngine(ctx, async (engine) => {
      const run_id = await resolveRunId(engine.keeper, run);
      const output = v.looseObject({ accepted: v.number() });
      const { accepted } = await actThrough(engine, ctx.signal, "run.accept", { run_id }, output);
      return { run_id, accepted };
    }),
  render: ({ run_id, accepted }) =>
    accepted > 0 ? `accepted ${accepted} files of run ${run_id}` : `run ${run_id} has no files in quarantine`,
});

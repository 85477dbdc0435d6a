/** `reeve runs`: what was done, how far it came, and whether it can be reproduced. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { writeAtomic } from "../../src/core/atomic.ts";
import { parseJson } from "../../src/core/canonical.ts";
import { asFault, Fault } from "../../src/core/fault.ts";
import { showInvisible } from "../../src/core/invisible.ts";
import { check, integer } from "../../src/core/schema.ts";
import { defineCommand, defineGroup, described, option } from "../../src/define/command.ts";
import { principalText } from "../../src/define/principal.ts";
import { bundleOf, checkSeal, resolveRunId } from "../../src/engine/history.ts";
import { readJournal } from "../../src/engine/journal.ts";
import { type Bits, join as joinBits, sourcesIn } from "../../src/engine/bits.ts";
import { replayBundle } from "../../src/engine/replay.ts";
import { runStates } from "../../src/tools/run/list.ts";
import { accept, files, revert } from "./shell/run-files.ts";
import { columns } from "./shell/columns.ts";
import { actThrough } from "./shell/control.ts";
import { withEngine } from "./shell/engine.ts";
import { principalNamed } from "./shell/principal.ts";

const runField = described(v.string(), "RUN", "its id, the beginning or end of it, or last");

const list = defineCommand({
  name: "runs list",
  summary: "List runs, newest first.",
  input: v.strictObject({
    principal: option(v.string(), "PRINCIPAL", "only runs of agent:NAME, NAME or operator"),
    state: option(v.picklist(runStates), "STATE", "only runs in this state"),
    limit: v.optional(v.pipe(integer(1, 1_000_000), v.title("N"), v.description("at most so many")), 20),
    offset: v.optional(v.pipe(integer(0, 1_000_000_000), v.title("N"), v.description("leave out so many first")), 0),
  }),
  run: (ctx, { principal, state, limit, offset }) =>
    withEngine(ctx, async ({ keeper }) => {
      const only = principal === undefined ? {} : { principal: principalText(principalNamed(principal)) };
      const { rows, total } = await keeper.runs.list({
        ...only,
        ...(state === undefined ? {} : { state }),
        limit,
        offset,
      });
      return { runs: rows.map(({ owner: _, end_seq: __, ...facts }) => facts), total };
    }),
  render: ({ runs: rows, total }, paint) => {
    const lines = rows.map((run) => [
      run.id,
      run.state,
      run.principal,
      String(run.tool_calls),
      run.created_at,
      run.fault ?? "",
    ]);
    const more = rows.length < total ? `\n${rows.length} of ${total}` : "";
    return `${columns(lines, ["RUN", "STATE", "PRINCIPAL", "CALLS", "CREATED", "FAULT"], paint, "no runs")}${more}`;
  },
});

const show = defineCommand({
  name: "runs show",
  summary: "Show one run: its state, its calls and its answer.",
  positionals: ["run"],
  input: v.strictObject({ run: runField }),
  run: (ctx, { run }) =>
    withEngine(ctx, async ({ keeper }) => {
      const id = await resolveRunId(keeper, run);
      const row = await keeper.runs.get(id);
      if (!row) throw new Fault("not_found", `there is no run ${id}`, { hint: "see reeve runs list" });
      const { owner: _, end_seq: __, ...facts } = row;
      const bundle = bundleOf(keeper, id);
      const lines = (bundleFile(bundle, "toolcalls.jsonl") ?? "").split("\n").filter(Boolean);
      const calls = lines.map((line) => check(recordedCall, parseJson(line, "toolcalls.jsonl"), "toolcalls.jsonl"));
      const { events } = readJournal(join(bundle, "events.jsonl"));
      const taint = taintFacts(events);
      return { ...facts, bundle, taint, calls, answer: bundleFile(bundle, "output.md") ?? null };
    }),
  render: (run, paint) =>
    [
      `${paint.strong(run.id)} ${run.state}`,
      `principal ${run.principal}, from ${run.source}`,
      `created ${run.created_at}${run.ended_at ? `, ended ${run.ended_at}` : ""}`,
      `bundle ${run.bundle}`,
      ...run.taint.sources.map(
        (each) =>
          `brought ${kindsOf(each)}: ${showInvisible(JSON.stringify(each.from)).text}${each.call ? `, by ${each.call} ${each.tool}` : ""}`,
      ),
      run.fault ? `fault ${run.fault}` : "",
      ...run.calls.map(
        (call) => `call ${call.request.name} ${JSON.stringify(call.request.arguments)}: ${outcomeOf(call)}`,
      ),
      run.answer?.trim() ? `answer\n${run.answer.trimEnd()}` : "",
    ]
      .filter(Boolean)
      .join("\n"),
});

const maxSources = 10;

/** What has come into a run's context, and the newest of what brought it. */
function taintFacts(events: Parameters<typeof sourcesIn>[0]) {
  const sources = sourcesIn(events);
  return { ...joinBits(...sources), sources: sources.slice(-maxSources) };
}

function kindsOf({ untrusted, private: secret }: Bits): string {
  return [untrusted && "words of strangers", secret && "private data"].filter(Boolean).join(" and ");
}

const recordedCall = v.looseObject({
  request: v.looseObject({ name: v.string(), arguments: v.unknown() }),
  /** Null for a call that was cut off. */
  result: v.nullable(v.looseObject({ error: v.optional(v.unknown()) })),
});

function outcomeOf({ result }: v.InferOutput<typeof recordedCall>): string {
  if (result === null) return "cut off: it may have happened";
  return result.error === undefined ? "done" : `refused or failed, ${JSON.stringify(result.error)}`;
}

const replay = defineCommand({
  name: "runs replay",
  summary: "Run a recorded run again from its recorded turns and results, and compare every byte.",
  positionals: ["run"],
  input: v.strictObject({ run: runField }),
  details: "Nothing is called and no model is asked: only what was recorded comes in.",
  statuses: [{ status: 14, meaning: "data_loss: the replay differs from the record, or the record was altered" }],
  run: (ctx, { run }) =>
    withEngine(ctx, async ({ keeper }) => {
      const id = await resolveRunId(keeper, run);
      const row = await keeper.runs.get(id);
      const replayed = await replayBundle(bundleOf(keeper, id));
      const differences = [...(row ? await checkSeal(keeper, row) : []), ...replayed.differences];
      return { ...replayed, differences, identical: differences.length === 0 };
    }),
  render: (result, paint) =>
    result.identical
      ? `${paint.good("identical")}: ${result.events} events of run ${result.run_id}`
      : [`${paint.bad("different")}: run ${result.run_id}`, ...result.differences].join("\n"),
  exit: (result) => (result.identical ? 0 : 14),
});

const exportOne = defineCommand({
  name: "runs export",
  summary: "Write the bundle of a run to one tar file.",
  positionals: ["run", "file"],
  input: v.strictObject({
    run: runField,
    file: described(v.string(), "FILE", "the file to make; an existing one is refused"),
  }),
  run: (ctx, { run, file }) =>
    withEngine(ctx, async ({ keeper }) => {
      const run_id = await resolveRunId(keeper, run);
      const path = resolve(ctx.cwd, file);
      if (existsSync(path)) throw new Fault("already_exists", `${path} exists already`, { hint: "name a new file" });
      const names = readdirSync(bundleOf(keeper, run_id)).sort();
      const contents = names.map(
        (name) => [`${run_id}/${name}`, readFileSync(join(bundleOf(keeper, run_id), name))] as const,
      );
      writeAtomic(path, await new Bun.Archive(Object.fromEntries(contents)).bytes());
      return { run_id, file: path, files: names };
    }),
  render: (result) => `exported run ${result.run_id} to ${result.file}: ${result.files.join(", ")}`,
});

const cancel = defineCommand({
  name: "runs cancel",
  summary: "Stop a run that is not over.",
  positionals: ["run"],
  input: v.strictObject({ run: runField }),
  run: (ctx, { run }) =>
    withEngine(ctx, async (engine) => {
      const run_id = await resolveRunId(engine.keeper, run);
      const { cancelled } = await actThrough(
        engine,
        ctx.signal,
        "run.cancel",
        { run_id },
        v.looseObject({ cancelled: v.boolean() }),
      );
      if (cancelled) return { run_id, cancelled };
      throw new Fault("failed_precondition", `run ${run_id} is over already`, {
        hint: `see reeve runs show ${run_id}`,
      });
    }),
  render: ({ run_id }) => `run ${run_id} was asked to stop`,
});

export const runs = defineGroup({
  name: "runs",
  summary: "List, show, replay, export, cancel and revert runs.",
  commands: [list, show, files, revert, accept, replay, exportOne, cancel],
});

/** A file of the bundle, or undefined for a run that ended before it was written. */
function bundleFile(bundle: string, name: string): string | undefined {
  try {
    return readFileSync(join(bundle, name), "utf8");
  } catch (thrown) {
    const fault = asFault(thrown, name);
    if (fault.code === "not_found") return undefined;
    throw fault;
  }
}

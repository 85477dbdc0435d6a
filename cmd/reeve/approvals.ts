/** `reeve approvals`: what agents wait for, shown exactly, and the operator's answer, after which the run goes on. */
import * as v from "valibot";
import { Fault, type FaultRecord } from "../../src/core/fault.ts";
import { integer } from "../../src/core/schema.ts";
import { type CommandContext, defineCommand, defineGroup, described } from "../../src/define/command.ts";
import { operator, parsePrincipal } from "../../src/define/principal.ts";
import {
  decideApproval,
  expireApprovals,
  inputOf,
  leavingIn,
  resourcesOf,
  takeApproval,
  wholeInputOf,
} from "../../src/engine/approvals.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { leavingLines } from "../../src/engine/leaving.ts";
import { resourceLines, visibleJson, visibleReason } from "../../src/engine/question.ts";
import { resultOfCall } from "../../src/engine/run-result.ts";
import type { ApprovalRow } from "../../src/store/approvals.ts";
import type { RunRow } from "../../src/store/runs.ts";
import { columns } from "./shell/columns.ts";
import { answerText, attended, type Conversation, exitOf, faultOf, waitingStatus } from "./shell/converse.ts";
import { withEngine } from "./shell/engine.ts";

const approvalField = described(v.string(), "APPROVAL", "its id, or the beginning or end of it");

const list = defineCommand({
  name: "approvals list",
  summary: "List what waits for an answer, newest first.",
  input: v.strictObject({
    state: v.optional(
      v.pipe(
        v.picklist(["pending", "approved", "denied", "expired", "used", "all"]),
        v.description("only those in this state"),
      ),
      "pending",
    ),
    limit: v.optional(v.pipe(integer(1, 1_000_000), v.title("N"), v.description("at most so many")), 20),
    offset: v.optional(v.pipe(integer(0, 1_000_000_000), v.title("N"), v.description("leave out so many first")), 0),
  }),
  run: (ctx, { state, limit, offset }) =>
    withEngine(ctx, async ({ keeper }) => {
      await expireApprovals(keeper);
      const { rows, total } = keeper.approvals.list({ ...(state === "all" ? {} : { state }), limit, offset });
      return { approvals: rows.map(({ input: _, resources: __, taint: ___, ...facts }) => facts), total };
    }),
  render: ({ approvals: rows, total }, paint) => {
    const lines = rows.map((row) => [row.id, row.state, row.kind, row.principal, row.tool, row.expires_at, row.reason]);
    const head = ["APPROVAL", "STATE", "KIND", "PRINCIPAL", "TOOL", "EXPIRES", "REASON"];
    const more = rows.length < total ? `\n${rows.length} of ${total}` : "";
    return `${columns(lines, head, paint, "nothing waits for an answer")}${more}`;
  },
});

const show = defineCommand({
  name: "approvals show",
  summary: "Show exactly what is asked.",
  positionals: ["approval"],
  input: v.strictObject({ approval: approvalField }),
  statuses: [{ status: 14, meaning: "data_loss: the stored call is not the one that was asked about" }],
  run: (ctx, { approval }) =>
    withEngine(ctx, async (engine) => {
      await expireApprovals(engine.keeper);
      const row = rowNamed(engine, approval);
      const { taint: _, ...facts } = row;
      return { ...facts, input: inputOf(row), resources: resourcesOf(row), leaving: leavingIn(row) };
    }),
  render: (row, paint) =>
    [
      `${paint.strong(row.id)} ${row.state}`,
      `${words[row.kind]} of ${row.principal}, ${row.call} of run ${row.run}`,
      `tool ${paint.strong(row.tool)}, capability ${row.capability}, effect ${row.effect}`,
      ...resourceLines(row.resources),
      `input ${visibleJson(row.input).join("\n")}`,
      ...(row.leaving ? leavingLines(row.leaving) : []),
      `reason ${visibleReason(row.reason)}`,
      `digest ${row.digest}`,
      `asked ${row.created_at}, expires ${row.expires_at}`,
      row.decided_by === null ? "" : `answered by ${row.decided_by} ${row.decided_at}${scopeText(row)}`,
      row.answer_reason === null ? "" : `because ${row.answer_reason}`,
    ]
      .filter(Boolean)
      .join("\n"),
});

interface Answered {
  readonly approval: string;
  readonly state: string;
  readonly scope: ApprovalRow["scope"];
  readonly tool: string;
  readonly run_id: string;
  /** How the run went on; null when it did not from here. */
  readonly run: Conversation | null;
  readonly fault?: FaultRecord;
}

const approve = defineCommand({
  name: "approvals approve",
  summary: "Approve a call; the run that waits for it goes on from there.",
  positionals: ["approval"],
  input: v.strictObject({
    approval: approvalField,
    for: v.optional(
      v.pipe(
        v.picklist(["once", "run", "always"]),
        v.description("this call, this tool for the rest of the run, or exactly this always, as a grant"),
      ),
      "once",
    ),
    resume: v.optional(v.pipe(v.boolean(), v.description("go on with the run; --no-resume leaves it waiting")), true),
  }),
  details: `
    An approval is of exactly the call shown by "reeve approvals show", is used once and expires. A proposal, which only
    the operator may carry out, is carried out as the operator's own act.`,
  examples: ["reeve approvals approve 0199a1b2", "reeve approvals approve 0199a1b2 --for run"],
  statuses: [waitingStatus],
  run: async (ctx, { approval, for: scope, resume }) => {
    // Loading the providers costs milliseconds that an answer alone does not need.
    const { providers } = resume ? await import("../../src/providers/index.ts") : { providers: [] };
    return withEngine(ctx, (engine) => approveOne(ctx, engine, { approval, scope, resume }), providers);
  },
  render: (result) => {
    const first = `${result.state === "used" ? "approved" : result.state} ${result.tool}${scopeText(result)}`;
    if (!result.run) return `${first}\nrun ${result.run_id} goes on with: reeve run --resume ${result.run_id}`;
    return [first, `run ${result.run.run_id} ${result.run.state}`, answerText(result.run)].filter(Boolean).join("\n");
  },
  failure: (result) => result.fault ?? (result.run ? faultOf(result.run) : undefined),
  exit: (result) => {
    if (result.fault) return new Fault(result.fault.code, result.fault.message).exitCode;
    return result.run ? exitOf(result.run) : 0;
  },
});

const deny = defineCommand({
  name: "approvals deny",
  summary: "Refuse a call, with a reason the agent is told when its run goes on.",
  positionals: ["approval"],
  input: v.strictObject({
    approval: approvalField,
    reason: described(v.pipe(v.string(), v.minLength(1), v.maxLength(2000)), "TEXT", "why; the agent is told"),
  }),
  examples: ["reeve approvals deny 0199a1b2 --reason 'write to drafts/ instead'"],
  run: (ctx, { approval, reason }) =>
    withEngine(ctx, async (engine) => {
      const { id, kind, tool, run: run_id } = rowNamed(engine, approval);
      const { state } = await decideApproval(deskOf(engine), id, operator, { decision: "deny", reason });
      return { approval: id, state, kind, tool, run_id };
    }),
  render: ({ tool, kind, run_id }) =>
    kind === "proposal" ? `denied ${tool}` : `denied ${tool}\nrun ${run_id} goes on with: reeve run --resume ${run_id}`,
});

export const approvals = defineGroup({
  name: "approvals",
  summary: "See what agents ask before they do it, and answer.",
  commands: [list, show, approve, deny],
});

const words = { call: "a call", repeat: "a call that may have happened already", proposal: "a proposal" } as const;

function scopeText({ scope }: Pick<ApprovalRow, "scope">): string {
  if (scope === "run") return " for this run";
  return scope === "always" ? " always, as a grant" : "";
}

function deskOf({ keeper, catalogue }: Engine) {
  return { ...keeper, catalogue };
}

async function approveOne(
  ctx: CommandContext,
  engine: Engine,
  asked: { readonly approval: string; readonly scope: "once" | "run" | "always"; readonly resume: boolean },
): Promise<Answered> {
  const row = rowNamed(engine, asked.approval);
  const go =
    row.kind === "proposal" ? planProposal(ctx, engine, row) : await planResume(ctx, engine, row, asked.resume);
  const decision = { decision: "approve", scope: asked.scope } as const;
  await decideApproval(deskOf(engine), row.id, operator, decision);
  const common = { approval: row.id, scope: asked.scope, tool: row.tool, run_id: row.run };
  const stateNow = () => engine.keeper.approvals.get(row.id)?.state ?? "approved";
  try {
    const run = await go();
    return { ...common, state: stateNow(), run };
  } catch (thrown) {
    // The answer stands, whatever kept the run from going on.
    if (!(thrown instanceof Fault) || thrown.code === "internal") throw thrown;
    return { ...common, state: stateNow(), run: null, fault: thrown.toRecord() };
  }
}

type Go = () => Promise<Conversation | null>;

/** What only the operator may do is done by the operator, once. */
function planProposal(ctx: CommandContext, engine: Engine, row: ApprovalRow): Go {
  const input = wholeInputOf(row, engine.catalogue.find(row.tool));
  return async () => {
    const verdict = await takeApproval(deskOf(engine), row, row.digest);
    if (verdict !== "approved") throw new Fault("failed_precondition", `the approval is ${verdict}`);
    return attended(ctx, false, operator, async (company) =>
      resultOfCall(await engine.call(operator, row.tool, input, { source: "cli", ...company })),
    );
  };
}

/** Throws `failed_precondition` where nothing waits for the answer any more. */
async function planResume(ctx: CommandContext, engine: Engine, row: ApprovalRow, resume: boolean): Promise<Go> {
  const root = await rootOf(engine.keeper, row.run);
  if (root && !["waiting", "interrupted", "running"].includes(root.state)) {
    throw new Fault("failed_precondition", `run ${root.id} is ${root.state}: nothing waits for this answer`, {
      hint: root.state === "completed" ? "ask again" : `take the run up first: reeve run --resume ${root.id}`,
    });
  }
  return async () => {
    if (!resume || !root) return null;
    if (root.state === "running") {
      ctx.note(`run ${root.id} is being driven by another process, which hears of the answer`);
      return null;
    }
    const principal = parsePrincipal(root.principal);
    return attended(ctx, false, principal, (company) => engine.resume(root.id, company));
  };
}

/** The run that can be taken up: a sub-agent's goes on with the one that started it. */
async function rootOf(keeper: Engine["keeper"], id: string): Promise<RunRow | undefined> {
  const row = await keeper.runs.get(id);
  return row && row.parent !== null ? rootOf(keeper, row.parent) : row;
}

/** Throws `not_found`, and `invalid_argument` when several match. */
function rowNamed({ keeper: { approvals: store } }: Engine, text: string): ApprovalRow {
  const hint = "see reeve approvals list";
  const ids = /^[0-9a-f-]{4,36}$/.test(text) ? store.matching(text) : [];
  if (ids.length > 1) throw new Fault("invalid_argument", `several approvals match ${JSON.stringify(text)}`, { hint });
  const row = ids[0] === undefined ? undefined : store.get(ids[0]);
  if (row) return row;
  throw new Fault("not_found", `there is no approval ${JSON.stringify(text.slice(0, 64))}`, { hint });
}

/** A call that was cut off between its intent and its outcome is never repeated unless a person says so. */
import { Fault } from "../core/fault.ts";
import { operator, principalText } from "../define/principal.ts";
import type { ToolRequest } from "../define/provider.ts";
import { decideApproval, digestOf, requestApproval } from "./approvals.ts";
import { againId } from "./batch.ts";
import type { Talk } from "./talk.ts";

/** What whoever takes up a run says in advance about calls that may have happened. */
export type InDoubt = "ask" | "skip" | "repeat";

export async function askRepeat(talk: Talk, request: ToolRequest): Promise<"repeat" | "skip" | "wait"> {
  const { door, run, in_doubt } = talk;
  if (in_doubt === "skip") {
    // What the model is told from here on rests on it, whatever is said when the run is taken up once more.
    run.journal.append({ type: "skipped", ts: run.ts(), call: request.id }, { durable: true });
  }
  if (in_doubt !== "ask") return in_doubt;
  const tool = talk.catalogue.find(request.tool);
  if (!tool) return "skip";
  const call = againId(request.id);
  const binding = {
    run: run.run_id,
    call,
    principal: principalText(run.principal),
    tool: tool.name,
    input: request.arguments,
  };
  const reason = "the process died while it was carried out: it may have happened already";
  const { capability, effect } = tool;
  const known = door.approvals.find(run.run_id, call);
  const row =
    known ?? (await requestApproval(door, { kind: "repeat", ...binding, capability, effect, resources: [], reason }));
  if (!known) {
    run.journal.append({ type: "waiting", ts: run.ts(), call, approval: row.id }, { durable: true });
  }
  let verdict = await door.taking.take(door, row, digestOf(binding));
  if (verdict === "pending") {
    run.tell({ type: "approval", approval: row.id, call_id: call, tool: tool.name, reason, state: "pending" });
    const { principal, input } = binding;
    const ask = { approval: row.id, kind: "repeat", principal, tool: tool.name, input, resources: [], reason } as const;
    const answer = await run.approve?.(ask, run.signal);
    const now = door.approvals.get(row.id);
    if (answer && now?.state === "pending") await decideApproval(door, row.id, operator, answer);
    const decided = door.approvals.get(row.id);
    if (!decided) throw new Fault("data_loss", `approval ${row.id} is gone`);
    verdict = await door.taking.take(door, decided, row.digest);
  }
  if (verdict === "pending") return "wait";
  const decided = door.approvals.get(row.id);
  const by = decided?.decided_by ?? "nobody";
  const answered = { call, approval: row.id, decision: verdict, by, reason: decided?.answer_reason ?? null };
  run.journal.append({ type: "answered", ts: run.ts(), ...answered }, { durable: true });
  return verdict === "approved" ? "repeat" : "skip";
}

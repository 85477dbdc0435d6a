/** The part of the door where policy asks first: the call waits for an answer to exactly it, however long that takes. */
import { canonicalize, type Json } from "../core/canonical.ts";
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { operator, principalText } from "../define/principal.ts";
import type { Tool } from "../define/tool.ts";
import type { ResourceRequest } from "../policy/decide.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import { decideApproval, digestOf, requestApproval, type takeApproval } from "./approvals.ts";
import type { Attempt } from "./door.ts";
import type { Leaving } from "./leaving.ts";
import { recordRefusal } from "./record.ts";
import type { Failure } from "./result.ts";

interface Asked {
  readonly recorded: Json;
  /** Whether `recorded` is the very input; what was withheld from the record cannot be approved from it. */
  readonly is_exact: boolean;
  readonly resources: readonly ResourceRequest[];
  readonly reason: string;
  /** What would leave, where the run's context is why it is asked. */
  readonly leaving?: Leaving | undefined;
}

/** `approved`, or how the call ends instead: denied, expired, or left waiting with code `approval.pending`. */
export async function askFirst(attempt: Attempt, tool: Tool, asked: Asked): Promise<"approved" | Failure> {
  const { door, scope, call_id } = attempt;
  const binding = {
    run: scope.run_id,
    call: call_id,
    principal: principalText(scope.principal),
    tool: tool.name,
    input: asked.recorded,
    tainted: asked.leaving !== undefined,
  };
  if (!binding.tainted && (await door.taking.takeForRun(door, binding))) return "approved";
  if (!asked.is_exact) {
    const fault = new Fault("failed_precondition", "a call that holds a secret cannot wait for an approval", {
      hint: "refer to the secret as {{secret:name}} instead of writing it",
    });
    return recordRefusal(attempt, tool.name, asked.recorded, "policy.denied", fault);
  }
  if (scope.links.length > 0 && !scope.approve) {
    const fault = new Fault("permission_denied", `${asked.reason}; a sub-agent cannot wait for the answer`, {
      hint: "make the call yourself, or ask the operator to allow it",
    });
    return recordRefusal(attempt, tool.name, asked.recorded, "policy.denied", fault);
  }
  const known = door.approvals.find(scope.run_id, call_id);
  const isSame = known && (known.taint !== null) === binding.tainted;
  const row = isSame ? known : await open(attempt, tool, asked, binding);
  const stored = await door.taking.take(door, row, digestOf(binding));
  const verdict = stored === "pending" ? await askPerson(attempt, asked, row) : stored;
  if (verdict instanceof Fault) return recordRefusal(attempt, tool.name, asked.recorded, "canceled", verdict);
  return conclude(attempt, tool, asked, verdict, row);
}

type Verdict = Awaited<ReturnType<typeof takeApproval>>;

async function open(
  attempt: Attempt,
  tool: Tool,
  asked: Asked,
  binding: Parameters<typeof digestOf>[0],
): Promise<ApprovalRow> {
  const { door, scope, call_id } = attempt;
  const { capability, effect } = tool;
  const { resources, reason, leaving } = asked;
  const row = await requestApproval(door, { kind: "call", ...binding, capability, effect, resources, reason, leaving });
  scope.journal.append(
    { type: "waiting", ts: rfc3339(door.clock.now()), call: call_id, approval: row.id },
    { durable: true },
  );
  return row;
}

/** A person who presses Ctrl-C at the question cancels the run; the question stays open. */
async function askPerson(attempt: Attempt, asked: Asked, row: ApprovalRow): Promise<Verdict | Fault> {
  const { door, scope, call_id } = attempt;
  const { tool, reason, principal } = row;
  scope.tell({ type: "approval", approval: row.id, call_id, tool, reason, state: "pending" });
  const { resources, recorded: input, leaving } = asked;
  const exhibit = leaving ? { leaving } : {};
  const ask = { approval: row.id, kind: "call", principal, tool, input, resources, reason, ...exhibit } as const;
  const answer = await scope.approve?.(ask, scope.signal).catch(canceledAnswer);
  if (answer instanceof Fault) return answer;
  // Somebody else may have answered meanwhile; whoever was first is heard.
  const now = door.approvals.get(row.id) ?? row;
  if (answer && now.state === "pending") await decideApproval(door, row.id, operator, answer);
  const decided = door.approvals.get(row.id) ?? row;
  return door.taking.take(door, decided, row.digest);
}

function canceledAnswer(thrown: unknown): Fault {
  if (thrown instanceof Fault && thrown.code === "canceled") return thrown;
  throw thrown;
}

async function conclude(
  attempt: Attempt,
  tool: Tool,
  asked: Asked,
  verdict: Verdict,
  { id }: ApprovalRow,
): Promise<"approved" | Failure> {
  const { door, scope, call_id: call } = attempt;
  if (verdict === "pending") {
    const fault = new Fault("failed_precondition", `${tool.name} waits for an approval: ${asked.reason}`, {
      hint: `see reeve approvals show ${id}`,
    });
    return { ok: false, code: "approval.pending", fault: fault.toRecord(), proposal: null, approval: id };
  }
  const row = door.approvals.get(id);
  const reason = row?.answer_reason == null ? null : door.scrubber().text(row.answer_reason);
  const by = row?.decided_by ?? "nobody";
  scope.journal.append(
    { type: "answered", ts: rfc3339(door.clock.now()), call, approval: id, decision: verdict, by, reason },
    { durable: true },
  );
  scope.tell({ type: "approval", approval: id, call_id: call, tool: tool.name, reason: asked.reason, state: verdict });
  if (verdict === "approved") return "approved";
  const words =
    verdict === "denied"
      ? `the operator denied it${reason ? `: ${reason}` : ""}`
      : "the time to answer or to use the approval is over";
  const fault = new Fault("permission_denied", words, { hint: "find another way, or end with what you have" });
  const code = verdict === "denied" ? "approval.denied" : "approval.expired";
  return recordRefusal(attempt, tool.name, asked.recorded, code, fault);
}

/** Whether two inputs are the same, byte for byte in canonical form. */
export function isSameInput(one: Json, other: Json): boolean {
  return canonicalize(one) === canonicalize(other);
}

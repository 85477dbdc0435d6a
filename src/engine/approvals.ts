/** Approvals: an answer belongs to the digest of exactly one call, is given by someone else, and is used once. */
import { join } from "node:path";
import * as v from "valibot";
import { canonicalize, isJsonObject, type Json, parseCanonical } from "../core/canonical.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { newId } from "../core/id.ts";
import { acquire } from "../core/lock.ts";
import { annotatedFields, fits } from "../core/schema.ts";
import { sha256Hex } from "../crypto/hash.ts";
import { type Principal, principalText, ringOf } from "../define/principal.ts";
import type { Tool } from "../define/tool.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ResourceRequest } from "../policy/decide.ts";
import type { ApprovalRow, ApprovalStore } from "../store/approvals.ts";
import { grantAlways, planAlways } from "./always.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Leaving } from "./leaving.ts";
import type { ApprovalAnswer } from "./scope.ts";

/** What approvals stand on. */
export interface ApprovalDesk {
  readonly home: Home;
  readonly ledger: Pick<Ledger, "append" | "entry" | "size">;
  readonly approvals: ApprovalStore;
  readonly clock: Clock;
}

/** How the answer to a question becomes the right to make its call. */
export interface Taking {
  readonly take: typeof takeApproval;
  readonly takeForRun: typeof takeForRun;
}

/** What an approval is bound to. `input` is the call's input as it may be recorded. */
export interface Binding {
  readonly run: string;
  readonly call: string;
  readonly principal: string;
  readonly tool: string;
  readonly input: Json;
  /** Whether it is asked for what came into the run's context: no answer to another question is one to this. */
  readonly tainted?: boolean;
}

/** SHA-256 of the canonical JSON of what is bound, lower-case hexadecimal. */
export function digestOf({ run, call, principal, tool, input, tainted }: Binding): string {
  const bound = { run, call, principal, tool, input, ...(tainted ? { tainted } : {}) };
  return sha256Hex(Buffer.from(canonicalize(bound), "utf8"));
}

/** Puts a question to the operator; it is in the ledger, as a digest, before it is anywhere else. */
export async function requestApproval(
  desk: ApprovalDesk & { readonly approval_expiry_ms: number },
  asked: Omit<Binding, "tainted"> & {
    readonly kind: ApprovalRow["kind"];
    readonly capability: string;
    readonly effect: string;
    readonly resources: readonly ResourceRequest[];
    readonly reason: string;
    readonly leaving?: Leaving | undefined;
  },
): Promise<ApprovalRow> {
  const { input, resources, kind, run, call, principal, tool, capability, effect, reason, leaving } = asked;
  const id = newId();
  const now = desk.clock.now();
  const [created_at, expires_at] = [rfc3339(now), rfc3339(now + desk.approval_expiry_ms)];
  const digest = digestOf({ ...asked, tainted: leaving !== undefined });
  const type = kind === "proposal" ? "proposal.created" : "approval.requested";
  const why = leaving ? { tainted: true } : {};
  const payload = { approval: id, kind, call, tool, capability, effect, digest, expires_at, ...why };
  await desk.ledger.append({ type, actor: principal, run, payload });
  const stored = { input: canonicalize(input), resources: canonicalize(resources.map((each) => ({ ...each }))) };
  const facts = { id, kind, run, call, principal, tool, capability, effect, digest, reason, created_at, expires_at };
  const taint = leaving ? canonicalize(leaving as unknown as Json) : null;
  desk.approvals.insert({ ...facts, ...stored, taint });
  return found(desk, id);
}

/**
 * Answers a question, once, whoever else tries at the same time. Throws `permission_denied` when an agent or the one who
 * asked answers, `not_found`, `failed_precondition` when it was answered already, its time is up, or "always" cannot be
 * said of exactly this, `invalid_argument` for more than "once" where only that makes sense, and `data_loss` when the
 * stored call was altered. The answer is in the ledger before it counts; with `always` the grants follow it.
 */
export async function decideApproval(
  desk: ApprovalDesk & { readonly catalogue: Catalogue },
  id: string,
  by: Principal,
  answer: ApprovalAnswer,
): Promise<ApprovalRow> {
  const actor = principalText(by);
  if (ringOf(by) > 0 || actor === found(desk, id).principal) {
    throw new Fault("permission_denied", "an approval is answered neither by an agent nor by the one who asked", {
      hint: "the operator answers: reeve approvals",
    });
  }
  return alone(desk, async () => {
    await expireDue(desk);
    const row = found(desk, id);
    inputOf(row);
    if (row.state !== "pending") throw answered(row);
    const scope = answer.decision === "approve" ? answer.scope : null;
    if (row.kind !== "call" && scope !== null && scope !== "once") {
      throw new Fault("invalid_argument", `a ${row.kind} is approved once, not ${scope}`, { hint: "answer once" });
    }
    if (row.taint !== null && scope !== null && scope !== "once") {
      throw new Fault("failed_precondition", `a call that could take private data out is approved once, not ${scope}`, {
        hint: "what the next one would take out has not been shown to anybody yet",
      });
    }
    const plan = scope === "always" ? planAlways(desk, row, resourcesOf(row), actor) : undefined;
    const state = answer.decision === "approve" ? "approved" : "denied";
    const answer_reason = answer.decision === "deny" ? answer.reason : null;
    const decided_at = rfc3339(desk.clock.now());
    const payload = { approval: id, decision: state, scope, digest: row.digest };
    const { seq } = await desk.ledger.append({ type: "approval.decided", actor, run: row.run, payload });
    const decision = { state, scope, answer_reason, decided_by: actor, decided_at, decided_seq: seq } as const;
    if (!desk.approvals.decide(id, decision)) throw answered(found(desk, id));
    if (plan) await grantAlways(desk, row, plan, actor);
    return found(desk, id);
  });
}

/**
 * What came of a question; an approval is thereby used up, so whoever is told `approved` makes the call and nobody else
 * does. `digest` is that of the call about to be made. Throws `data_loss` when the stored call is not that one or the
 * ledger does not say that it was approved, and `failed_precondition` for an approval that was used before.
 */
export async function takeApproval(
  desk: ApprovalDesk,
  { id }: ApprovalRow,
  digest: string,
): Promise<"approved" | "denied" | "expired" | "pending"> {
  await expireApprovals(desk);
  const row = found(desk, id);
  inputOf(row);
  if (row.digest !== digest) {
    throw new Fault("data_loss", `approval ${id} is about another call than the one to be made`, {
      hint: "nothing was carried out; the call has to be asked about again",
    });
  }
  if (row.state === "pending" || row.state === "denied" || row.state === "expired") return row.state;
  if (!desk.approvals.use(id, rfc3339(desk.clock.now()))) {
    const now = found(desk, id);
    if (now.state === "approved") return "expired";
    throw answered(now);
  }
  const used_seq = await recordUse(desk, row, row.call, digest);
  await checkRecord(desk, row, used_seq);
  return "approved";
}

/** Whether an approval "for this run" covers a later call of the same tool; its use is recorded. */
export async function takeForRun(desk: ApprovalDesk, binding: Binding): Promise<boolean> {
  const row = desk.approvals.heldForRun(binding.run, binding.tool);
  if (!row || row.principal !== binding.principal) return false;
  inputOf(row);
  await recordUse(desk, row, binding.call, digestOf(binding));
  await checkRecord(desk, row, 0);
  return true;
}

/** Marks and records what nobody answered or used in time; returns how many. */
export async function expireApprovals(desk: ApprovalDesk): Promise<number> {
  if (desk.approvals.due(rfc3339(desk.clock.now())).length === 0) return 0;
  return alone(desk, () => expireDue(desk));
}

/** The input of an approval's call, to the byte the one the digest was made of; throws `data_loss` for any other. */
export function inputOf(row: ApprovalRow): Json {
  const input = storedJson(row, row.input);
  if (digestOf({ ...row, input, tainted: row.taint !== null }) === row.digest) return input;
  throw altered(row);
}

/** The input of a proposal, for whoever makes its call. Throws `failed_precondition` where part of it was kept from the record. */
export function wholeInputOf(row: ApprovalRow, tool: Tool | undefined): Json {
  const input = inputOf(row);
  const keeps = tool === undefined || annotatedFields(tool.input).some((note) => note.secret === true);
  if (!keeps && !withheldMarks.test(row.input)) return input;
  throw new Fault("failed_precondition", `part of the input of ${row.tool} was withheld, so it cannot be repeated`, {
    hint: `make the call yourself; what it was like: reeve approvals show ${row.id}`,
  });
}

/** What stands in a record for what was kept from it, see vault/scrub.ts and catalogue.ts. */
const withheldMarks = /\[(?:secret(?::[^\]]*)?|withheld|redacted)\]/;

/** What an approval's call would take out; null where that is not what is asked. */
export function leavingIn(row: ApprovalRow): Leaving | null {
  return row.taint === null ? null : (storedJson(row, row.taint) as unknown as Leaving);
}

/** The resources an approval's call names. */
export function resourcesOf(row: ApprovalRow): readonly ResourceRequest[] {
  const value = storedJson(row, row.resources);
  if (!fits(resourcesSchema, value)) throw altered(row);
  return value as unknown as readonly ResourceRequest[];
}

const resourcesSchema = v.array(
  v.strictObject({
    capability: v.string(),
    kind: v.picklist(["path", "name", "agent", "run", "endpoint", "command"]),
    value: v.string(),
    wraps: v.optional(v.literal(true)),
    why: v.optional(v.string()),
  }),
);

const patience_ms = 10_000;

/** Runs `work` while no other process answers or expires anything, so that what is recorded is what counts. */
async function alone<T>({ home }: ApprovalDesk, work: () => Promise<T>): Promise<T> {
  const lock = await acquire(join(home.state, "approvals.lock"), patience_ms);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

async function expireDue({ approvals, ledger, clock }: ApprovalDesk): Promise<number> {
  const now = rfc3339(clock.now());
  const rows = approvals.due(now);
  for (const { id, run, digest, state } of rows) {
    const payload = { approval: id, was: state, digest };
    await ledger.append({ type: "approval.expired", actor: "operator", run, payload });
    approvals.expire(id, now);
  }
  return rows.length;
}

/** The number of the entry, before which this process has seen everything that others wrote. */
async function recordUse({ ledger }: ApprovalDesk, row: ApprovalRow, call: string, digest: string): Promise<number> {
  const payload = { approval: row.id, call, scope: row.scope, decided_by: row.decided_by, digest };
  return (await ledger.append({ type: "approval.used", actor: row.principal, run: row.run, payload })).seq;
}

/**
 * Whoever can write `state.db` can write an answer into it, so an answer counts only as far as the ledger tells of it:
 * exactly this one was given, and it was not used between then and `until`.
 */
async function checkRecord({ ledger }: Pick<ApprovalDesk, "ledger">, row: ApprovalRow, until: number): Promise<void> {
  const { id, scope, digest, decided_seq } = row;
  const said = decided_seq === null || decided_seq >= ledger.size() ? undefined : await ledger.entry(decided_seq);
  const answer = { approval: id, decision: "approved", scope, digest };
  const isAnswer = said?.type === "approval.decided" && canonicalize(said.payload) === canonicalize(answer);
  if (decided_seq === null || !isAnswer) throw altered(row);
  for (let seq = decided_seq + 1; seq < until; seq++) {
    const { type, payload } = await ledger.entry(seq);
    if (type === "approval.used" && isJsonObject(payload) && payload["approval"] === id) throw altered(row);
  }
}

function storedJson(row: ApprovalRow, text: string): Json {
  try {
    return parseCanonical(text);
  } catch (cause) {
    throw altered(row, cause);
  }
}

function altered({ id }: ApprovalRow, cause?: unknown): Fault {
  return new Fault("data_loss", `approval ${id} was altered in the state database`, {
    hint: "nothing is carried out by it; find out who wrote to state.db",
    ...(cause === undefined ? {} : { cause }),
  });
}

function found({ approvals }: Pick<ApprovalDesk, "approvals">, id: string): ApprovalRow {
  const row = approvals.get(id);
  if (row) return row;
  throw new Fault("not_found", `there is no approval ${JSON.stringify(id.slice(0, 64))}`, {
    hint: "see reeve approvals list",
  });
}

function answered({ id, state }: ApprovalRow): Fault {
  const words = state === "expired" ? "has expired" : `is ${state} already`;
  return new Fault("failed_precondition", `approval ${id} ${words}`, { hint: "see reeve approvals list" });
}

/**
 * What is written of a call, in the run's journal first and then in the ledger. Whatever came from outside passes the
 * scrubber here. Every function throws when it cannot write, and then nothing goes on.
 */
import { canonicalize, type Json } from "../core/canonical.ts";
import { rfc3339 } from "../core/clock.ts";
import { asFault, type Fault, type FaultRecord } from "../core/fault.ts";
import { cut } from "../core/text.ts";
import { base64, sha256 } from "../crypto/hash.ts";
import { randomBytes } from "../crypto/random.ts";
import { principalText, ringOf } from "../define/principal.ts";
import type { Tool } from "../define/tool.ts";
import type { ResourceRequest } from "../policy/decide.ts";
import type { Scrubber } from "../vault/scrub.ts";
import { requestApproval } from "./approvals.ts";
import type { Attempt, Door } from "./door.ts";
import type { CallCode, Failure, Success } from "./result.ts";

const maxRecordedInputBytes = 65_536;
const maxRecordedNameBytes = 200;

/** The digest is of a 16-byte salt and the canonical JSON of tool and input as recorded; the salt stays in the bundle. */
export async function recordIntent(
  attempt: Attempt,
  tool: Tool,
  input: Json,
  because: { readonly resources: readonly ResourceRequest[]; readonly grants: readonly string[] },
): Promise<void> {
  const { door, scope, call_id } = attempt;
  const salt = randomBytes(16);
  const digest = base64(sha256(salt, Buffer.from(canonicalize({ tool: tool.name, input }), "utf8")));
  const event = { call: call_id, tool: tool.name, input, salt: base64(salt), digest };
  scope.journal.append({ type: "intent", ts: timeOf(door), ...event }, { durable: tool.effect !== "read" });
  const facts = {
    call: call_id,
    tool: tool.name,
    effect: tool.effect,
    ring: ringOf(scope.principal),
    capability: tool.capability,
    resources: because.resources.map((each) => ({ ...each })),
    grants: [...because.grants],
    digest,
  };
  await write(attempt, "call.intent", door.scrubber().json(facts));
}

export async function recordOutcome(
  attempt: Attempt,
  tool: Tool,
  duration_ms: number,
  result: Success | Failure,
): Promise<void> {
  const { door, scope, call_id: call } = attempt;
  const common = { ts: timeOf(door), call, duration_ms };
  scope.journal.append(
    result.ok
      ? { type: "outcome", ...common, output: result.output }
      : { type: "failure", ...common, code: result.code, fault: result.fault },
    { durable: false },
  );
  const code = result.ok ? null : result.code;
  await write(attempt, "call.outcome", { call, tool: tool.name, ok: result.ok, code, duration_ms });
}

/** A call that did not get as far as an intent, and the value its caller is given. */
export async function recordRefusal(
  attempt: Attempt,
  tool: string,
  input: Json,
  code: CallCode,
  cause: Fault,
  proposal: string | null = null,
): Promise<Failure> {
  const { door, scope, call_id: call } = attempt;
  const scrubber = door.scrubber();
  const fault = scrubFault(scrubber, cause.toRecord());
  const event = { call, tool, input: bounded(scrubber, input), code, fault, proposal };
  scope.journal.append({ type: "refusal", ts: timeOf(door), ...event }, { durable: false });
  await write(attempt, "call.refused", { call, tool, code, reason: fault.message, proposal });
  return { ok: false, code, fault, proposal };
}

/** A call only the operator may make, kept for the operator to look at. Returns its id. */
export async function recordProposal(
  attempt: Attempt,
  tool: Tool,
  input: Json,
  asked: { readonly resources: readonly ResourceRequest[]; readonly reason: string },
): Promise<string> {
  const { door, scope, call_id } = attempt;
  const { name, capability, effect } = tool;
  const row = await requestApproval(door, {
    kind: "proposal",
    run: scope.run_id,
    call: call_id,
    principal: principalText(scope.principal),
    tool: name,
    input,
    capability,
    effect,
    resources: asked.resources,
    reason: door.scrubber().text(asked.reason),
  });
  return row.id;
}

/** The name a call was made by, as it may be recorded and shown: whoever calls may write anything there. */
export function shownName(door: Pick<Door, "scrubber">, name: string): string {
  return cut(door.scrubber().text(name), maxRecordedNameBytes).text.toWellFormed();
}

/** A fault as it may be recorded and shown. Its code is of our table and stays, also where a secret reads like it. */
export function scrubFault(scrubber: Scrubber, fault: FaultRecord): FaultRecord {
  return { ...(scrubber.json(fault as unknown as Json) as unknown as FaultRecord), code: fault.code };
}

async function write({ door, scope }: Attempt, type: string, payload: Json): Promise<void> {
  await door.ledger.append({ type, actor: principalText(scope.principal), run: scope.run_id, payload });
}

function timeOf(door: Door): string {
  return rfc3339(door.clock.now());
}

/** An input that no schema has bounded yet. */
function bounded(scrubber: Scrubber, input: Json): Json {
  try {
    const scrubbed = scrubber.json(input);
    const size = Buffer.byteLength(canonicalize(scrubbed), "utf8");
    return size > maxRecordedInputBytes ? { omitted_bytes: size } : scrubbed;
  } catch (thrown) {
    return { not_json: asFault(thrown).message };
  }
}

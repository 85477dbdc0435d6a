/**
 * The one door. Every effect passes `call`: check the input, ask policy, write the intent, mint the handles, run the
 * handler under a deadline, check and scrub the output, write the outcome. No other file may call a handler.
 */
import { type Json, canonicalize } from "../core/canonical.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { Fault, type FaultRecord, asFault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import { annotatedFields, check } from "../core/schema.ts";
import { cut } from "../core/text.ts";
import { base64, sha256 } from "../crypto/hash.ts";
import { randomBytes } from "../crypto/random.ts";
import { principalText, ringOf } from "../define/principal.ts";
import type { Tool } from "../define/tool.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type Decision, type ResourceRequest, decide } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import type { RunStore } from "../store/runs.ts";
import type { Scrubber } from "../vault/scrub.ts";
import { type Catalogue, recordableInput } from "./catalogue.ts";
import type { Mint } from "./mint.ts";
import type { RunScope } from "./scope.ts";

export type CallCode =
  | "tool.not_found"
  | "tool.input_invalid"
  | "policy.denied"
  | "ledger.unavailable"
  | "timeout"
  | "canceled"
  | "tool.failed"
  | "internal.error";

/** A call's result. A denial is a value the model may read, never an exception. */
export type CallResult = {
  readonly run_id: string;
  readonly call_id: string;
  readonly tool: string;
  readonly duration_ms: number;
} & (
  | { readonly ok: true; readonly output: Json }
  | { readonly ok: false; readonly code: CallCode; readonly fault: FaultRecord; readonly proposal: string | null }
);

/** What the door stands between: built once by the engine. */
export interface Door {
  readonly catalogue: Catalogue;
  readonly ledger: Ledger;
  readonly runs: RunStore;
  readonly clock: Clock;
  readonly mint: Mint;
  readonly policy: () => Policy;
  readonly scrubber: () => Scrubber;
  /** A path argument as policy knows it: relative to the workspace, without dots; throws for one that leaves it. */
  readonly canonicalPath: (path: string) => string;
  /** Milliseconds a call may take when its tool does not say. */
  readonly tool_timeout_ms: number;
}

type Allowed = Extract<Decision, { readonly effect: "allow" }>;

const maxRecordedInputBytes = 65_536;

export async function call(
  door: Door,
  scope: RunScope,
  name: string,
  input: Json,
  call_id: string = newId(),
): Promise<CallResult> {
  const started = door.clock.monotonic();
  const base = { run_id: scope.run_id, call_id, tool: name };
  const elapsed = () => door.clock.monotonic() - started;
  try {
    const tool = door.catalogue.find(name);
    if (!tool) {
      const shown = shownName(door, name);
      const fault = door.catalogue.missing(shown);
      const refused = await refuse(door, scope, call_id, shown, recordableInput(tool, input), "tool.not_found", fault);
      return { ...base, tool: shown, ...refused, duration_ms: elapsed() };
    }
    const admitted = await admit(door, scope, call_id, tool, input);
    if ("refused" in admitted) return { ...base, tool: tool.name, ...admitted.refused, duration_ms: elapsed() };
    const result = await perform(door, scope, call_id, tool, admitted.input, admitted.decision);
    return { ...base, tool: tool.name, ...result, duration_ms: elapsed() };
  } catch (thrown) {
    const fault = asFault(thrown);
    return {
      ...base,
      ok: false,
      code: "ledger.unavailable",
      fault: fault.toRecord(),
      proposal: null,
      duration_ms: elapsed(),
    };
  }
}

type Refusal = {
  readonly ok: false;
  readonly code: CallCode;
  readonly fault: FaultRecord;
  readonly proposal: string | null;
};
type Admitted = { readonly input: unknown; readonly decision: Allowed };

/** Input check, decision and durable intent; nothing has happened to the world when this returns. */
async function admit(
  door: Door,
  scope: RunScope,
  call_id: string,
  tool: Tool,
  raw: Json,
): Promise<Admitted | { readonly refused: Refusal }> {
  let input: unknown;
  let recordable: Json;
  try {
    input = check(tool.input, raw, tool.name, `see reeve tools show ${tool.name}`);
    recordable = door.scrubber().json(recordableInput(tool, raw));
    canonicalize(recordable);
  } catch (thrown) {
    const fault = asFault(thrown, tool.name);
    return {
      refused: await refuse(door, scope, call_id, tool.name, recordableInput(tool, raw), "tool.input_invalid", fault),
    };
  }
  const { principal } = scope;
  let resources: readonly ResourceRequest[];
  try {
    resources = resourcesOf(door, tool, input);
  } catch (thrown) {
    const fault = asFault(thrown, tool.name);
    const code = fault.code === "permission_denied" ? "policy.denied" : "tool.input_invalid";
    return { refused: await refuse(door, scope, call_id, tool.name, recordable, code, fault) };
  }
  const request = { principal, capability: tool.capability, effect: tool.effect, resources, now_ms: door.clock.now() };
  const decision = decide(door.policy(), request);
  if (decision.effect !== "allow") {
    const fault = new Fault("permission_denied", decision.reason, { hint: decision.hint });
    const proposes = decision.effect === "ask" || decision.proposal;
    const proposal = proposes ? await propose(door, scope, tool, recordable, decision.reason) : null;
    return { refused: await refuse(door, scope, call_id, tool.name, recordable, "policy.denied", fault, proposal) };
  }
  const salt = randomBytes(16);
  const digest = base64(sha256(salt, Buffer.from(canonicalize({ tool: tool.name, input: recordable }), "utf8")));
  const event = {
    type: "intent",
    call: call_id,
    tool: tool.name,
    input: recordable,
    salt: base64(salt),
    digest,
  } as const;
  scope.journal.append({ ...event, ts: rfc3339(door.clock.now()) }, { durable: tool.effect !== "read" });
  await door.ledger.append({
    type: "call.intent",
    actor: principalText(principal),
    run: scope.run_id,
    payload: door.scrubber().json({
      call: call_id,
      tool: tool.name,
      effect: tool.effect,
      ring: ringOf(principal),
      capability: tool.capability,
      resources: resources.map((each) => ({ ...each })),
      grants: [...decision.grants],
      digest,
    }),
  });
  const unheard = await scope.started;
  if (unheard) throw unheard;
  if (tool.effect === "control") await door.ledger.checkpoint();
  return { input, decision };
}

async function perform(
  door: Door,
  scope: RunScope,
  call_id: string,
  tool: Tool,
  input: unknown,
  decision: Allowed,
): Promise<{ readonly ok: true; readonly output: Json } | Refusal> {
  const started = door.clock.monotonic();
  const deadline = new AbortController();
  const timeout_ms = tool.timeout_ms ?? door.tool_timeout_ms;
  const timer = setTimeout(
    () =>
      deadline.abort(
        new Fault("deadline_exceeded", `${tool.name} took longer than ${timeout_ms} ms`, {
          hint: "narrow the request or raise engine.tool_timeout_ms",
        }),
      ),
    timeout_ms,
  );
  const signal = AbortSignal.any([scope.signal, deadline.signal]);
  let output: Json | undefined;
  let fault: Fault | undefined;
  let code: CallCode = "tool.failed";
  let minted: ReturnType<Mint> | undefined;
  try {
    signal.throwIfAborted();
    minted = door.mint(tool, { ...scope, call_id, signal }, decision);
    const value = await Promise.race([Promise.resolve(tool.handler(minted.ctx, input)), rejectOnAbort(signal)]);
    output = checkOutput(door, tool, value);
  } catch (thrown) {
    fault = signal.aborted ? abortFault(signal, thrown) : asFault(thrown, tool.name);
    code = codeOf(fault, deadline.signal.aborted, scope.signal.aborted);
  } finally {
    clearTimeout(timer);
    minted?.revoke();
  }
  const duration_ms = Math.round((door.clock.monotonic() - started) * 1000) / 1000;
  const record = fault && scrubFault(door.scrubber(), fault.toRecord());
  try {
    await writeOutcome(
      door,
      scope,
      call_id,
      tool,
      duration_ms,
      record ? { code, fault: record } : { output: output ?? null },
    );
  } catch (thrown) {
    const { code: why, message, hint } = asFault(thrown);
    throw new Fault(why, `${tool.name} was carried out, but its outcome could not be recorded: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: thrown,
    });
  }
  return record ? { ok: false, code, fault: record, proposal: null } : { ok: true, output: output ?? null };
}

function checkOutput(door: Door, tool: Tool, value: unknown): Json {
  try {
    const output = door.scrubber().json(check(tool.output, value, `${tool.name} output`) as Json);
    canonicalize(output);
    return output;
  } catch (cause) {
    throw new Fault("internal", `${tool.name} returned something other than it declares`, {
      hint: "this is a defect of the tool; please report it",
      cause,
    });
  }
}

async function writeOutcome(
  door: Door,
  scope: RunScope,
  call: string,
  tool: Tool,
  duration_ms: number,
  result: { readonly output: Json } | { readonly code: CallCode; readonly fault: FaultRecord },
): Promise<void> {
  const ts = rfc3339(door.clock.now());
  const failed = "fault" in result;
  scope.journal.append(
    failed
      ? { type: "failure", ts, call, duration_ms, ...result }
      : { type: "outcome", ts, call, duration_ms, ...result },
    { durable: false },
  );
  await door.ledger.append({
    type: "call.outcome",
    actor: principalText(scope.principal),
    run: scope.run_id,
    payload: { call, tool: tool.name, ok: !failed, code: failed ? result.code : null, duration_ms },
  });
}

async function refuse(
  door: Door,
  scope: RunScope,
  call: string,
  tool: string,
  input: Json,
  code: CallCode,
  fault: Fault,
  proposal: string | null = null,
): Promise<Refusal> {
  const scrubber = door.scrubber();
  const record = scrubFault(scrubber, fault.toRecord());
  const event = {
    call,
    tool,
    input: bounded(scrubber, input),
    code,
    fault: record,
    proposal,
  };
  scope.journal.append({ type: "refusal", ts: rfc3339(door.clock.now()), ...event }, { durable: false });
  await door.ledger.append({
    type: "call.refused",
    actor: principalText(scope.principal),
    run: scope.run_id,
    payload: { call, tool: event.tool, code, reason: record.message, proposal },
  });
  return { ok: false, code, fault: record, proposal };
}

/** A call only the operator may make, kept for the operator to look at. */
async function propose(door: Door, scope: RunScope, tool: Tool, input: Json, reason: string): Promise<string> {
  const id = newId();
  const principal = principalText(scope.principal);
  const told = door.scrubber().text(reason);
  const common = { id, run: scope.run_id, principal, tool: tool.name, capability: tool.capability };
  await door.ledger.append({
    type: "proposal.created",
    actor: principal,
    run: scope.run_id,
    payload: { proposal: id, tool: tool.name, capability: tool.capability },
  });
  await door.runs.propose({
    ...common,
    input: canonicalize(input),
    reason: told,
    created_at: rfc3339(door.clock.now()),
  });
  return id;
}

function resourcesOf(door: Door, tool: Tool, input: unknown): readonly ResourceRequest[] {
  const fields = input as Readonly<Record<string, unknown>>;
  return annotatedFields(tool.input).flatMap(({ field, resource }) => {
    const value = fields[field];
    if (!resource || value === undefined) return [];
    // What policy cannot be asked about must not pass unasked.
    if (typeof value !== "string")
      throw new Fault("internal", `${tool.name}: ${field} names a resource and is no text`);
    const { kind } = resource;
    const canonical = kind === "path" ? door.canonicalPath(value) : value;
    return [{ capability: resource.capability ?? tool.capability, kind, value: canonical }];
  });
}

/** The name a call was made by, as it may be recorded and shown: whoever calls may write anything there. */
export function shownName(door: Pick<Door, "scrubber">, name: string): string {
  return cut(door.scrubber().text(name), 200).text.toWellFormed();
}

/** A fault as it may be recorded and shown. Its code is of our table and stays, also where a secret reads like it. */
export function scrubFault(scrubber: Scrubber, fault: FaultRecord): FaultRecord {
  return { ...(scrubber.json(fault as unknown as Json) as unknown as FaultRecord), code: fault.code };
}

function bounded(scrubber: Scrubber, input: Json): Json {
  try {
    const scrubbed = scrubber.json(input);
    const size = Buffer.byteLength(canonicalize(scrubbed), "utf8");
    return size > maxRecordedInputBytes ? { omitted_bytes: size } : scrubbed;
  } catch (thrown) {
    return { not_json: asFault(thrown).message };
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function abortFault(signal: AbortSignal, thrown: unknown): Fault {
  return signal.reason instanceof Fault ? signal.reason : asFault(thrown);
}

function codeOf(fault: Fault, timedOut: boolean, canceled: boolean): CallCode {
  if (canceled) return "canceled";
  if (timedOut) return "timeout";
  if (fault.code === "internal") return "internal.error";
  if (fault.code === "permission_denied") return "policy.denied";
  return fault.code === "invalid_argument" ? "tool.input_invalid" : "tool.failed";
}

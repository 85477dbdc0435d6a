/**
 * The one door. Every effect passes `call`: check the input, ask policy, write the intent, mint the handles, run the
 * handler under a deadline, check and scrub the output, write the outcome. No other file may call a handler.
 */
import { canonicalize, type Json } from "../core/canonical.ts";
import { asFault, Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import { check } from "../core/schema.ts";
import type { Tool } from "../define/tool.ts";
import type { Decision, ResourceRequest } from "../policy/decide.ts";
import { askFirst, isSameInput } from "./ask.ts";
import { recordableInput } from "./catalogue.ts";
import type { Attempt, Door } from "./door.ts";
import { leavingOf } from "./leaving.ts";
import { taintOf } from "./outward.ts";
import { leavesOf } from "./said.ts";
import { recordIntent, recordOutcome, recordProposal, recordRefusal, scrubFault, shownName } from "./record.ts";
import { resourcesOf } from "./resources.ts";
import { type CallResult, codeOf, type Failure, type Success } from "./result.ts";
import type { RunScope } from "./scope.ts";

/** Carries out one call or says why not; throws nothing. When the record cannot be written the call goes no further. */
export async function call(
  door: Door,
  scope: RunScope,
  name: string,
  input: Json,
  call_id: string = newId(),
): Promise<CallResult> {
  const started = door.clock.monotonic();
  const attempt = { door, scope, call_id };
  const tool = door.catalogue.find(name);
  const result = await pass(attempt, tool, name, input).catch(unrecorded);
  const shown = tool?.name ?? (result.ok ? name : nameIn(door, name));
  return { run_id: scope.run_id, call_id, tool: shown, ...result, duration_ms: door.clock.monotonic() - started };
}

async function pass(attempt: Attempt, tool: Tool | undefined, name: string, raw: Json): Promise<Success | Failure> {
  const { door, scope } = attempt;
  const recordable = recordableInput(tool, raw);
  if (!tool) {
    const shown = shownName(door, name);
    return recordRefusal(attempt, shown, recordable, "tool.not_found", door.catalogue.missing(shown));
  }
  const checked = await checkInput(attempt, tool, raw, recordable);
  if (checked instanceof Fault) {
    const code = checked.code === "permission_denied" ? "policy.denied" : "tool.input_invalid";
    return recordRefusal(attempt, tool.name, recordable, code, checked);
  }
  const { input, recorded, resources } = checked;
  const { capability, effect } = tool;
  const held = withheldBy(attempt, tool) ?? secretIn(tool, input, recordable, recorded);
  if (held) return recordRefusal(attempt, tool.name, recorded, held.code, held.fault);
  const { principal, links } = scope;
  const taint = taintOf(attempt, tool, checked);
  const told = taint ? { taint } : {};
  const request = { principal, links, capability, effect, resources, now_ms: door.clock.now(), ...told };
  let decision = door.decide(door.policy(), request);
  if (decision.effect === "ask") {
    const { reason, by } = decision;
    const leaving = by === "taint" ? leavingOf(recorded, scope.taint.sources, scope.taint.context()) : undefined;
    const asked = { recorded, is_exact: isSameInput(recorded, raw), resources, reason, leaving };
    const answer = await askFirst(attempt, tool, asked);
    if (answer !== "approved") return answer;
    decision = door.decide(door.policy(), { ...request, now_ms: door.clock.now(), approved: true });
  }
  if (decision.effect !== "allow") return deny(attempt, tool, checked, decision);
  await recordIntent(attempt, tool, recorded, { resources, grants: decision.grants });
  const unheard = await scope.started;
  if (unheard) throw unheard;
  if (effect === "control") await door.ledger.checkpoint();
  return perform(attempt, tool, input, watching(attempt, decision), placeOf(resources, recorded));
}

interface Held {
  readonly code: "stopped" | "dry_run" | "secret.outward";
  readonly fault: Fault;
}

/** A secret belongs into a field made for one, or is referred to; anywhere else it would leave with the call. */
function secretIn({ name, effect, flow }: Tool, input: unknown, recordable: Json, recorded: Json): Held | undefined {
  const goesOut = flow(input).outward || effect === "network" || effect === "execute";
  if (effect === "control" || !goesOut || isSameInput(recordable, recorded)) return undefined;
  const fault = new Fault("permission_denied", `${name} would take the value of a secret out`, {
    hint: "refer to the secret as {{secret:name}} where the tool allows it",
  });
  return { code: "secret.outward", fault };
}

/** What keeps a call from being made whatever policy says: the operator's stop, and a run that only plans. */
function withheldBy({ door, scope }: Attempt, tool: Tool): Held | undefined {
  const stopped = door.stopped(scope.principal);
  if (stopped) return { code: "stopped", fault: stopped };
  if (!scope.dry_run || tool.effect === "read") return undefined;
  const fault = new Fault("failed_precondition", `${tool.name} was not carried out: this run only plans`, {
    hint: "go on as if it had succeeded, and say in the end what would be done",
  });
  return { code: "dry_run", fault };
}

interface Checked {
  /** What the handler is given. */
  readonly input: unknown;
  /** What is written of it. */
  readonly recorded: Json;
  readonly resources: readonly ResourceRequest[];
}

async function checkInput({ door }: Attempt, tool: Tool, raw: Json, recordable: Json): Promise<Checked | Fault> {
  try {
    const input = check(tool.input, raw, tool.name, `see reeve tools show ${tool.name}`);
    const recorded = door.scrubber().json(recordable);
    canonicalize(recorded);
    return { input, recorded, resources: await resourcesOf(door, tool, input) };
  } catch (thrown) {
    return asFault(thrown, tool.name);
  }
}

type Allowed = Extract<Decision, { readonly effect: "allow" }>;

async function deny(
  attempt: Attempt,
  tool: Tool,
  { recorded, resources }: Checked,
  decision: Exclude<Decision, Allowed>,
): Promise<Failure> {
  const fault = new Fault("permission_denied", decision.reason, { hint: decision.hint });
  const isForOperator = decision.effect === "ask" || decision.proposal;
  const proposal = isForOperator
    ? await recordProposal(attempt, tool, recorded, { resources, reason: decision.reason })
    : null;
  return recordRefusal(attempt, tool.name, recorded, "policy.denied", fault, proposal);
}

/** Where a result comes from, for people: the resources the call names, or what it says instead. */
function placeOf(resources: readonly ResourceRequest[], recorded: Json): string {
  if (resources.length) return resources.map(({ value }) => value).join(" ");
  return leavesOf(recorded)
    .map(({ value }) => String(value))
    .join(" ");
}

/** The decision, with an eye on what is read by it: files that a tainted run wrote hold strangers' words. */
function watching({ door, scope, call_id }: Attempt, decision: Allowed): Allowed {
  return {
    ...decision,
    permits: (more) => {
      const isPermitted = decision.permits(more);
      if (isPermitted && more.kind === "path" && more.capability === "fs.read" && door.watch.isStrange(more.value)) {
        scope.taint.met(call_id, { untrusted: true, private: false }, more.value);
      }
      return isPermitted;
    },
  };
}

/** The handler, behind its intent: whatever becomes of it, the outcome is written before anyone is told. */
async function perform(
  attempt: Attempt,
  tool: Tool,
  input: unknown,
  decision: Allowed,
  place: string,
): Promise<Success | Failure> {
  const { door } = attempt;
  const started = door.clock.monotonic();
  const result = await underDeadline(attempt, tool, async (signal, deadline) => {
    let minted: ReturnType<Door["mint"]> | undefined;
    try {
      signal.throwIfAborted();
      // Before anything is written: a process that dies in between has not forgotten whose it is.
      if (mayBeStrange(attempt, tool, input)) door.quarantine.mark(attempt.scope.run_id);
      minted = door.mint(tool, { ...attempt.scope, call_id: attempt.call_id, signal }, decision);
      const value = await Promise.race([Promise.resolve(tool.handler(minted.ctx, input)), rejectOnAbort(signal)]);
      return { ok: true, output: checkOutput(door, tool, value) };
    } catch (thrown) {
      const fault = signal.reason instanceof Fault ? signal.reason : asFault(thrown, tool.name);
      const code = codeOf(fault, { by_deadline: deadline.aborted, by_cancel: attempt.scope.signal.aborted });
      return { ok: false, code, fault: scrubFault(door.scrubber(), fault.toRecord()), proposal: null };
    } finally {
      minted?.revoke();
    }
  });
  // Before the result is anywhere: a process that dies here has neither.
  const { taint, run_id } = attempt.scope;
  taint.settle(attempt.call_id, tool, input, place, (text) => door.scrubber().text(text));
  if (taint.bits.untrusted) door.quarantine.mark(run_id);
  if (tool.effect !== "read") door.quarantine.wrote(run_id);
  const duration_ms = Math.round((door.clock.monotonic() - started) * 1000) / 1000;
  await recordOutcome(attempt, tool, duration_ms, result).catch((thrown: unknown) => {
    const { code, message, hint } = asFault(thrown);
    const words = `${tool.name} was carried out, but its outcome could not be recorded: ${message}`;
    throw new Fault(code, words, { ...(hint === undefined ? {} : { hint }), cause: thrown });
  });
  return result;
}

/** Whether strangers' words are in the context, or come into it by this call and what it writes itself. */
function mayBeStrange({ scope }: Attempt, tool: Tool, input: unknown): boolean {
  return tool.effect !== "read" && (scope.taint.bits.untrusted || tool.flow(input).untrusted);
}

/** `work` gets the signal that ends with its run or at its deadline, and the deadline's own. */
async function underDeadline(
  { door, scope }: Attempt,
  tool: Tool,
  work: (signal: AbortSignal, deadline: AbortSignal) => Promise<Success | Failure>,
): Promise<Success | Failure> {
  const timeout_ms = tool.timeout_ms ?? door.tool_timeout_ms;
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    const hint = "narrow the request or raise engine.tool_timeout_ms";
    deadline.abort(new Fault("deadline_exceeded", `${tool.name} took longer than ${timeout_ms} ms`, { hint }));
  }, timeout_ms);
  try {
    return await work(AbortSignal.any([scope.signal, deadline.signal]), deadline.signal);
  } finally {
    clearTimeout(timer);
  }
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

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function unrecorded(thrown: unknown): Failure {
  return { ok: false, code: "ledger.unavailable", fault: asFault(thrown).toRecord(), proposal: null };
}

/** A vault that cannot be read leaves nothing to scrub a stranger's words with, so they are not repeated. */
function nameIn(door: Door, name: string): string {
  try {
    return shownName(door, name);
  } catch (thrown) {
    if (thrown instanceof Fault) return "[withheld]";
    throw thrown;
  }
}

/** The calls of one turn: reads beside each other, effects one after the other in the order they were asked for. */
import { Fault } from "../core/fault.ts";
import type { ToolRequest } from "../define/provider.ts";
import type { Answer, Ports } from "./drive.ts";
import type { LoopLimits } from "./journal.ts";
import type { Progress } from "./progress.ts";

export interface Carried {
  readonly request: ToolRequest;
  readonly answer: Answer;
  /** Whether something was really carried out for it. */
  readonly fresh: boolean;
}

/**
 * One result for each request, in their order; fewer when an effect has to wait or the run is over, since nothing may
 * overtake it. `guards` are left out for a directive, which is carried out as it was typed.
 */
export async function carryOut(
  ports: Ports,
  requests: readonly ToolRequest[],
  guards: { readonly limits: LoopLimits; readonly progress: Progress } | null,
): Promise<readonly Carried[]> {
  const done: Carried[] = [];
  for (const group of groupsOf(requests)) {
    // A directive is one call, which says itself that it was canceled.
    if (guards) ports.signal.throwIfAborted();
    const carried = await Promise.all(
      group.map((request) => carryOne(ports, request, guards, requests.indexOf(request))),
    );
    for (const { request, answer } of carried) if (!isPutOff(answer)) guards?.progress.note(request, answer);
    done.push(...carried);
    if (carried.some(({ answer }) => !answer.ok && halting.has(answer.code))) break;
  }
  return done;
}

/** A call that a turn had no room for did not fail. */
function isPutOff(answer: Answer): boolean {
  return !answer.ok && answer.code === "loop.too_many_calls";
}

const halting: ReadonlySet<string> = new Set(["approval.pending", "canceled", "stopped", "ledger.unavailable"]);

/** Neighbouring reads together, everything else alone; the same read twice is not worth doing beside itself. */
function groupsOf(requests: readonly ToolRequest[]): readonly (readonly ToolRequest[])[] {
  const groups: ToolRequest[][] = [];
  for (const request of requests) {
    const last = groups.at(-1);
    const joins = request.effect === "read" && last?.every((each) => each.effect === "read" && !isSame(each, request));
    if (joins) last?.push(request);
    else groups.push([request]);
  }
  return groups;
}

function isSame(one: ToolRequest, other: ToolRequest): boolean {
  return one.tool === other.tool && JSON.stringify(one.arguments) === JSON.stringify(other.arguments);
}

async function carryOne(
  ports: Ports,
  request: ToolRequest,
  guards: { readonly limits: LoopLimits; readonly progress: Progress } | null,
  position: number,
): Promise<Carried> {
  if (guards) {
    const { limits, progress } = guards;
    if (position >= limits.max_calls_per_turn) {
      const words = `a turn may hold ${limits.max_calls_per_turn} calls; this one was not carried out`;
      const fault = new Fault("resource_exhausted", words, { hint: "ask for it again in the next turn" }).toRecord();
      return { request, answer: await ports.decline(request, "loop.too_many_calls", fault), fresh: false };
    }
    const earlier = progress.earlier(request);
    if (earlier && ports.reusable(request)) {
      ports.reused(request.id, earlier.call);
      return { request, answer: earlier.answer, fresh: false };
    }
    const repeated = progress.repeated(request);
    if (repeated !== undefined) {
      const words = `this call has failed twice already in the same way: ${repeated}`;
      const fault = new Fault("failed_precondition", words, { hint: "try something else" }).toRecord();
      return { request, answer: await ports.decline(request, "loop.repeated_failure", fault), fresh: false };
    }
  }
  return carryUntilSure(ports, request);
}

/** A try that was cut off and may have happened is followed by another one only where somebody says so. */
async function carryUntilSure(ports: Ports, request: ToolRequest): Promise<Carried> {
  for (let attempt = request; ; attempt = { ...attempt, id: againId(attempt.id) }) {
    const answer = await ports.call(attempt);
    if (answer.ok || answer.code !== "interrupted") return { request, answer, fresh: true };
    const decision = await ports.doubt(attempt);
    if (decision === "skip") return { request, answer, fresh: true };
    if (decision === "wait") {
      const fault = new Fault("failed_precondition", `${request.tool} may have happened; the operator is asked`, {
        hint: "see reeve approvals list",
      });
      return { request, answer: { ok: false, code: "approval.pending", fault: fault.toRecord() }, fresh: false };
    }
  }
}

/** The id of the next try of a call that was cut off. */
export function againId(id: string): string {
  return `${id}-again`;
}

/** The id a call was asked for under, whichever try it is. */
export function firstId(id: string): string {
  return id.replace(/(?:-again)+$/, "");
}

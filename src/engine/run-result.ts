/** How a run ended, for whoever asked for it. */
import type { Json } from "../core/canonical.ts";
import type { FaultRecord } from "../core/fault.ts";
import type { RunState } from "../define/handles.ts";
import { answerValue } from "./answer-value.ts";
import type { End } from "./drive.ts";
import type { RunEvent } from "./journal.ts";
import type { CallResult } from "./result.ts";
import type { ActiveRun } from "./run.ts";
import { type Bits, join, sourcesIn, untainted } from "./bits.ts";

export interface RunResult {
  readonly run_id: string;
  readonly state: RunState;
  readonly answer: string;
  /** Absolute path of the run bundle. */
  readonly bundle: string;
  readonly session: string | null;
  readonly calls: readonly { readonly tool: string; readonly ok: boolean; readonly code?: string }[];
  readonly usage: RunUsage;
  /** What has come into its context. */
  readonly taint: Bits;
  /** The answer's value, where a schema was given and it fits. */
  readonly output?: Json;
  /** What the operator is asked, of a run that waits. */
  readonly approval?: string;
  readonly thinking?: string;
  readonly fault?: FaultRecord;
}

export interface RunUsage {
  readonly turns: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  /** Null when the price of some turn is not known. */
  readonly cost_microusd: number | null;
}

export function resultOf(
  run: Pick<ActiveRun, "run_id" | "bundle" | "journal">,
  end: End,
  schema: Json | null,
): RunResult {
  const { events } = run.journal;
  const start = events.find((event) => event.type === "start");
  const asked = events.findLast((event) => event.type === "waiting");
  const thinking = events.flatMap((event) => (event.type === "turn" && event.thinking ? [event.thinking] : [])).at(-1);
  const output = schema !== null && end.state === "completed" ? answerValue(end.answer) : undefined;
  return {
    run_id: run.run_id,
    state: end.state,
    answer: end.answer,
    bundle: run.bundle,
    session: start?.session ?? null,
    calls: callsIn(events),
    usage: usageIn(events),
    taint: join(...sourcesIn(events)),
    ...(output === undefined ? {} : { output }),
    ...(end.state === "waiting" && asked ? { approval: asked.approval } : {}),
    ...(thinking === undefined ? {} : { thinking }),
    ...(end.fault ? { fault: end.fault } : {}),
  };
}

function callsIn(events: readonly RunEvent[]): RunResult["calls"] {
  const tools = new Map(events.flatMap((event) => (event.type === "intent" ? [[event.call, event.tool]] : [])));
  return events.flatMap((event): RunResult["calls"] => {
    if (event.type === "refusal") return [{ tool: event.tool, ok: false, code: event.code }];
    if (event.type === "outcome") return [{ tool: tools.get(event.call) ?? "", ok: true }];
    return event.type === "failure" ? [{ tool: tools.get(event.call) ?? "", ok: false, code: event.code }] : [];
  });
}

export function usageIn(events: readonly RunEvent[]): RunUsage {
  const turns = events.flatMap((event) => (event.type === "turn" && event.usage ? [event.usage] : []));
  const sum = (of: (usage: (typeof turns)[number]) => number) => turns.reduce((total, usage) => total + of(usage), 0);
  return {
    turns: events.filter((event) => event.type === "turn").length,
    input_tokens: sum((usage) => usage.input_tokens),
    output_tokens: sum((usage) => usage.output_tokens),
    cached_tokens: sum((usage) => usage.cached_tokens),
    cost_microusd: turns.some((usage) => usage.cost_microusd === null)
      ? null
      : sum((usage) => usage.cost_microusd ?? 0),
  };
}

/** A directive's one call as a run. */
export function resultOfCall(result: CallResult & { readonly bundle: string }): RunResult {
  const { run_id, bundle, tool } = result;
  const usage = { turns: 0, input_tokens: 0, output_tokens: 0, cached_tokens: 0, cost_microusd: 0 };
  const common = { run_id, bundle, session: null, usage, taint: untainted };
  if (result.ok) {
    const answer = JSON.stringify(result.output, null, 2);
    return { ...common, state: "completed", answer, calls: [{ tool, ok: true }] };
  }
  const { code, fault, approval } = result;
  return {
    ...common,
    state: stateOf(code),
    answer: `error: ${code} (${tool}): ${fault.message}`,
    calls: [{ tool, ok: false, code }],
    ...(approval === undefined ? {} : { approval }),
    fault,
  };
}

function stateOf(code: string): RunState {
  if (code === "approval.pending") return "waiting";
  return code === "canceled" || code === "stopped" ? "cancelled" : "failed";
}

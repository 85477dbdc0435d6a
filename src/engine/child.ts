/** Sub-agents: a run of its own beneath the run that asked for it, never holding or spending more than that one could. */
import { Fault } from "../core/fault.ts";
import type { AgentRunFacts, AgentRunRequest } from "../define/handles.ts";
import { agent } from "../define/principal.ts";
import { checkWithin } from "../policy/within.ts";
import type { Parent } from "./converse.ts";
import type { RunRequest } from "./run-request.ts";
import type { RunResult } from "./run-result.ts";
import type { CallScope, Link } from "./scope.ts";

export async function runChild(
  parent: Parent,
  scope: CallScope,
  request: AgentRunRequest,
  max_depth: number,
  start: (child: RunRequest, link: Link) => Promise<RunResult>,
): Promise<AgentRunFacts> {
  if (scope.links.length >= max_depth) {
    throw new Fault("resource_exhausted", `sub-agents go ${max_depth} deep and no deeper`, {
      hint: "do this part yourself, or raise engine.max_depth",
    });
  }
  const within = request.within ?? null;
  if (within) checkWithin(within);
  const { approve, onEvent, dry_run } = parent.request;
  const child: RunRequest = {
    principal: request.agent === undefined ? scope.principal : agent(request.agent),
    message: request.task,
    source: "agent",
    signal: scope.signal,
    dry_run,
    approve,
    onEvent,
    limits: {
      ...(request.max_turns === undefined ? {} : { max_turns: request.max_turns }),
      ...(request.max_tokens === undefined ? {} : { max_tokens: request.max_tokens }),
    },
  };
  const result = await start(child, { principal: scope.principal, within });
  // Its answer was made of whatever came into its context.
  parent.run.taint.met(scope.call_id, result.taint, `run ${result.run_id}`);
  return {
    run_id: result.run_id,
    state: result.state,
    answer: result.answer,
    tool_calls: result.calls.length,
    fault: result.fault?.message ?? null,
  };
}

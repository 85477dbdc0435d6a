/** The loop's numbers from the config, and from the record of a run. */
import type { Config } from "../config/settings.ts";
import type { LoopLimits, RunInput } from "./journal.ts";

export function limitsFrom(config: Config, max_turns?: number): LoopLimits {
  const { engine, context, model } = config;
  return {
    max_turns: Math.min(max_turns ?? engine.max_tool_iterations, engine.max_tool_iterations),
    max_calls_per_turn: engine.max_calls_per_turn,
    no_progress_turns: engine.no_progress_turns,
    recovery_failures: engine.recovery_failures,
    escalation_failures: engine.escalation_failures,
    result_chars: context.result_chars,
    error_chars: context.error_chars,
    results_kept: context.results_kept,
    context_tokens: model.context_tokens,
    compact_percent: context.compact_percent,
    compact_keep: context.compact_keep,
  };
}

/** Bundles of versions that recorded no limits were driven without any but the number of turns. */
export function limitsOf(start: Pick<RunInput, "limits" | "max_turns">): LoopLimits {
  return (
    start.limits ?? {
      max_turns: start.max_turns,
      max_calls_per_turn: Number.MAX_SAFE_INTEGER,
      no_progress_turns: Number.MAX_SAFE_INTEGER,
      recovery_failures: Number.MAX_SAFE_INTEGER,
      escalation_failures: Number.MAX_SAFE_INTEGER,
      result_chars: Number.MAX_SAFE_INTEGER,
      error_chars: Number.MAX_SAFE_INTEGER,
      results_kept: Number.MAX_SAFE_INTEGER,
      context_tokens: Number.MAX_SAFE_INTEGER,
      compact_percent: 100,
      compact_keep: Number.MAX_SAFE_INTEGER,
    }
  );
}

/** How each Claude is told how much to think: by a budget, by an effort, or not at all. Names that are no Claude's get a budget. */
import type { ProviderRequest } from "../../define/provider.ts";

export interface Thinking {
  readonly thinking?:
    | { readonly type: "enabled"; readonly budget_tokens: number }
    | { readonly type: "adaptive"; readonly display?: "summarized" }
    | { readonly type: "disabled" }
    | { readonly type: "between_tools" };
  readonly effort?: "low" | "medium" | "high";
}

interface Wish {
  readonly model: string;
  readonly effort: ProviderRequest["effort"];
  readonly max_output_tokens: number;
  /** Whether the last turn that used tools comes with its thinking, without which models with a budget refuse to think on. */
  readonly is_continued: boolean;
}

export function thinkingFor({ model, effort, max_output_tokens, is_continued }: Wish): Thinking {
  const claude = claudeOf(model);
  const version = claude ? claude.major * 10 + claude.minor : undefined;
  if (version === undefined || (version >= 37 && version <= 45)) {
    return effort === null || effort === "none" || !is_continued ? {} : budgeted(effort, max_output_tokens);
  }
  if (version < 37) return {};
  if (version < 50) {
    if (effort === null || effort === "none" || !is_continued) return {};
    return { thinking: version < 47 ? { type: "adaptive" } : shown, effort };
  }
  // These think unless told otherwise, and hide it unless asked to show it.
  if (effort === "none") return quietest(claude?.family ?? "", version);
  return { thinking: shown, ...(effort === null ? {} : { effort }) };
}

const shown = { type: "adaptive", display: "summarized" } as const;

/** A share of what may be answered, since thinking counts as output; none where the least budget would leave no answer. */
function budgeted(effort: "low" | "medium" | "high", max_output_tokens: number): Thinking {
  const share = { low: 0.25, medium: 0.5, high: 0.75 }[effort];
  const budget_tokens = Math.max(leastBudget, Math.floor(max_output_tokens * share));
  return budget_tokens + leastAnswer > max_output_tokens ? {} : { thinking: { type: "enabled", budget_tokens } };
}

const leastBudget = 1024;
const leastAnswer = 256;

/** Which models can be told not to think, and how; the others can only be told to think little. */
function quietest(family: string, version: number): Thinking {
  if (family === "sonnet" && version >= 55) return { thinking: { type: "between_tools" } };
  const canStop = family === "haiku" || (version === 50 && (family === "sonnet" || family === "opus"));
  return canStop ? { thinking: { type: "disabled" } } : { thinking: shown, effort: "low" };
}

export interface Claude {
  readonly family: string;
  readonly major: number;
  readonly minor: number;
}

/** `claude-sonnet-4-5-20250929` as sonnet 4.5, `claude-3-7-sonnet-latest` as sonnet 3.7; undefined for any other name. */
export function claudeOf(model: string): Claude | undefined {
  const modern = /claude-([a-z]+)-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?/.exec(model);
  if (modern) return { family: modern[1] ?? "", major: Number(modern[2]), minor: Number(modern[3] ?? 0) };
  const early = /claude-(\d)(?:[-.](\d)(?!\d))?(?:-([a-z]+))?/.exec(model);
  if (early) return { family: early[3] ?? "", major: Number(early[1]), minor: Number(early[2] ?? 0) };
  return /claude-mythos/.test(model) ? { family: "mythos", major: 5, minor: 0 } : undefined;
}

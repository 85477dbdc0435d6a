/** What was used and what is reserved in `state.db`: tokens, money, tool calls; one method is one transaction. */
import type { StateFile, Value } from "./state.ts";

/** What a reservation or a tool call counts for. Money is in millionths of a US dollar. */
export interface UsageDraft {
  readonly id: string;
  readonly run: string;
  /** The run at the top: sub-agents count for it too. */
  readonly root: string;
  readonly agent: string;
  /** UTC date, `2026-01-31`. */
  readonly day: string;
  readonly kind: "model" | "tool";
  readonly provider: string;
  readonly model: string;
  readonly tool: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_microusd: number | null;
  readonly at: string;
}

/** One limit: over which rows, of what, how much. */
export interface UsageLimit {
  readonly name: string;
  readonly over: { readonly root: string } | { readonly day: string; readonly agent?: string };
  readonly of: "tokens" | "cost_microusd" | "tool_calls";
  readonly max: number;
}

export interface Settled {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  readonly cost_microusd: number | null;
}

/** Settled and reserved together. */
export interface Used {
  readonly tokens: number;
  readonly cost_microusd: number;
  readonly tool_calls: number;
}

export type UsageGroup = "agent" | "model" | "tool" | "day";

export interface UsageTotals {
  readonly key: string;
  readonly turns: number;
  readonly tool_calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  /** Of the turns whose price is known. */
  readonly cost_microusd: number;
  readonly unpriced_turns: number;
  /** Counted by what was reserved for them: under way, or of a process that died. */
  readonly unsettled_turns: number;
}

const sums = {
  tokens: "coalesce(sum(input_tokens + output_tokens), 0)",
  cost_microusd: "coalesce(sum(cost_microusd), 0)",
  tool_calls: "coalesce(sum(kind = 'tool'), 0)",
} as const;

const groups = {
  agent: "agent",
  model: "CASE kind WHEN 'model' THEN provider || '/' || model ELSE '' END",
  tool: "tool",
  day: "day",
} as const;

/** Every method throws the store's Fault. */
export class UsageStore {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  /**
   * Writes the row unless it would exceed a limit; then nothing is written and the first such limit is returned. What
   * other processes reserved is counted, so that together they cannot exceed it either.
   */
  reserve(draft: UsageDraft, limits: readonly UsageLimit[]): (UsageLimit & { readonly used: number }) | undefined {
    return this.#file.transact(() => {
      for (const limit of limits) {
        const used = this.#used(limit);
        if (used + amountOf(draft, limit.of) > limit.max) return { ...limit, used };
      }
      this.#file.change(
        `INSERT INTO usage (id, run, root, agent, day, kind, provider, model, tool, settled, input_tokens,
           output_tokens, cached_tokens, cost_microusd, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
        [
          draft.id,
          draft.run,
          draft.root,
          draft.agent,
          draft.day,
          draft.kind,
          draft.provider,
          draft.model,
          draft.tool,
          draft.kind === "tool" ? 1 : 0,
          draft.input_tokens,
          draft.output_tokens,
          draft.cost_microusd,
          draft.at,
        ],
      );
      return undefined;
    });
  }

  /** Puts the facts in place of what was reserved. */
  settle(id: string, facts: Settled): void {
    this.#file.change(
      `UPDATE usage SET settled = 1, input_tokens = ?, output_tokens = ?, cached_tokens = ?, cost_microusd = ?
       WHERE id = ? AND settled = 0`,
      [facts.input_tokens, facts.output_tokens, facts.cached_tokens, facts.cost_microusd, id],
    );
  }

  /** Takes back a reservation of an attempt that never began. */
  release(id: string): void {
    this.#file.change("DELETE FROM usage WHERE id = ? AND settled = 0", [id]);
  }

  /** By a run with everything beneath it. */
  usedBy(root: string): Used {
    const [row] = this.#file.rows<Used>(
      `SELECT ${sums.tokens} AS tokens, ${sums.cost_microusd} AS cost_microusd, ${sums.tool_calls} AS tool_calls
       FROM usage WHERE root = ?`,
      [root],
    );
    return row ?? { tokens: 0, cost_microusd: 0, tool_calls: 0 };
  }

  /** Largest use first; `day` in order of date. */
  totals(
    by: UsageGroup,
    filter: { readonly since?: string | undefined; readonly agent?: string | undefined },
  ): readonly UsageTotals[] {
    const only = by === "tool" ? "AND kind = 'tool'" : by === "model" ? "AND kind = 'model'" : "";
    return this.#file.rows<UsageTotals>(
      `SELECT ${groups[by]} AS key, sum(kind = 'model') AS turns, sum(kind = 'tool') AS tool_calls,
              sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cached_tokens) AS cached_tokens,
              coalesce(sum(cost_microusd), 0) AS cost_microusd,
              sum(kind = 'model' AND cost_microusd IS NULL) AS unpriced_turns, sum(settled = 0) AS unsettled_turns
       FROM usage WHERE (?1 IS NULL OR day >= ?1) AND (?2 IS NULL OR agent = ?2) ${only}
       GROUP BY key ORDER BY ${by === "day" ? "key" : "input_tokens + output_tokens DESC, tool_calls DESC, key"}`,
      [filter.since ?? null, filter.agent ?? null],
    );
  }

  #used({ over, of }: Pick<UsageLimit, "over" | "of">): number {
    const [where, values] = whereOf(over);
    const [row] = this.#file.rows<{ used: number }>(`SELECT ${sums[of]} AS used FROM usage WHERE ${where}`, values);
    return row?.used ?? 0;
  }
}

function whereOf(over: UsageLimit["over"]): readonly [string, readonly Value[]] {
  if ("root" in over) return ["root = ?", [over.root]];
  return over.agent === undefined ? ["day = ?", [over.day]] : ["day = ? AND agent = ?", [over.day, over.agent]];
}

function amountOf(draft: UsageDraft, of: UsageLimit["of"]): number {
  if (of === "tool_calls") return draft.kind === "tool" ? 1 : 0;
  return of === "tokens" ? draft.input_tokens + draft.output_tokens : (draft.cost_microusd ?? 0);
}

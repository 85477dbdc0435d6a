/**
 * Budgets: every attempt and every call is counted before it is made, and one that would exceed a limit is not made.
 * What a process that died had reserved stays counted: nobody knows what became of it.
 */
import { type Clock, rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import type { Config } from "../config/settings.ts";
import type { Usage } from "../define/provider.ts";
import type { Settled, UsageDraft, UsageLimit, UsageStore, Used } from "../store/usage.ts";
import type { Attempted, Meter, Reservation, RunLimits, Spent } from "./meter.ts";
import { costMicrousd, mostMicrousd } from "./model/pricing.ts";

interface Account {
  readonly store: UsageStore;
  readonly config: Config;
  readonly clock: Clock;
  readonly root: string;
}

/** A run taken up again goes on counting from what it used and reserved before. */
export function openMeter(options: {
  readonly store: UsageStore;
  readonly config: Config;
  readonly clock: Clock;
  readonly run: { readonly id: string; readonly root: string; readonly agent: string };
  readonly limits: RunLimits;
}): Meter {
  const { store, config, clock, run, limits } = options;
  const purse = new Purse(limits);
  const isLimited = limits.tokens !== null || limits.usd !== null || limits.tool_calls !== null;
  if (isLimited) purse.hold(store.usedBy(run.root));
  return meterOf({ store, config, clock, root: run.root }, run, [purse]);
}

/** What one run with everything beneath it used and has reserved; kept in memory, where its sub-agents run too. */
class Purse {
  readonly limits: RunLimits;
  tokens = 0;
  cost_microusd = 0;
  tool_calls = 0;

  constructor(limits: RunLimits) {
    this.limits = limits;
  }

  hold({ tokens, cost_microusd, tool_calls }: Used): void {
    this.tokens += tokens;
    this.cost_microusd += cost_microusd;
    this.tool_calls += tool_calls;
  }

  /** Why it cannot hold that much more, or undefined. */
  lacks(tokens: number, cost_microusd: number, tool_calls: number): string | undefined {
    const { limits } = this;
    if (limits.tokens !== null && this.tokens + tokens > limits.tokens) return `${limits.tokens} tokens`;
    if (limits.usd !== null && this.cost_microusd + cost_microusd > microusd(limits.usd))
      return `${limits.usd} US dollars`;
    if (limits.tool_calls !== null && this.tool_calls + tool_calls > limits.tool_calls)
      return `${limits.tool_calls} tool calls`;
    return undefined;
  }
}

function meterOf(
  account: Account,
  run: { readonly id: string; readonly agent: string },
  purses: readonly Purse[],
): Meter {
  const spent = { input_tokens: 0, output_tokens: 0, cached_tokens: 0, cost_microusd: 0, tool_calls: 0 };
  return {
    get spent(): Spent {
      return { ...spent };
    },
    reserve: (attempt) => reserve(account, run, purses, attempt, spent),
    call: (tool) => {
      const lack = purses.flatMap((purse) => purse.lacks(0, 0, 1) ?? [])[0];
      if (lack) throw exhausted("the run", lack);
      take(account, draftOf(account, run, { kind: "tool", tool }));
      for (const purse of purses) purse.tool_calls++;
      spent.tool_calls++;
    },
    child: (beneath, own) => meterOf(account, beneath, [...purses, new Purse(own)]),
  };
}

function reserve(
  account: Account,
  run: { readonly id: string; readonly agent: string },
  purses: readonly Purse[],
  attempt: Attempted,
  spent: { input_tokens: number; output_tokens: number; cached_tokens: number; cost_microusd: number },
): Reservation {
  const { input_tokens, output_tokens, provider, model, free } = attempt;
  const { prices } = account.config.model;
  const priced = { name: `${provider}/${model}`, free };
  const expected = mostMicrousd(priced, attempt, prices);
  if (expected === null && hasMoneyLimit(account, purses)) {
    throw new Fault(
      "failed_precondition",
      `a budget in US dollars is set, and the price of ${provider}/${model} is not known`,
      {
        hint: `add it to model.prices, in US dollars per million tokens: reeve config set model.prices '{"${provider}/${model}": {"input_usd": 1, "output_usd": 2}}'`,
      },
    );
  }
  const tokens = input_tokens + output_tokens;
  const lack = purses.flatMap((purse) => purse.lacks(tokens, expected ?? 0, 0) ?? [])[0];
  if (lack) throw exhausted("the run", lack);
  const draft = draftOf(account, run, {
    kind: "model",
    provider,
    model,
    input_tokens,
    output_tokens,
    cost_microusd: expected,
  });
  take(account, draft);
  for (const purse of purses) purse.hold({ tokens, cost_microusd: expected ?? 0, tool_calls: 0 });
  let open = true;
  return {
    settle: (usage) => {
      if (!open) return { cost_microusd: null };
      open = false;
      const facts = usage ? settled(usage, costMicrousd(priced, usage, prices)) : null;
      const more = {
        tokens: (facts ? facts.input_tokens + facts.output_tokens : 0) - tokens,
        cost_microusd: (facts?.cost_microusd ?? 0) - (expected ?? 0),
        tool_calls: 0,
      };
      for (const purse of purses) purse.hold(more);
      if (!facts) {
        account.store.release(draft.id);
        return { cost_microusd: null };
      }
      account.store.settle(draft.id, facts);
      spent.input_tokens += facts.input_tokens;
      spent.output_tokens += facts.output_tokens;
      spent.cached_tokens += facts.cached_tokens;
      spent.cost_microusd += facts.cost_microusd ?? 0;
      return { cost_microusd: facts.cost_microusd };
    },
  };
}

function settled({ input_tokens, output_tokens, cached_tokens }: Usage, cost_microusd: number | null): Settled {
  return { input_tokens, output_tokens, cached_tokens, cost_microusd };
}

function draftOf(
  { root, clock }: Account,
  run: { readonly id: string; readonly agent: string },
  part: Pick<UsageDraft, "kind"> & Partial<UsageDraft>,
): UsageDraft {
  const at = rfc3339(clock.now());
  return {
    id: newId(),
    run: run.id,
    root,
    agent: run.agent,
    day: at.slice(0, 10),
    provider: "",
    model: "",
    tool: "",
    input_tokens: 0,
    output_tokens: 0,
    cost_microusd: part.kind === "tool" ? 0 : null,
    at,
    ...part,
  };
}

/** Writes the row, or throws `resource_exhausted` naming the budget that does not hold it. */
function take({ store, config }: Account, draft: UsageDraft): void {
  const full = store.reserve(draft, limitsOf(config, draft));
  if (!full) return;
  const unit = full.of === "cost_microusd" ? "US dollars" : full.of === "tokens" ? "tokens" : "tool calls";
  const scale = full.of === "cost_microusd" ? 1e6 : 1;
  throw exhausted(
    `budget.${full.name}`,
    `${full.max / scale} ${unit}, of which ${full.used / scale} are used or reserved`,
  );
}

function limitsOf({ budget }: Config, draft: UsageDraft): readonly UsageLimit[] {
  const scopes = [
    ["run", { root: draft.root }],
    ["agent_day", { day: draft.day, agent: draft.agent }],
    ["day", { day: draft.day }],
  ] as const;
  return scopes.flatMap(([scope, over]): readonly UsageLimit[] => {
    const tokens = budget[`${scope}_tokens`];
    const usd = budget[`${scope}_usd`];
    const calls = budget[`${scope}_tool_calls`];
    return [
      ...(tokens === null ? [] : [{ name: `${scope}_tokens`, over, of: "tokens", max: tokens } as const]),
      ...(usd === null ? [] : [{ name: `${scope}_usd`, over, of: "cost_microusd", max: microusd(usd) } as const]),
      ...(calls === null ? [] : [{ name: `${scope}_tool_calls`, over, of: "tool_calls", max: calls } as const]),
    ];
  });
}

/** Whole millionths: a tenth of a dollar must not come out as a little less than itself. */
function microusd(usd: number): number {
  return Math.round(usd * 1e6);
}

function hasMoneyLimit({ config }: Account, purses: readonly Purse[]): boolean {
  const { run_usd, agent_day_usd, day_usd } = config.budget;
  return [run_usd, agent_day_usd, day_usd, ...purses.map(({ limits }) => limits.usd)].some((limit) => limit !== null);
}

function exhausted(what: string, limit: string): Fault {
  return new Fault("resource_exhausted", `${what} is limited to ${limit}: the next step would exceed it`, {
    hint: "raise the budget, or wait for the next day; see reeve usage",
  });
}

/** What a turn cost, in millionths of a US dollar: what the provider says, else by the configured prices, else unknown. */
import type { Usage } from "../../define/provider.ts";

/** US dollars for a million tokens, which is millionths of a dollar for one. */
export interface Price {
  readonly input_usd: number;
  readonly output_usd: number;
  /** Of input read from the provider's cache; as other input when absent. */
  readonly cached_usd?: number | undefined;
}

export interface Priced {
  /** `provider/model`. */
  readonly name: string;
  readonly free: boolean;
}

/** By `provider/model`. */
export type Prices = Readonly<Record<string, Price>>;

/** Null when nobody knows: no price is ever guessed. Rounded up to the next millionth. */
export function costMicrousd({ name, free }: Priced, usage: Usage, prices: Prices): number | null {
  if (usage.cost_usd !== null) return roundUp(usage.cost_usd * 1_000_000);
  if (free) return 0;
  const price = Object.hasOwn(prices, name) ? prices[name] : undefined;
  if (!price) return null;
  const cached = Math.min(usage.cached_tokens, usage.input_tokens);
  const { input_usd, output_usd, cached_usd = input_usd } = price;
  return roundUp((usage.input_tokens - cached) * input_usd + cached * cached_usd + usage.output_tokens * output_usd);
}

/** The most an attempt can cost, known before it is made: all input at full price and all output it may give. */
export function mostMicrousd(
  priced: Priced,
  tokens: { readonly input_tokens: number; readonly output_tokens: number },
  prices: Prices,
): number | null {
  return costMicrousd(priced, { ...tokens, cached_tokens: 0, cost_usd: null }, prices);
}

/** Up, but not for the dust that binary fractions leave behind. */
function roundUp(value: number): number {
  return Math.ceil(Number(value.toFixed(3)));
}

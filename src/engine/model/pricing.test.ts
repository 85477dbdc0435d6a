/** Money is counted in whole millionths of a dollar, never guessed and never too low. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { costMicrousd, mostMicrousd } from "./pricing.ts";

const usage = { input_tokens: 1000, output_tokens: 100, cached_tokens: 400, cost_usd: null };
const paid = { name: "one/m1", free: false };
const prices = { "one/m1": { input_usd: 2, output_usd: 10, cached_usd: 0.2 } };

describe("the cost of a turn", () => {
  test("is what the provider says, whatever the table says", () => {
    expect(costMicrousd(paid, { ...usage, cost_usd: 0.000123 }, prices)).toBe(123);
    expect(costMicrousd({ ...paid, free: true }, { ...usage, cost_usd: 0.000_000_4 }, prices)).toBe(1);
  });

  test("counts cached input at its own price, or as other input where that is not known", () => {
    expect(costMicrousd(paid, usage, prices)).toBe(600 * 2 + 80 + 100 * 10);
    expect(costMicrousd(paid, usage, { "one/m1": { input_usd: 2, output_usd: 10 } })).toBe(3000);
  });

  test("is nothing on one's own machine, and unknown without a price", () => {
    expect(costMicrousd({ ...paid, free: true }, usage, {})).toBe(0);
    expect(costMicrousd(paid, usage, {})).toBeNull();
    expect(costMicrousd({ name: "constructor", free: false }, usage, prices)).toBeNull();
  });

  test("is never more than what was set aside for it", () => {
    const tokens = fc.nat(1_000_000);
    const usd = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(
        tokens,
        tokens,
        tokens,
        usd,
        usd,
        (input_tokens, output_tokens, cached_tokens, input_usd, output_usd) => {
          const table = { "one/m1": { input_usd, output_usd, cached_usd: input_usd / 10 } };
          const cost = costMicrousd(paid, { input_tokens, output_tokens, cached_tokens, cost_usd: null }, table) ?? -1;
          const most = mostMicrousd(paid, { input_tokens, output_tokens }, table) ?? -1;
          expect(cost).toBeGreaterThanOrEqual(0);
          expect(cost).toBeLessThanOrEqual(most);
          expect(Number.isInteger(cost)).toBe(true);
        },
      ),
    );
  });
});

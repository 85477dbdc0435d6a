/** A model tried before a home is made of it: one small question to it, and the list of what its address offers. */
import { systemClock } from "../../../src/core/clock.ts";
import { Fault } from "../../../src/core/fault.ts";
import type { Provider } from "../../../src/define/provider.ts";
import { providerFetch } from "../../../src/egress/fetch.ts";
import type { Meter } from "../../../src/engine/meter.ts";
import { openModel } from "../../../src/engine/model/client.ts";
import { modelsInReach, modelsOffered } from "../../../src/engine/model/offered.ts";
import { type ModelChoice, tryOut } from "./choice.ts";

/** There is no home yet whose budgets could count it. */
const unmetered: Meter = {
  reserve: () => ({ settle: () => ({ cost_microusd: null }) }),
  call: () => undefined,
  spent: { input_tokens: 0, output_tokens: 0, cached_tokens: 0, cost_microusd: 0, tool_calls: 0 },
  child: () => unmetered,
};

/** Milliseconds the answer took. Throws the fault of the attempt, `deadline_exceeded` after `limit_ms`; nothing is repeated. */
export async function tryModel(
  choice: ModelChoice,
  providers: readonly Provider[],
  { signal, limit_ms = 20_000 }: { readonly signal: AbortSignal; readonly limit_ms?: number },
): Promise<number> {
  const { config, keys } = tryOut(choice);
  const model = openModel({
    config: { ...config, model: { ...config.model, max_attempts: 1, max_output_tokens: 64, fallback: [] } },
    providers,
    keys,
    fetch: providerFetch,
    clock: systemClock,
    rank: () => [],
  });
  const limit = AbortSignal.timeout(limit_ms);
  const began_ms = performance.now();
  const request = {
    messages: [{ role: "user", content: "Answer with the word: ready" }],
    tools: [],
    schema: null,
  } as const;
  for await (const event of model.stream(request, { signal: AbortSignal.any([signal, limit]), meter: unmetered })) {
    if (event.type === "done") return Math.round(performance.now() - began_ms);
    if (event.type !== "error") continue;
    if (signal.aborted) throw new Fault("canceled", "interrupted");
    if (limit.aborted) {
      throw new Fault("deadline_exceeded", `${choice.provider.name} did not answer within ${limit_ms} ms`, {
        hint: "check the address and the model's name",
      });
    }
    const { code, message, hint } = event.fault;
    throw new Fault(code, message, hint === undefined ? {} : { hint });
  }
  throw new Fault("internal", "the model's stream had no end");
}

const patience_ms = 10_000;

/** Names of the models that can be chosen, undefined where nobody lists them. Throws a Fault. */
export async function listModels(
  choice: ModelChoice,
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  // Any name will do to reach the list of them.
  const { config, keys } = tryOut({ ...choice, model: choice.model ?? "any" });
  const [candidate] = modelsInReach({ config, providers, keys });
  return modelsOffered(candidate, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(patience_ms)]),
    patience_ms,
  });
}

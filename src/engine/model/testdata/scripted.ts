/** Providers that play a script, a meter that counts, and time that passes only when somebody waits. */
import { Fault } from "../../../core/fault.ts";
import {
  defineProvider,
  type Provider,
  type ProviderContext,
  type ProviderEvent,
  type ProviderRequest,
  type Usage,
} from "../../../define/provider.ts";
import type { Attempted, Meter, Reservation } from "../../meter.ts";
import type { ModelConfig } from "../chain.ts";
import { type ModelEvent, type ModelOptions, openModel } from "../client.ts";
import type { Sleep } from "../retry.ts";

/** An event, or a step of its own such as waiting for ever. */
export type Step = ProviderEvent | ((ctx: ProviderContext, request: ProviderRequest) => Promise<void>);

export const hang: Step = () => new Promise(() => undefined);

export const done: ProviderEvent = { type: "done", stop: "end" };
export const text = (words: string): ProviderEvent => ({ type: "text", text: words });
export const used = (input_tokens: number, output_tokens: number, cost_usd: number | null = null): ProviderEvent => ({
  type: "usage",
  usage: { input_tokens, output_tokens, cached_tokens: 0, cost_usd },
});

const codes = {
  rate_limited: "resource_exhausted",
  unavailable: "unavailable",
  cut: "unavailable",
  timeout: "deadline_exceeded",
  context_length: "invalid_argument",
  unauthenticated: "unauthenticated",
  rejected: "invalid_argument",
} as const;

export function failed(kind: keyof typeof codes, retry_after_ms?: number): ProviderEvent {
  const fault = new Fault(codes[kind], `it was ${kind}`).toRecord();
  return { type: "error", fault, kind, ...(retry_after_ms === undefined ? {} : { retry_after_ms }) };
}

/** A provider whose Nth attempt plays the Nth script; the last one again when there are no more. */
export class Scripted {
  readonly attempts: { readonly request: ProviderRequest; readonly ctx: ProviderContext }[] = [];
  readonly provider: Provider;

  constructor(
    name: string,
    scripts: readonly (readonly Step[])[],
    reach: Partial<NonNullable<Provider["reach"]>> = {},
  ) {
    const attempts = this.attempts;
    this.provider = defineProvider({
      name,
      summary: "Plays a script.",
      reach: {
        base_url: `https://${name}.example/v1/`,
        key: "optional",
        key_env: [`${name.toUpperCase()}_KEY`],
        default_model: "m1",
        tool_calls: "native",
        free: false,
        ...reach,
      },
      async *stream(request, ctx) {
        const script = scripts[Math.min(attempts.length, scripts.length - 1)] ?? [];
        attempts.push({ request, ctx });
        for (const step of script) {
          if (typeof step === "function") await step(ctx, request);
          else yield step;
        }
      },
    });
  }
}

/** Counts what was reserved and settled; refuses reservations beyond `allowed`. */
export class CountingMeter implements Meter {
  readonly reserved: Attempted[] = [];
  readonly settled: (Usage | null)[] = [];
  readonly spent = { input_tokens: 0, output_tokens: 0, cached_tokens: 0, cost_microusd: 0, tool_calls: 0 };
  readonly #allowed: number;

  constructor(allowed = Number.POSITIVE_INFINITY) {
    this.#allowed = allowed;
  }

  reserve(attempted: Attempted): Reservation {
    if (this.reserved.length >= this.#allowed) throw new Fault("resource_exhausted", "budget run_tokens is used up");
    this.reserved.push(attempted);
    let isOpen = true;
    return {
      settle: (usage) => {
        if (!isOpen) throw new Error("settled twice");
        isOpen = false;
        this.settled.push(usage);
        return { cost_microusd: usage ? usage.input_tokens + usage.output_tokens : null };
      },
    };
  }

  call(): void {}

  child(): Meter {
    return this;
  }
}

export const settings: ModelConfig["model"] = {
  provider: "one",
  name: null,
  temperature: null,
  max_output_tokens: 8192,
  effort: null,
  tool_calls: null,
  fallback: [],
  max_attempts: 3,
  idle_timeout_ms: 90_000,
  breaker_failures: 5,
  breaker_open_ms: 30_000,
  prices: {},
};

/** A model over the providers, with a clock that only waiting moves. */
export function stage(
  providers: readonly Scripted[],
  {
    model = {},
    meter = new CountingMeter(),
    ...more
  }: { readonly model?: Partial<ModelConfig["model"]>; readonly meter?: CountingMeter } & Partial<
    Omit<ModelOptions, "config">
  > & { readonly endpoints?: ModelConfig["providers"] } = {},
) {
  let now_ms = Date.UTC(2026, 10, 21);
  const waits: number[] = [];
  const sleep: Sleep = (ms) => {
    waits.push(ms);
    now_ms += ms;
    return Promise.resolve();
  };
  const fallback = providers.slice(1).map(({ provider }) => provider.name);
  const options = {
    config: { model: { ...settings, fallback, ...model }, providers: more.endpoints ?? {} },
    providers: providers.map(({ provider }) => provider),
    keys: { key: () => null },
    fetch: () => () => Promise.reject(new Error("no network here")),
    clock: { now: () => now_ms, monotonic: () => now_ms },
    rank: () => [],
    random: () => 0.5,
    sleep,
    ...more,
  };
  const opened = openModel(options);
  return {
    model: opened,
    meter,
    waits,
    pass: (ms: number) => {
      now_ms += ms;
    },
    elapsed: () => now_ms - Date.UTC(2026, 10, 21),
    say: (signal: AbortSignal = new AbortController().signal) => collect(opened.stream(ask, { signal, meter })),
  };
}

export const ask = { messages: [{ role: "user", content: "hello" }], tools: [], schema: null } as const;

export async function collect(stream: AsyncIterable<ModelEvent>): Promise<readonly ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** What a consumer that obeys `retry` is left with. */
export function heard(events: readonly ModelEvent[]): { readonly text: string; readonly calls: readonly string[] } {
  const from = events.findLastIndex(({ type }) => type === "retry") + 1;
  const last = events.slice(from);
  return {
    text: last.map((event) => (event.type === "text" ? event.text : "")).join(""),
    calls: last.flatMap((event) => (event.type === "call" ? [event.call.id] : [])),
  };
}

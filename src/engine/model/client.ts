/**
 * The model a run talks to: the configured one, tried again when it fails in a way that passes, and its fallbacks in
 * order. A turn that failed halfway is taken back by a `retry` before the next attempt says anything, and no call is
 * yielded before its turn is known to be whole.
 */
import type { Json } from "../../core/canonical.ts";
import { type Clock, rfc3339 } from "../../core/clock.ts";
import { Fault, type FaultRecord } from "../../core/fault.ts";
import type {
  FailureKind,
  Message,
  Provider,
  ProviderContext,
  ProviderEvent,
  ProviderFetch,
  ToolOffer,
  Usage,
} from "../../define/provider.ts";
import type { KeySource } from "../keys.ts";
import type { Meter } from "../meter.ts";
import { attempt, type Outcome, signed } from "./attempt.ts";
import { type Breaker, Breakers } from "./breaker.ts";
import { type Candidate, chainOf, type ModelConfig } from "./chain.ts";
import { afterFailure, longestAsked_ms, type Sleep, sleep as realSleep } from "./retry.ts";

export interface TurnRequest {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolOffer[];
  /** JSON Schema of the answer, where one is wanted. */
  readonly schema: Json | null;
}

/** Exactly one `done` or `error` comes last. */
export type ModelEvent =
  | Extract<ProviderEvent, { readonly type: "text" | "thinking" | "call" | "notice" }>
  /** All text, thinking and calls of this turn so far are void; `model` is tried after `wait_ms`. */
  | { readonly type: "retry"; readonly reason: string; readonly wait_ms: number; readonly model: string }
  | {
      readonly type: "done";
      readonly stop?: "end" | "calls" | "length" | "refusal";
      readonly continuation?: Json;
      /** `provider/model` that answered. */
      readonly model: string;
      /** Null when the provider did not say; `cost_microusd` is null where no price is known. */
      readonly usage: (Usage & { readonly cost_microusd: number | null }) | null;
    }
  | { readonly type: "error"; readonly fault: FaultRecord; readonly kind: FailureKind };

export interface Model {
  stream(request: TurnRequest, run: { readonly signal: AbortSignal; readonly meter: Meter }): AsyncIterable<ModelEvent>;
  readonly provider: string;
  readonly model: string | null;
}

export interface ModelOptions {
  readonly config: ModelConfig;
  readonly providers: readonly Provider[];
  readonly keys: KeySource;
  readonly fetch: (base_url: string) => ProviderFetch;
  readonly clock: Clock;
  readonly rank: ProviderContext["rank"];
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly sleep?: Sleep;
  /** What is known of each model's health; to be shared by the runs of a process. */
  readonly breakers?: Breakers;
}

/** Throws the faults of `chainOf` and those of `fetch` for an address that may not be reached. */
export function openModel(options: ModelOptions): Model {
  const { config, clock, rank, random = Math.random, sleep = realSleep, breakers = new Breakers() } = options;
  const chain = chainOf(options);
  const [first] = chain;
  const limits = { failures: config.model.breaker_failures, open_ms: config.model.breaker_open_ms };
  const parts = { config: config.model, clock, rank, random, sleep };
  const links = chain.map((candidate): Link => ({ candidate, breaker: breakers.of(candidate.name, limits) }));
  return {
    provider: first.provider.name,
    model: first.model,
    stream: (request, run) => turn(links, request, { ...parts, ...run }),
  };
}

interface Link {
  readonly candidate: Candidate;
  readonly breaker: Breaker;
}

interface Circumstances {
  readonly config: ModelConfig["model"];
  readonly clock: Clock;
  readonly rank: ProviderContext["rank"];
  readonly random: () => number;
  readonly sleep: Sleep;
  readonly signal: AbortSignal;
  readonly meter: Meter;
}

/** Why a model gave way to the next one. */
type Passed = {
  readonly state: "passed";
  readonly reason: string;
  readonly fault: FaultRecord;
  readonly kind: FailureKind;
};

async function* turn(
  links: readonly Link[],
  request: TurnRequest,
  circumstances: Circumstances,
): AsyncGenerator<ModelEvent> {
  for (const [i, link] of links.entries()) {
    const next = links[i + 1];
    const end = yield* ask(link, request, circumstances, next !== undefined);
    if (end.state === "ended") return;
    if (!next) {
      yield { type: "error", fault: end.fault, kind: end.kind };
      return;
    }
    const [from, to] = [link.candidate.name, next.candidate.name];
    yield { type: "notice", name: "model.fallback", detail: `${from} gives way to ${to}: ${end.reason}` };
    yield { type: "retry", reason: end.reason, wait_ms: 0, model: to };
  }
}

/** All attempts at one model. */
async function* ask(
  { candidate, breaker }: Link,
  request: TurnRequest,
  circumstances: Circumstances,
  has_fallback: boolean,
): AsyncGenerator<ModelEvent, Passed | { readonly state: "ended" }, undefined> {
  const { config, clock, random, sleep, signal } = circumstances;
  const { max_attempts } = config;
  for (let number = 1; ; number++) {
    if (!breaker.admits(clock.monotonic())) return openPass(candidate, breaker.wait_ms(clock.monotonic()));
    const outcome = yield* watched(candidate, breaker, request, circumstances);
    if (outcome.state === "done") {
      yield* whole(candidate, outcome);
      return { state: "ended" };
    }
    const { fault } = outcome;
    if (outcome.state !== "failed") {
      yield { type: "error", fault, kind: "rejected" };
      return { state: "ended" };
    }
    const { kind } = outcome;
    const verdict = afterFailure(outcome, { attempt: number, max_attempts, has_fallback, random });
    const isShut = breaker.wait_ms(clock.monotonic()) > 0;
    if (verdict.next === "fallback" || (isShut && has_fallback)) {
      return { state: "passed", reason: fault.message, fault, kind };
    }
    if (verdict.next === "again" && !isShut) {
      yield { type: "retry", reason: fault.message, wait_ms: verdict.wait_ms, model: candidate.name };
      await sleep(verdict.wait_ms, signal);
      continue;
    }
    const last = verdict.next === "come back" ? comeBack(candidate, fault, verdict.after_ms, clock) : fault;
    yield { type: "error", fault: last, kind };
    return { state: "ended" };
  }
}

/** One attempt, and what it says of the model's health. */
async function* watched(
  candidate: Candidate,
  breaker: Breaker,
  request: TurnRequest,
  circumstances: Circumstances,
): AsyncGenerator<ModelEvent, Outcome, undefined> {
  let outcome: Outcome | undefined;
  try {
    outcome = yield* attempt(candidate, request, circumstances);
    return outcome;
  } finally {
    if (outcome?.state === "done") breaker.succeed();
    else if (outcome?.state !== "failed") breaker.release();
    else if (answered.has(outcome.kind)) breaker.succeed();
    else breaker.fail(circumstances.clock.monotonic());
  }
}

/** Failures that are about the request and not about the model's health. */
const answered: ReadonlySet<FailureKind> = new Set(["context_length", "unauthenticated", "rejected"]);

function* whole(candidate: Candidate, outcome: Extract<Outcome, { readonly state: "done" }>): Generator<ModelEvent> {
  const { calls, stop, continuation, usage } = outcome;
  for (const call of calls) yield { type: "call", call };
  yield {
    type: "done",
    ...(stop === undefined ? {} : { stop }),
    ...(continuation === undefined ? {} : { continuation: signed(candidate, continuation) }),
    model: candidate.name,
    usage,
  };
}

function openPass({ name }: Candidate, wait_ms: number): Passed {
  const pause = wait_ms > 0 ? `is left alone for ${Math.ceil(wait_ms / 1000)} s more` : "is being tried by another run";
  const reason = `${name} failed too often and ${pause}`;
  const fault = new Fault("unavailable", reason, { hint: "wait, or name another model in model.fallback" });
  return { state: "passed", reason, fault: fault.toRecord(), kind: "unavailable" };
}

function comeBack({ name }: Candidate, fault: FaultRecord, after_ms: number, clock: Clock): FaultRecord {
  const at = rfc3339(clock.now() + after_ms);
  const words = `${name} asks to come back at ${at}, longer than the ${longestAsked_ms / 1000} s a run waits: ${fault.message}`;
  const hint = "try again then, or name another model in model.fallback";
  return new Fault("resource_exhausted", words, { hint, data: { retry_at: at } }).toRecord();
}

/** One attempt at one model: reserved before it is made, settled however it ends, and over at once when the run is stopped. */
import type { Json } from "../../core/canonical.ts";
import { asFault, Fault, type FaultRecord } from "../../core/fault.ts";
import type {
  FailureKind,
  Message,
  ProviderContext,
  ProviderEvent,
  ProviderRequest,
  ToolRequest,
  Usage,
} from "../../define/provider.ts";
import type { Meter, Reservation } from "../meter.ts";
import type { Candidate, ModelConfig } from "./chain.ts";
import { requestTokens } from "./estimate.ts";
import { withoutKeys } from "./keyless.ts";

/** What is said while the attempt is under way. Calls are held back until it is known to be whole. */
export type Said = Extract<ProviderEvent, { readonly type: "text" | "thinking" | "notice" }>;

export type Outcome =
  | {
      readonly state: "done";
      readonly calls: readonly ToolRequest[];
      readonly stop: "end" | "calls" | "length" | "refusal" | undefined;
      readonly continuation: Json | undefined;
      readonly usage: (Usage & { readonly cost_microusd: number | null }) | null;
    }
  | {
      readonly state: "failed";
      readonly fault: FaultRecord;
      readonly kind: FailureKind;
      readonly retry_after_ms: number | null;
    }
  /** The run was stopped. */
  | { readonly state: "stopped"; readonly fault: FaultRecord }
  /** No budget is left; nothing was sent. */
  | { readonly state: "unpaid"; readonly fault: FaultRecord };

export interface Asked {
  readonly messages: readonly Message[];
  readonly tools: ProviderRequest["tools"];
  readonly schema: Json | null;
}

interface Circumstances {
  readonly config: ModelConfig["model"];
  readonly rank: ProviderContext["rank"];
  readonly signal: AbortSignal;
  readonly meter: Meter;
}

export async function* attempt(
  candidate: Candidate,
  asked: Asked,
  circumstances: Circumstances,
): AsyncGenerator<Said, Outcome, undefined> {
  const { config, signal, meter } = circumstances;
  if (signal.aborted) return { state: "stopped", fault: stopFault(signal) };
  const request = requestFor(candidate, asked, config);
  const input_tokens = candidate.endpoint ? requestTokens(request) : 0;
  let reservation: Reservation | null;
  try {
    reservation = reserve(candidate, meter, input_tokens, request.max_output_tokens);
  } catch (thrown) {
    return { state: "unpaid", fault: asFault(thrown).toRecord() };
  }
  const heard: Heard = { calls: [], usage: null, chars: 0, notices: new Set() };
  const settle = () => {
    const paid = reservation?.settle(heard.usage ?? guess(heard, input_tokens)) ?? null;
    reservation = null;
    return paid;
  };
  try {
    const end = yield* listen(candidate, request, circumstances, heard);
    const paid = settle();
    if (end.type === "stopped") return { state: "stopped", fault: stopFault(signal) };
    if (end.type === "error") {
      const failed = failure(candidate, end);
      if (failed.kind === "context_length" && !heard.notices.has("model.context_length"))
        yield { type: "notice", name: "model.context_length", detail: failed.fault.message };
      return failed;
    }
    const { usage, calls } = heard;
    return {
      state: "done",
      calls,
      stop: end.stop,
      continuation: end.continuation,
      usage: usage && { ...usage, cost_microusd: paid?.cost_microusd ?? null },
    };
  } finally {
    // Also when the consumer walks away in the middle.
    if (reservation) settle();
  }
}

interface Heard {
  readonly calls: ToolRequest[];
  readonly notices: Set<string>;
  usage: Usage | null;
  chars: number;
}

type End = Extract<ProviderEvent, { readonly type: "done" | "error" }> | { readonly type: "stopped" };

async function* listen(
  candidate: Candidate,
  request: ProviderRequest,
  { config, rank, signal }: Circumstances,
  heard: Heard,
): AsyncGenerator<Said, End, undefined> {
  const { provider, endpoint } = candidate;
  const context = { signal, rank, fetch: candidate.fetch, endpoint, idle_timeout_ms: config.idle_timeout_ms };
  const stop = stopped(signal);
  let events: AsyncIterator<ProviderEvent> | undefined;
  let isOver = false;
  try {
    events = provider.stream(request, context)[Symbol.asyncIterator]();
    for (;;) {
      const step = await Promise.race([events.next(), stop.promise]);
      if (step === "stopped" || signal.aborted) return { type: "stopped" };
      if (step.done) {
        isOver = true;
        return cutEnd(provider.name);
      }
      const event = step.value;
      if (event.type === "done" || event.type === "error") return event;
      if (event.type === "call") heard.calls.push(event.call);
      else if (event.type === "usage") heard.usage = event.usage;
      else if (event.type === "notice") {
        heard.notices.add(event.name);
        yield withoutKeys(event, endpoint);
      } else {
        heard.chars += event.text.length;
        yield event;
      }
    }
  } catch (thrown) {
    isOver = true;
    if (signal.aborted) return { type: "stopped" };
    return { type: "error", fault: asFault(thrown, `the provider ${provider.name}`).toRecord(), kind: "rejected" };
  } finally {
    stop.release();
    // Not awaited: a provider that hangs must not hold the run.
    if (!isOver) events?.return?.()?.then(undefined, () => undefined);
  }
}

/** A promise that is kept once the signal is aborted, and a way to let go of the signal. */
function stopped(signal: AbortSignal): { readonly promise: Promise<"stopped">; readonly release: () => void } {
  const { promise, resolve } = Promise.withResolvers<"stopped">();
  const onAbort = () => resolve("stopped");
  signal.addEventListener("abort", onAbort, { once: true });
  return { promise, release: () => signal.removeEventListener("abort", onAbort) };
}

function reserve(
  { provider, model, free, endpoint }: Candidate,
  meter: Meter,
  input_tokens: number,
  output_tokens: number,
): Reservation | null {
  if (!endpoint || model === null) return null;
  return meter.reserve({ provider: provider.name, model, free, input_tokens, output_tokens });
}

/** What an attempt that told nothing of its use must have used, since something came of it; null when nothing did. */
function guess({ calls, chars }: Heard, input_tokens: number): Usage | null {
  const output = chars + calls.reduce((sum, call) => sum + JSON.stringify(call.arguments).length, 0);
  if (output === 0 && calls.length === 0) return null;
  return { input_tokens, output_tokens: Math.ceil(output / 4), cached_tokens: 0, cost_usd: null };
}

function requestFor(candidate: Candidate, asked: Asked, config: ModelConfig["model"]): ProviderRequest {
  return {
    messages: asked.messages.map((message) => messageFor(candidate, message)),
    tools: asked.tools,
    model: candidate.model,
    temperature: config.temperature,
    max_output_tokens: config.max_output_tokens,
    effort: config.effort,
    tool_calls: candidate.tool_calls,
    schema: asked.schema,
  };
}

/** Marks whose continuation it is: no other model could go on from it. */
export function signed(candidate: Candidate, continuation: Json): Json {
  return { by: candidate.name, it: continuation };
}

function messageFor({ name }: Candidate, message: Message): Message {
  if (message.role !== "assistant" || message.continuation === undefined) return message;
  const { continuation, ...rest } = message;
  const own = continuation as { readonly by?: Json; readonly it?: Json } | null;
  return own?.by === name && own.it !== undefined ? { ...rest, continuation: own.it } : rest;
}

function failure(
  { endpoint }: Candidate,
  end: Extract<End, { readonly type: "error" }>,
): Extract<Outcome, { readonly state: "failed" }> {
  const { fault, kind = "rejected", retry_after_ms } = end;
  const asked = retry_after_ms !== undefined && retry_after_ms >= 0 ? retry_after_ms : null;
  return { state: "failed", fault: withoutKeys(fault, endpoint), kind, retry_after_ms: asked };
}

function cutEnd(provider: string): End {
  const fault = new Fault("unavailable", `the provider ${provider} stopped without finishing its answer`, {
    hint: "try again",
  });
  return { type: "error", fault: fault.toRecord(), kind: "cut" };
}

function stopFault(signal: AbortSignal): FaultRecord {
  const reason: unknown = signal.reason;
  if (reason instanceof Fault) return reason.toRecord();
  return new Fault("canceled", "the run was stopped", { cause: reason }).toRecord();
}

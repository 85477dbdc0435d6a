/** The noun "provider": something that answers a conversation, possibly by asking for tool calls. */
import type { Json } from "../core/canonical.ts";
import type { FaultRecord } from "../core/fault.ts";
import type { Effect } from "./tool.ts";

export type Message =
  | { readonly role: "system"; readonly content: string }
  | { readonly role: "user"; readonly content: string; readonly images?: readonly Image[] }
  | {
      readonly role: "assistant";
      readonly content: string;
      readonly calls: readonly ToolRequest[];
      /** What the same provider gave with `done` and needs back unchanged to go on (signed thinking); never recorded. */
      readonly continuation?: Json;
    }
  | {
      readonly role: "tool";
      readonly call_id: string;
      readonly tool: string;
      readonly ok: boolean;
      readonly content: string;
    };

export interface Image {
  readonly media_type: "image/png" | "image/jpeg" | "image/gif" | "image/webp";
  /** Standard base64 with padding. */
  readonly base64: string;
}

/**
 * A model's wish to call a tool; `arguments` is whatever it sent, judged only by the door: text that was no JSON stays
 * text. Providers hand on the model's own `id` and `tool`; the engine replaces both by its own.
 */
export interface ToolRequest {
  readonly id: string;
  readonly tool: string;
  readonly arguments: Json;
  /** The tool's effect, known to the engine and absent in what a provider yields. */
  readonly effect?: Effect;
}

/** A tool as the model is told of it. */
export interface ToolOffer {
  readonly name: string;
  readonly summary: string;
  readonly effect: string;
  readonly input: Json;
  readonly phrases: readonly string[];
  readonly examples: readonly Json[];
}

/** Model interfaces refuse dots in names, so models see `fs_read`. */
export function wireName(tool: { readonly name: string }): string {
  return tool.name.replaceAll(".", "_");
}

export interface ProviderRequest {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolOffer[];
  /** The model's name at the provider; null for a provider without models. */
  readonly model: string | null;
  /** Null leaves it to the model. */
  readonly temperature: number | null;
  readonly max_output_tokens: number;
  /** How much the model should think before it answers, where it can. */
  readonly effort: "none" | "low" | "medium" | "high" | null;
  /** `text`: no native tools are sent; calls are read from fenced JSON in the visible text. `auto`: native, and text as well. */
  readonly tool_calls: "native" | "text" | "auto";
  /** JSON Schema the answer must fit, when a structured answer is wanted. */
  readonly schema: Json | null;
}

/** Why a turn failed; only the first four are worth another attempt. */
export type FailureKind =
  "rate_limited" | "unavailable" | "cut" | "timeout" | "context_length" | "unauthenticated" | "rejected";

export interface Usage {
  /** All input, the cached part included. */
  readonly input_tokens: number;
  /** All output, thinking included. */
  readonly output_tokens: number;
  readonly cached_tokens: number;
  /** What the provider says it charged, in US dollars; null when it does not say. */
  readonly cost_usd: number | null;
}

/** Something odd in what a model sent, by name, that does not end the turn. */
export type ModelNotice =
  | "model.call_malformed"
  | "model.call_oversized"
  | "model.call_in_thinking"
  | "model.call_duplicate_id"
  | "model.call_unknown"
  | "model.invalid_utf8"
  | "model.output_endless"
  | "model.refusal"
  | "model.context_length"
  | "model.retry"
  | "model.fallback";

/**
 * One turn as it arrives: text and thinking in pieces, each call once and whole, usage at most once, then exactly one
 * `done` or `error`. Text inside thinking marks is `thinking`, never `text`.
 */
export type ProviderEvent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly text: string }
  | { readonly type: "call"; readonly call: ToolRequest }
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "notice"; readonly name: ModelNotice; readonly detail: string }
  | { readonly type: "done"; readonly stop?: "end" | "calls" | "length" | "refusal"; readonly continuation?: Json }
  | {
      readonly type: "error";
      readonly fault: FaultRecord;
      /** `rejected` when absent. */
      readonly kind?: FailureKind;
      /** What the provider asked to wait, in milliseconds. */
      readonly retry_after_ms?: number;
    };

/** The part of the global `fetch` a provider is given: it reaches the provider's own host and no other. */
export type ProviderFetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Where and with what a provider is reached, from config and vault. */
export interface Endpoint {
  /** Without a slash at its end. */
  readonly base_url: string;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Which of the provider's interfaces, where it has several. */
  readonly api: "chat" | "responses" | null;
}

export interface ProviderContext {
  readonly signal: AbortSignal;
  /** BM25 over in-memory documents; best first, `score` above 0, larger is better. */
  readonly rank: (
    query: string,
    documents: readonly RankedDocument[],
  ) => readonly { readonly id: string; readonly score: number }[];
  readonly fetch: ProviderFetch;
  /** Null for a provider that needs none. */
  readonly endpoint: Endpoint | null;
  /** Milliseconds without a byte after which an attempt is given up as `timeout`. */
  readonly idle_timeout_ms: number;
}

export interface RankedDocument {
  readonly id: string;
  /** Fields in falling weight. */
  readonly fields: readonly string[];
}

/** What must be known to reach a provider. */
export interface Reach {
  /** Null when it must be configured. */
  readonly base_url: string | null;
  readonly key: "required" | "optional" | "none";
  /** Environment variables a key is taken from, the first that is set. */
  readonly key_env: readonly string[];
  /** Null when it must be chosen. */
  readonly default_model: string | null;
  readonly tool_calls: "native" | "auto";
  /** Whether its tokens cost nothing, as on one's own machine. */
  readonly free: boolean;
}

/** `stream` makes one attempt and never throws: failure is a final `error` event, success a final `done`. */
export interface Provider {
  readonly name: string;
  readonly summary: string;
  /** Null for one that reaches nothing. */
  readonly reach: Reach | null;
  readonly stream: (request: ProviderRequest, ctx: ProviderContext) => AsyncIterable<ProviderEvent>;
  /** Names of the models the endpoint offers, for choosing one; throws a Fault. Absent where there are none. */
  readonly models?: (ctx: ProviderContext) => Promise<readonly string[]>;
}

export function defineProvider(provider: Provider): Provider {
  return provider;
}

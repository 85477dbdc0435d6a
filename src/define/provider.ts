/** The noun "provider": something that answers a conversation, possibly by asking for tool calls. */
import type { Json } from "../core/canonical.ts";
import type { FaultRecord } from "../core/fault.ts";

export type Message =
  | { readonly role: "system" | "user"; readonly content: string }
  | { readonly role: "assistant"; readonly content: string; readonly calls: readonly ToolRequest[] }
  | {
      readonly role: "tool";
      readonly call_id: string;
      readonly tool: string;
      readonly ok: boolean;
      readonly content: string;
    };

/** A model's wish to call a tool; `arguments` is whatever it sent, judged only by the door. */
export interface ToolRequest {
  readonly id: string;
  readonly tool: string;
  readonly arguments: Json;
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

export interface ProviderRequest {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolOffer[];
}

export type ProviderEvent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "call"; readonly call: ToolRequest }
  | { readonly type: "done" }
  | { readonly type: "error"; readonly fault: FaultRecord };

export interface ProviderContext {
  readonly signal: AbortSignal;
  /** BM25 over in-memory documents; best first, `score` above 0, larger is better. */
  readonly rank: (
    query: string,
    documents: readonly RankedDocument[],
  ) => readonly { readonly id: string; readonly score: number }[];
}

export interface RankedDocument {
  readonly id: string;
  /** Fields in falling weight. */
  readonly fields: readonly string[];
}

/** `stream` never throws: failure is a final `error` event, success a final `done`. */
export interface Provider {
  readonly name: string;
  readonly summary: string;
  readonly stream: (request: ProviderRequest, ctx: ProviderContext) => AsyncIterable<ProviderEvent>;
}

export function defineProvider(provider: Provider): Provider {
  return provider;
}

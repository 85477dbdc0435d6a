/** What a scripted model says, turn by turn: the one fake in the tests, with everything around it real. */
import type { Json } from "../../../core/canonical.ts";

export interface Script {
  /** The turn is chosen by how often the assistant has spoken in the request, so conversations may run side by side. */
  readonly turns: readonly ScriptTurn[];
  /** The turns of conversations with exactly this message, in place of `turns`. */
  readonly turns_for?: Readonly<Record<string, readonly ScriptTurn[]>>;
  /** Does whatever `CALL tool {json}` it finds in the last message tells it to: the victim of an injection. */
  readonly obedient?: boolean;
}

export interface ScriptTurn {
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly ScriptCall[];
  readonly usage?: { readonly input_tokens: number; readonly output_tokens: number; readonly cached_tokens?: number };
  /** Pieces the text is sent in; words when absent. */
  readonly chunks?: number;
  readonly chunk_delay_ms?: number;
  /** Before the first byte. */
  readonly delay_ms?: number;
  readonly stop?: "length" | "refusal";
  readonly fail?: Failure;
  /** Used up one by one by repeated requests for this turn, before the turn itself. */
  readonly attempts?: readonly ScriptTurn[];
}

export interface ScriptCall {
  readonly tool: string;
  /** Text is sent as it is, also when it is no JSON. */
  readonly arguments: Json;
  readonly id?: string;
}

export type Failure =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly cut: "after-first" | "mid-json" | "before-done" }
  | { readonly hang: "headers" | "body" }
  /** Base64 of bytes put into the middle of the text. */
  | { readonly raw: string }
  | { readonly endless: "text" | "arguments" | "keepalive" };

/** A request as it came. */
export interface Recorded {
  readonly path: string;
  readonly wire: Wire;
  readonly body: Json;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body. */
  readonly size: number;
  /** Milliseconds since the Unix epoch. */
  readonly at_ms: number;
}

export type Wire = "chat" | "responses" | "messages" | "models";

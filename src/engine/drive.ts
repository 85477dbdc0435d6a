/**
 * Drives one run: a `/tool` directive, or turns of a provider with tool calls between them. It reaches the world only
 * through its ports, so a replay drives the same code with recorded turns and results.
 */
import { type Json, canonicalize } from "../core/canonical.ts";
import { Fault, type FaultRecord, asFault } from "../core/fault.ts";
import type { RunState } from "../define/handles.ts";
import type { Message, ProviderEvent, ProviderRequest, ToolOffer, ToolRequest } from "../define/provider.ts";
import type { CallCode } from "./result.ts";

/** A call's result as the conversation needs it. */
export type Answer =
  | { readonly ok: true; readonly output: Json }
  | { readonly ok: false; readonly code: CallCode; readonly fault: FaultRecord };

export interface Ports {
  readonly signal: AbortSignal;
  stream(request: ProviderRequest): AsyncIterable<ProviderEvent>;
  call(tool: string, input: Json, call_id: string): Promise<Answer>;
  /** Records the prompt before the first turn, and each turn when it is over. */
  prompt(text: string): void;
  turn(turn: {
    readonly turn: number;
    readonly text: string;
    readonly calls: readonly ToolRequest[];
    readonly fault: FaultRecord | null;
  }): void;
  /** Text of the provider as it may be kept and shown. */
  scrub(text: string): string;
  /** Throws when the run was canceled from elsewhere. */
  checkpoint(): void;
}

export interface End {
  readonly state: Extract<RunState, "completed" | "failed" | "cancelled">;
  readonly answer: string;
  readonly fault: FaultRecord | null;
}

/** One tool call, no provider. */
export async function driveDirective(ports: Ports, tool: string, input: Json): Promise<End> {
  const result = await ports.call(tool, input, "call-1");
  if (result.ok) return { state: "completed", answer: JSON.stringify(result.output, null, 2), fault: null };
  const answer = `error: ${result.code} (${tool}): ${result.fault.message}`;
  return { state: result.code === "canceled" ? "cancelled" : "failed", answer, fault: result.fault };
}

/** Turns until the provider asks for no more calls, fails, is canceled or `max_turns` is reached. */
export async function driveConversation(
  ports: Ports,
  request: {
    readonly system: string;
    readonly message: string;
    readonly offers: readonly ToolOffer[];
    readonly max_turns: number;
  },
): Promise<End> {
  const messages: Message[] = [
    { role: "system", content: request.system },
    { role: "user", content: request.message },
  ];
  ports.prompt(`${request.system}\n## Message\n\n${request.message}\n`);
  try {
    let next = 1;
    for (let turn = 1; turn <= request.max_turns; turn++) {
      ports.checkpoint();
      const raw = await readTurn(ports, { messages, tools: request.offers });
      const said = { ...raw, text: ports.scrub(raw.text) };
      const calls = said.calls.map((each) => ({ ...each, id: `call-${next++}` }));
      ports.turn({ turn, text: said.text, calls, fault: said.fault });
      if (said.fault) return { state: "failed", answer: said.text, fault: said.fault };
      if (calls.length === 0) return { state: "completed", answer: said.text, fault: null };
      messages.push({ role: "assistant", content: said.text, calls });
      for (const { id, tool, arguments: input } of calls) {
        ports.checkpoint();
        const result = await ports.call(tool, input, id);
        if (!result.ok && (result.code === "ledger.unavailable" || result.code === "canceled")) {
          const state = result.code === "canceled" ? "cancelled" : "failed";
          return { state, answer: said.text, fault: result.fault };
        }
        const content = canonicalize(result.ok ? result.output : errorContent(result));
        messages.push({ role: "tool", call_id: id, tool, ok: result.ok, content });
      }
    }
  } catch (thrown) {
    const fault = asFault(thrown, "the run was cut short");
    return { state: fault.code === "canceled" ? "cancelled" : "failed", answer: "", fault: fault.toRecord() };
  }
  const fault = new Fault("resource_exhausted", `the run did not finish within ${request.max_turns} turns`, {
    hint: "narrow the request or raise engine.max_tool_iterations",
  });
  return { state: "failed", answer: "", fault: fault.toRecord() };
}

async function readTurn(
  ports: Ports,
  request: ProviderRequest,
): Promise<{ readonly text: string; readonly calls: readonly ToolRequest[]; readonly fault: FaultRecord | null }> {
  let text = "";
  const calls: ToolRequest[] = [];
  for await (const event of ports.stream(request)) {
    ports.signal.throwIfAborted();
    if (event.type === "text") text += event.text;
    else if (event.type === "call") calls.push(event.call);
    else if (event.type === "error") return { text, calls: [], fault: event.fault };
    else return { text, calls, fault: null };
  }
  const fault = new Fault("unavailable", "the provider stopped without finishing its answer", { hint: "try again" });
  return { text, calls: [], fault: fault.toRecord() };
}

function errorContent(result: Extract<Answer, { ok: false }>): Json {
  const { message, hint } = result.fault;
  return { code: result.code, message, ...(hint === undefined ? {} : { hint }) };
}

/** `/tool NAME JSON` at the beginning of a message, or undefined. Throws `invalid_argument` when it is one but malformed. */
export function parseDirective(message: string): { readonly tool: string; readonly input: Json } | undefined {
  if (!/^\/tool(\s|$)/.test(message)) return undefined;
  const match = /^\/tool\s+(\S+)\s*([\s\S]*)$/.exec(message.trimEnd());
  const hint = 'write /tool NAME {"argument": "value"}';
  if (!match?.[1]) throw new Fault("invalid_argument", "the /tool directive names no tool", { hint });
  try {
    return { tool: match[1], input: match[2] ? (JSON.parse(match[2]) as Json) : {} };
  } catch (cause) {
    throw new Fault("invalid_argument", "the arguments of the /tool directive are not valid JSON", { hint, cause });
  }
}

/**
 * The loop: turns of a model with tool calls between them, or one `/tool` directive. It reaches the world only through
 * its ports and decides only by what they return and by recorded limits, so that a replay, and a run taken up again,
 * drive the same code with recorded turns and results.
 */
import { type Json, canonicalize } from "../core/canonical.ts";
import { asFault, Fault, type FaultRecord } from "../core/fault.ts";
import type { RunState } from "../define/handles.ts";
import type { FailureKind, Image, Message, ToolRequest } from "../define/provider.ts";
import { carryOut, type Carried } from "./batch.ts";
import type { LoopLimits } from "./journal.ts";
import { Progress } from "./progress.ts";
import type { CallCode } from "./result.ts";

/** A call's result as the conversation needs it. */
export type Answer =
  | { readonly ok: true; readonly output: Json }
  | { readonly ok: false; readonly code: CallCode; readonly fault: FaultRecord };

/** What a model said in one turn, recorded before it is returned. */
export interface Turn {
  readonly text: string;
  /** With ids of ours and effects; none when `fault` is set. */
  readonly calls: readonly ToolRequest[];
  readonly fault: FaultRecord | null;
  readonly kind?: FailureKind;
  readonly stop?: "length" | "refusal";
  readonly continuation?: Json;
}

export interface TurnAsk {
  /** Counted from 1; recorded with the turn. */
  readonly turn: number;
  /** The number of the first call, whose id is `call-N`. */
  readonly next_call: number;
  readonly messages: readonly Message[];
  /** Tools found by tool.search so far. */
  readonly found: ReadonlySet<string>;
  /** False for the last word of a run that may call nothing more. */
  readonly tools: boolean;
}

export interface Ports {
  readonly signal: AbortSignal;
  prompt(text: string): void;
  turn(ask: TurnAsk): Promise<Turn>;
  call(request: ToolRequest): Promise<Answer>;
  /** Whether an identical read may be answered by the earlier result; false for what changes by itself. */
  reusable(request: ToolRequest): boolean;
  reused(call: string, of: string): void;
  /** A call that is not even brought to the door, recorded as refused. */
  decline(request: ToolRequest, code: CallCode, fault: FaultRecord): Promise<Answer>;
  /** What becomes of a call that was cut off and may have happened. */
  doubt(request: ToolRequest): Promise<"repeat" | "skip" | "wait">;
  /** Messages as the model is to see them: results wrapped in their provenance, bounded. */
  result(request: ToolRequest, answer: Answer): string;
  /** The messages that stay when there are too many, with a summary of the others; the same when they fit. */
  compact(turn: number, messages: readonly Message[], force: boolean): Promise<readonly Message[]>;
  notice(name: string, detail: string): void;
}

export interface End {
  readonly state: Extract<RunState, "completed" | "failed" | "cancelled" | "waiting">;
  readonly answer: string;
  readonly fault: FaultRecord | null;
}

/** One tool call, no model. */
export async function driveDirective(ports: Ports, request: ToolRequest): Promise<End> {
  const { answer: result } = (await carryOut(ports, [request], null))[0] ?? {};
  if (!result) throw new Fault("internal", "the call was not made");
  if (result.ok) return { state: "completed", answer: JSON.stringify(result.output, null, 2), fault: null };
  const answer = `error: ${result.code} (${request.tool}): ${result.fault.message}`;
  const state = stateAfter(result.code, result.fault);
  return { state, answer: state === "waiting" ? "" : answer, fault: result.fault };
}

export interface Conversation {
  readonly system: string;
  readonly history: readonly Message[];
  readonly message: string;
  readonly images: readonly Image[];
  readonly limits: LoopLimits;
  readonly schema: Json | null;
}

/** Turns until the model asks for no more calls, fails, is stopped or reaches a limit. Throws nothing. */
export async function driveConversation(ports: Ports, request: Conversation): Promise<End> {
  ports.prompt(`${request.system}\n## Message\n\n${request.message}\n`);
  const { images } = request;
  const loop = new Loop(ports, request, [
    { role: "system", content: request.system },
    ...request.history,
    { role: "user", content: request.message, ...(images.length ? { images } : {}) },
  ]);
  try {
    return await loop.run();
  } catch (thrown) {
    const fault = asFault(thrown, "the run was cut short");
    return { state: fault.code === "canceled" ? "cancelled" : "failed", answer: "", fault: fault.toRecord() };
  }
}

const maxAnswerCorrections = 2;

class Loop {
  readonly #ports: Ports;
  readonly #request: Conversation;
  readonly #progress: Progress;
  readonly #found = new Set<string>();
  #messages: readonly Message[];
  #turn = 0;
  #nextCall = 1;
  #corrections = 0;
  #compactedFor = 0;
  #lastResults: readonly Carried[] = [];

  constructor(ports: Ports, request: Conversation, messages: readonly Message[]) {
    this.#ports = ports;
    this.#request = request;
    this.#messages = messages;
    this.#progress = new Progress(request.limits);
  }

  async run(): Promise<End> {
    const { limits } = this.#request;
    while (this.#turn < limits.max_turns) {
      const said = await this.#say(true);
      if (said.fault) {
        const end = await this.#afterFault(said.fault, said.kind);
        if (end) return end;
        continue;
      }
      if (said.calls.length === 0) {
        const end = await this.#finish(said);
        if (end) return end;
        continue;
      }
      const carried = await carryOut(this.#ports, said.calls, { limits, progress: this.#progress });
      const stopped = carried.find(({ answer }) => !answer.ok && final.has(answer.code));
      if (stopped && !stopped.answer.ok) {
        const { code, fault } = stopped.answer;
        return { state: stateAfter(code, fault), answer: code === "approval.pending" ? "" : said.text, fault };
      }
      this.#take(said, carried);
      if (this.#progress.isStuck) return this.#askForHelp();
      if (this.#progress.isIdle) return this.#lastWord(idleFault(limits.no_progress_turns));
    }
    return this.#lastWord(capFault(limits.max_turns));
  }

  async #say(tools: boolean): Promise<Turn> {
    this.#ports.signal.throwIfAborted();
    this.#turn++;
    this.#messages = await this.#ports.compact(this.#turn, this.#messages, false);
    const advice = tools ? this.#progress.takeAdvice() : undefined;
    if (advice !== undefined) this.#messages = [...this.#messages, { role: "user", content: advice }];
    const said = await this.#ports.turn({
      turn: this.#turn,
      next_call: this.#nextCall,
      messages: this.#messages,
      found: this.#found,
      tools,
    });
    this.#nextCall += said.calls.length;
    return said;
  }

  /** Undefined when the turn is worth another one. */
  async #afterFault(fault: FaultRecord, kind: FailureKind | undefined): Promise<End | undefined> {
    if (kind === "context_length" && this.#compactedFor !== this.#messages.length) {
      this.#messages = await this.#ports.compact(this.#turn, this.#messages, true);
      this.#compactedFor = this.#messages.length;
      return undefined;
    }
    const state = fault.code === "canceled" ? "cancelled" : "failed";
    return { state, answer: state === "failed" ? this.#soFar() : "", fault };
  }

  /** The end of a run whose model has nothing more to ask for; undefined when its answer must be corrected first. */
  async #finish(said: Turn): Promise<End | undefined> {
    const { schema } = this.#request;
    const problem = schema === null ? undefined : (await import("./answer.ts")).answerProblem(schema, said.text);
    if (problem === undefined) {
      if (said.stop === "length") this.#ports.notice("loop.answer_cut", "the model reached its output limit");
      return { state: "completed", answer: said.text, fault: null };
    }
    this.#ports.notice("loop.answer_unfit", problem);
    if (this.#corrections++ >= maxAnswerCorrections) {
      const fault = new Fault("failed_precondition", `the answer does not fit the schema: ${problem}`, {
        hint: "simplify the schema, or choose a model that keeps to one",
      });
      return { state: "failed", answer: said.text, fault: fault.toRecord() };
    }
    const note = `Note from Reeve: the answer must be JSON that fits the schema and nothing else. It does not: ${problem}`;
    this.#messages = [
      ...this.#messages,
      { role: "assistant", content: said.text, calls: [] },
      { role: "user", content: note },
    ];
    return undefined;
  }

  #take(said: Turn, carried: readonly Carried[]): void {
    const { continuation } = said;
    const spoken = { role: "assistant", content: said.text, calls: said.calls } as const;
    this.#messages = [
      ...this.#messages,
      continuation === undefined ? spoken : { ...spoken, continuation },
      ...carried.map(({ request, answer }): Message => {
        const content = this.#ports.result(request, answer);
        return { role: "tool", call_id: request.id, tool: request.tool, ok: answer.ok, content };
      }),
    ];
    for (const { request, answer } of carried) {
      if (request.tool === "tool.search" && answer.ok) for (const name of foundIn(answer.output)) this.#found.add(name);
    }
    this.#lastResults = carried;
    this.#progress.endTurn(carried.filter(({ fresh }) => fresh).length);
  }

  #askForHelp(): End {
    const lines = [
      "I could not get further by myself and need your help.",
      `Goal: ${this.#request.message}`,
      "What I tried:",
      ...this.#progress.tried,
      "How should I go on?",
    ];
    const fault = new Fault("failed_precondition", "the agent failed repeatedly and asks for help", {
      hint: "answer its question in a new message, or grant what it was refused",
    });
    return { state: "failed", answer: lines.join("\n"), fault: fault.toRecord() };
  }

  /** One more turn without tools, for an answer from what is known. */
  async #lastWord(fault: Fault): Promise<End> {
    const note = `Note from Reeve: ${fault.message}. Call nothing more; answer now from what you know, and say what is missing.`;
    this.#messages = [...this.#messages, { role: "user", content: note }];
    const said = await this.#say(false);
    return { state: "failed", answer: said.fault ? this.#soFar() : said.text, fault: fault.toRecord() };
  }

  /** What is known when the model itself is gone. */
  #soFar(): string {
    const lines = this.#lastResults.slice(-5).map(({ request, answer }) => {
      const text = answer.ok ? canonicalize(answer.output) : `${answer.code}: ${answer.fault.message}`;
      return `- ${request.tool}: ${text.length > 700 ? `${text.slice(0, 700).toWellFormed()}...` : text}`;
    });
    return lines.length ? ["The model failed before it could answer. The last results:", ...lines].join("\n") : "";
  }
}

/** Codes of results after which nothing more may happen in a run. */
const final: ReadonlySet<CallCode> = new Set([
  "approval.pending",
  "budget.exhausted",
  "canceled",
  "ledger.unavailable",
  "stopped",
]);

/** A run whose time was up was aborted as a canceled one is, but it failed. */
function stateAfter(code: CallCode, fault: FaultRecord): "failed" | "cancelled" | "waiting" {
  if (code === "approval.pending") return "waiting";
  return (code === "canceled" || code === "stopped") && fault.code === "canceled" ? "cancelled" : "failed";
}

function foundIn(output: Json): readonly string[] {
  const list = (output as { readonly tools?: readonly { readonly name?: unknown }[] } | null)?.tools;
  return Array.isArray(list) ? list.flatMap(({ name }) => (typeof name === "string" ? [name] : [])) : [];
}

function capFault(max_turns: number): Fault {
  return new Fault("resource_exhausted", `the run did not finish within ${max_turns} turns`, {
    hint: "narrow the request or raise engine.max_tool_iterations",
  });
}

function idleFault(turns: number): Fault {
  return new Fault("failed_precondition", `${turns} turns brought nothing new`, {
    hint: "say more exactly what is wanted",
  });
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

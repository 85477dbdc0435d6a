/** What the loop remembers of its calls, to see repetition and failure: pure bookkeeping, the same for the same calls. */
import { canonicalize, isJsonObject, type Json } from "../core/canonical.ts";
import { cut } from "../core/text.ts";
import type { ToolRequest } from "../define/provider.ts";
import type { Answer } from "./drive.ts";
import type { LoopLimits } from "./journal.ts";

const lasting = 3;
const shownAttempts = 6;
const attemptBytes = { input: 220, error: 420 } as const;

export class Progress {
  readonly #limits: LoopLimits;
  /** Call ids of results that still hold, by what was asked. */
  readonly #results = new Map<string, { readonly call: string; readonly answer: Answer }>();
  /** How often a call failed with the same words. */
  readonly #failures = new Map<string, number>();
  readonly #tried: string[] = [];
  #failedInARow = 0;
  #succeededInARow = 0;
  #failedSinceRecovery = 0;
  #recovering = false;
  #isAdvised = false;
  #idleTurns = 0;

  constructor(limits: LoopLimits) {
    this.#limits = limits;
  }

  /** The earlier result an identical read would only repeat. */
  earlier(request: ToolRequest): { readonly call: string; readonly answer: Answer } | undefined {
    return request.effect === "read" ? this.#results.get(keyOf(request)) : undefined;
  }

  /** Why the same call need not be tried again: it failed twice with the same words. */
  repeated(request: ToolRequest): string | undefined {
    const prefix = `${keyOf(request)}\n`;
    for (const [key, times] of this.#failures) {
      if (times >= 2 && key.startsWith(prefix)) return key.slice(prefix.length);
    }
    return undefined;
  }

  /** Notes a result; anything but a read ends what was known before it. */
  note(request: ToolRequest, answer: Answer): void {
    const failure = failureOf(answer);
    if (request.effect !== "read") this.#results.clear();
    if (failure === undefined) {
      if (request.effect === "read" && answer.ok) this.#results.set(keyOf(request), { call: request.id, answer });
      this.#failedInARow = 0;
      this.#succeededInARow++;
      if (this.#recovering && this.#succeededInARow >= lasting) this.#leaveRecovery();
      return;
    }
    const key = `${keyOf(request)}\n${failure}`;
    this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
    this.#tried.push(attemptText(request, failure));
    this.#succeededInARow = 0;
    this.#failedInARow++;
    if (this.#recovering) this.#failedSinceRecovery++;
    else if (this.#failedInARow >= this.#limits.recovery_failures) this.#recovering = true;
  }

  /** Ends a turn in which `fresh` calls were really carried out. */
  endTurn(fresh: number): void {
    this.#idleTurns = fresh === 0 ? this.#idleTurns + 1 : 0;
  }

  /** A word from Reeve for the next turn, once each time things begin to go wrong. */
  takeAdvice(): string | undefined {
    if (!this.#recovering || this.#isAdvised) return undefined;
    this.#isAdvised = true;
    return `Note from Reeve: the last calls failed. Say what went wrong, then try something materially different; do not repeat a call that failed.`;
  }

  get isStuck(): boolean {
    return this.#recovering && this.#failedSinceRecovery >= this.#limits.escalation_failures;
  }

  get isIdle(): boolean {
    return this.#idleTurns >= this.#limits.no_progress_turns;
  }

  /** The failures so far, newest last, a line each. */
  get tried(): readonly string[] {
    return this.#tried.slice(-shownAttempts);
  }

  #leaveRecovery(): void {
    this.#recovering = false;
    this.#isAdvised = false;
    this.#failedSinceRecovery = 0;
  }
}

/** Why a result counts as a failure, also one whose output says so itself: a non-zero exit code, an error. */
function failureOf(answer: Answer): string | undefined {
  if (!answer.ok) return `${answer.code}: ${answer.fault.message}`;
  const { output } = answer;
  if (!isJsonObject(output)) return undefined;
  const status = output["exit_code"];
  if (typeof status === "number" && status !== 0) return `exit code ${status}`;
  const error = output["error"];
  return typeof error === "string" && error !== "" ? error : undefined;
}

function keyOf({ tool, arguments: input }: ToolRequest): string {
  return `${tool} ${canonicalText(input)}`;
}

/** What the model sent may be no JSON that has a canonical form; then its own bytes stand for it. */
function canonicalText(input: Json): string {
  try {
    return canonicalize(input);
  } catch {
    return JSON.stringify(input);
  }
}

function attemptText(request: ToolRequest, failure: string): string {
  const input = cut(canonicalText(request.arguments), attemptBytes.input).text;
  return `- ${request.tool} ${input}: ${cut(failure, attemptBytes.error).text}`;
}

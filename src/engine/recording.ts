/** The events of a run so far, asked by turn and by call: what a replay and a run taken up again are driven by. */
import type { Json } from "../core/canonical.ts";
import type { FaultRecord } from "../core/fault.ts";
import type { Answer, Turn } from "./drive.ts";
import type { RunEvent } from "./journal.ts";
import type { CallCode } from "./result.ts";

export type EventOf<T extends RunEvent["type"]> = Extract<RunEvent, { readonly type: T }>;

/** What is known of one call: nothing, that it was begun, or how it ended. */
export type Known =
  | { readonly state: "none" }
  | { readonly state: "begun"; readonly intent: EventOf<"intent"> }
  | { readonly state: "ended"; readonly answer: Answer };

export class Recording {
  readonly events: readonly RunEvent[];
  readonly #turns = new Map<number, EventOf<"turn">>();
  readonly #asked = new Map<string, EventOf<"intent"> | EventOf<"refusal">>();
  readonly #ended = new Map<string, EventOf<"outcome"> | EventOf<"failure"> | EventOf<"refusal">>();
  readonly #reused = new Map<string, string>();
  readonly #skipped = new Set<string>();
  /** Calls that were canceled in the middle, in a run that went on later. */
  readonly #cutOff = new Set<string>();
  readonly #compactions = new Map<string, EventOf<"compaction">>();

  /** `to_resume` leaves out a last turn that failed, so that it is asked for again. */
  constructor(events: readonly RunEvent[], options: { readonly to_resume: boolean }) {
    this.events = events;
    for (const event of events) this.#note(event);
    const last = events.findLast((event) => event.type === "turn");
    if (options.to_resume && last?.fault && last.kind !== "context_length") this.#turns.delete(last.turn);
  }

  get start(): EventOf<"start"> | undefined {
    return this.first("start");
  }

  first<T extends RunEvent["type"]>(type: T): EventOf<T> | undefined {
    return this.events.find((event): event is EventOf<T> => event.type === type);
  }

  turn(number: number): EventOf<"turn"> | undefined {
    return this.#turns.get(number);
  }

  call(id: string): Known {
    const ended = this.#ended.get(id);
    if (ended && this.#cutOff.has(id)) {
      const fault = ended.type === "outcome" ? null : ended.fault;
      if (fault) return { state: "ended", answer: { ok: false, code: "interrupted", fault } };
    }
    if (ended) return { state: "ended", answer: answerOf(ended) };
    const asked = this.#asked.get(id);
    return asked?.type === "intent" ? { state: "begun", intent: asked } : { state: "none" };
  }

  /** The events of a call, as they are. */
  eventsOf(id: string): readonly RunEvent[] {
    return [this.#asked.get(id), this.#ended.get(id)].filter(
      (event, i, both) => event !== undefined && both.indexOf(event) === i,
    ) as readonly RunEvent[];
  }

  reusedOf(id: string): string | undefined {
    return this.#reused.get(id);
  }

  /** Whether it was decided before that a call that may have happened is not made again. */
  isSkipped(id: string): boolean {
    return this.#skipped.has(id);
  }

  /** What was made of the messages before a turn, or after it failed for being too long. */
  compaction(turn: number, force: boolean): EventOf<"compaction"> | undefined {
    return this.#compactions.get(`${turn}/${force}`);
  }

  /** A call that was canceled while it was carried out may have happened; one that was not begun is as if never asked for. */
  #takeBack(): void {
    for (const [id, event] of this.#ended) {
      if (event.type === "refusal" && passing.has(event.code)) {
        this.#ended.delete(id);
        this.#asked.delete(id);
      } else if (event.type === "failure" && event.code === "canceled") this.#cutOff.add(id);
    }
  }

  #note(event: RunEvent): void {
    if (event.type === "turn") this.#turns.set(event.turn, event);
    else if (event.type === "intent") this.#asked.set(event.call, event);
    else if (event.type === "refusal") {
      this.#asked.set(event.call, event);
      this.#ended.set(event.call, event);
    } else if (event.type === "outcome" || event.type === "failure") this.#ended.set(event.call, event);
    else if (event.type === "reused") this.#reused.set(event.call, event.of);
    else if (event.type === "skipped") this.#skipped.add(event.call);
    else if (event.type === "resumed") this.#takeBack();
    else if (event.type === "compaction") {
      this.#compactions.set(`${event.turn}/${this.#turns.has(event.turn)}`, event);
    }
  }
}

/** Codes of refusals that ended a run and say nothing about the call: when the run goes on, the call is made after all. */
const passing: ReadonlySet<string> = new Set(["budget.exhausted", "canceled", "stopped"]);

/** Whether a refusal was void once its run was taken up again. */
export function isTakenBack(event: RunEvent, events: readonly RunEvent[]): boolean {
  if (event.type !== "refusal" || !passing.has(event.code)) return false;
  return events.slice(events.indexOf(event)).some(({ type }) => type === "resumed");
}

/** A recorded turn as the loop takes it. */
export function turnOf(event: EventOf<"turn">): Turn {
  const { text, calls, fault, kind, stop } = event;
  return {
    text,
    calls: fault ? [] : calls,
    fault,
    ...(kind === undefined ? {} : { kind }),
    ...(stop === undefined ? {} : { stop }),
  };
}

function answerOf(event: EventOf<"outcome"> | EventOf<"failure"> | EventOf<"refusal">): Answer {
  if (event.type === "outcome") return { ok: true, output: event.output as Json };
  return { ok: false, code: event.code as CallCode, fault: event.fault as FaultRecord };
}

/** Re-executes a recorded run from its recorded turns and tool results and compares what comes out, byte for byte. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, canonicalize, isJsonObject, parseJson } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import type { ProviderEvent } from "../define/provider.ts";
import { compareWithManifest, renderBundle } from "./bundle.ts";
import type { CallCode } from "./result.ts";
import { type Answer, driveConversation, driveDirective, type End, parseDirective, type Ports } from "./drive.ts";
import { readJournal, type RunEvent } from "./journal.ts";

export interface Replay {
  readonly run_id: string;
  readonly identical: boolean;
  /** What differs: files altered since they were sealed, and events or files the replay produced otherwise. */
  readonly differences: readonly string[];
  readonly events: number;
}

type EventOf<T extends RunEvent["type"]> = Extract<RunEvent, { readonly type: T }>;

/** Replays the bundle in `directory`. Throws `failed_precondition` for a run that was interrupted and has nothing to reproduce. */
export async function replayBundle(directory: string): Promise<Replay> {
  const { events } = readJournal(join(directory, "events.jsonl"));
  const start = firstOf(events, "start");
  const end = firstOf(events, "end");
  if (!start || !end || end.state === "interrupted") {
    throw new Fault("failed_precondition", `the run in ${directory} did not reach its end`, {
      hint: "only finished runs can be replayed; `reeve runs show` tells how far it came",
    });
  }
  const produced = await redrive(start, events);
  const differences = [...compareWithManifest(directory, manifestFiles(directory)), ...compareEvents(events, produced)];
  for (const [name, text] of renderBundle(produced)) {
    if (readFileSync(join(directory, name), "utf8") !== text) differences.push(`${name}: replay wrote other bytes`);
  }
  return { run_id: start.run_id, identical: differences.length === 0, differences, events: events.length };
}

/** The events the same code produces when the recorded turns and results are all it gets. */
async function redrive(start: EventOf<"start">, events: readonly RunEvent[]): Promise<readonly RunEvent[]> {
  const produced: RunEvent[] = [start];
  const tape = new Tape(events);
  const ports: Ports = {
    signal: new AbortController().signal,
    scrub: (text) => text,
    checkpoint: () => {},
    stream: () => tape.speak(),
    call: async (tool, input, call_id) => tape.answer(tool, input, call_id, produced),
    prompt: (text) => produced.push({ type: "prompt", ts: tape.tsOf("prompt", 0), text }),
    turn: (turn) => produced.push({ type: "turn", ts: tape.tsOf("turn", turn.turn - 1), ...turn }),
  };
  const directive = parseDirective(start.message);
  const end: End = directive
    ? await driveDirective(ports, directive.tool, directive.input)
    : await driveConversation(ports, {
        ...splitPrompt(firstOf(events, "prompt"), start.message),
        offers: [],
        max_turns: start.max_turns,
      });
  const recorded = firstOf(events, "end");
  // A run stopped from outside between two events has an end that its own events cannot explain.
  const { state, answer, fault } = tape.exhausted && recorded ? recorded : end;
  produced.push({ type: "end", ts: tape.tsOf("end", 0), state, answer, fault });
  return produced;
}

/** The recorded turns and results, handed out in order. */
class Tape {
  readonly #events: readonly RunEvent[];
  #turn = 0;
  exhausted = false;

  constructor(events: readonly RunEvent[]) {
    this.#events = events;
  }

  tsOf(type: RunEvent["type"], index: number): string {
    return this.#events.filter((event) => event.type === type)[index]?.ts ?? "";
  }

  async *speak(): AsyncGenerator<ProviderEvent> {
    const turn = this.#events.filter((event) => event.type === "turn")[this.#turn++];
    if (!turn) {
      this.exhausted = true;
      const fault = new Fault("canceled", "the recording ends here").toRecord();
      yield { type: "error", fault };
      return;
    }
    if (turn.text) yield { type: "text", text: turn.text };
    for (const call of turn.calls) yield { type: "call", call };
    yield turn.fault ? { type: "error", fault: turn.fault } : { type: "done" };
  }

  answer(tool: string, input: Json, call: string, produced: RunEvent[]): Answer {
    const asked = this.#events.find((e) => (e.type === "intent" || e.type === "refusal") && e.call === call);
    if (asked?.type === "refusal") {
      produced.push({ ...asked });
      return { ok: false, code: asked.code as CallCode, fault: asked.fault };
    }
    const result = this.#events.find((e) => (e.type === "outcome" || e.type === "failure") && e.call === call);
    if (asked?.type !== "intent" || !result) {
      this.exhausted = true;
      if (asked?.type === "intent") produced.push(asked);
      const fault = new Fault("not_found", `the recording has no result for ${call} (${tool})`).toRecord();
      return { ok: false, code: "canceled", fault };
    }
    produced.push({ ...asked, input }, result);
    if (result.type === "outcome") return { ok: true, output: result.output };
    const failure = result as EventOf<"failure">;
    return { ok: false, code: failure.code as CallCode, fault: failure.fault };
  }
}

function firstOf<T extends RunEvent["type"]>(events: readonly RunEvent[], type: T): EventOf<T> | undefined {
  return events.find((event): event is EventOf<T> => event.type === type);
}

function splitPrompt(
  prompt: EventOf<"prompt"> | undefined,
  message: string,
): { readonly system: string; readonly message: string } {
  const tail = `\n## Message\n\n${message}\n`;
  const text = prompt?.text ?? tail;
  return { system: text.endsWith(tail) ? text.slice(0, -tail.length) : text, message };
}

function compareEvents(recorded: readonly RunEvent[], produced: readonly RunEvent[]): string[] {
  const length = Math.max(recorded.length, produced.length);
  const lines: string[] = [];
  for (let i = 0; i < length; i++) {
    const [was, is] = [recorded[i], produced[i]].map((event) =>
      event ? canonicalize(event as unknown as Json) : "nothing",
    );
    if (was !== is)
      lines.push(
        `event ${i + 1}: recorded ${recorded[i]?.type ?? "nothing"}, replayed ${produced[i]?.type ?? "nothing"} differs`,
      );
  }
  return lines;
}

/** The files a bundle's manifest lists. Throws `data_loss` when it lists none, `invalid_argument` when it is not JSON. */
export function manifestFiles(directory: string): Readonly<Record<string, { readonly sha256: string }>> {
  const manifest = parseJson(readFileSync(join(directory, "manifest.json"), "utf8"), "manifest.json");
  const files = isJsonObject(manifest) ? manifest["files"] : undefined;
  if (!isJsonObject(files)) throw new Fault("data_loss", `${directory}/manifest.json lists no files`);
  return Object.fromEntries(
    Object.entries(files).map(([name, entry]) => {
      const sha256 = isJsonObject(entry) ? entry["sha256"] : undefined;
      if (typeof sha256 !== "string")
        throw new Fault("data_loss", `${directory}/manifest.json has no digest for ${name}`);
      return [name, { sha256 }];
    }),
  );
}

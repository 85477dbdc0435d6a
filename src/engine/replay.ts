/** Re-executes a recorded run from its recorded turns and tool results and compares what comes out, byte for byte. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, canonicalize, isJsonObject, parseJson } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { compareWithManifest, renderBundle } from "./bundle.ts";
import { driveConversation, driveDirective, type End, parseDirective, type Ports } from "./drive.ts";
import { readJournal, type RunEvent } from "./journal.ts";
import { limitsOf } from "./limits.ts";
import { againId } from "./batch.ts";
import { type EventOf, isTakenBack, Recording, turnOf } from "./recording.ts";

export interface Replay {
  readonly run_id: string;
  readonly identical: boolean;
  /** What differs: files altered since they were sealed, and events or files the replay produced otherwise. */
  readonly differences: readonly string[];
  readonly events: number;
}

/** Replays the bundle in `directory`. Throws `failed_precondition` for a run that was interrupted and has nothing to reproduce. */
export async function replayBundle(directory: string): Promise<Replay> {
  const { events } = readJournal(join(directory, "events.jsonl"));
  const start = events.find((event) => event.type === "start");
  const end = events.findLast((event) => event.type === "end");
  if (!start || !end || end.state === "interrupted" || events.at(-1) !== end) {
    throw new Fault("failed_precondition", `the run in ${directory} did not reach its end`, {
      hint: "only finished runs can be replayed; `reeve runs show` tells how far it came",
    });
  }
  const produced = merge(events, await redrive(start, events));
  const differences = [...compareWithManifest(directory, manifestFiles(directory)), ...compareEvents(events, produced)];
  for (const [name, text] of renderBundle(produced)) {
    if (readFileSync(join(directory, name), "utf8") !== text) differences.push(`${name}: replay wrote other bytes`);
  }
  return { run_id: start.run_id, identical: differences.length === 0, differences, events: events.length };
}

/** The events the same code produces when the recorded turns and results are all it gets. */
async function redrive(start: EventOf<"start">, events: readonly RunEvent[]): Promise<readonly RunEvent[]> {
  const recording = new Recording(events, { to_resume: false });
  const produced: RunEvent[] = [start];
  let exhausted = false;
  const ranOut = (what: string) => {
    exhausted = true;
    return new Fault("canceled", `the recording has no ${what}`).toRecord();
  };
  const ports: Ports = {
    signal: new AbortController().signal,
    prompt: (text) => {
      const recorded = recording.first("prompt");
      produced.push({ ...recorded, type: "prompt", ts: recorded?.ts ?? "", text });
    },
    turn: async ({ turn, next_call }) => {
      const recorded = recording.turn(turn);
      if (!recorded) return { text: "", calls: [], fault: ranOut(`turn ${turn}`) };
      const calls = recorded.calls.map((call, i) => ({ ...call, id: `call-${next_call + i}` }));
      produced.push({ ...recorded, calls });
      return { ...turnOf(recorded), calls: recorded.fault ? [] : calls };
    },
    call: async ({ id, tool, arguments: input }) => {
      const known = recording.call(id);
      for (const event of recording.eventsOf(id)) {
        produced.push(event.type === "intent" ? { ...event, tool, input } : event);
      }
      if (known.state === "ended") return known.answer;
      return { ok: false, code: "canceled", fault: ranOut(`result for ${id}`) };
    },
    decline: async ({ id, tool }, code, fault) => {
      const [recorded] = recording.eventsOf(id);
      if (recorded?.type !== "refusal") return { ok: false, code: "canceled", fault: ranOut(`refusal of ${id}`) };
      produced.push({ ...recorded, tool, code, fault });
      return { ok: false, code, fault };
    },
    reusable: ({ id }) => recording.reusedOf(id) !== undefined,
    reused: (call, of) => {
      const recorded = events.find((event) => event.type === "reused" && event.call === call);
      produced.push({ type: "reused", ts: recorded?.ts ?? "", call, of });
    },
    doubt: async ({ id }) => (recording.call(againId(id)).state === "none" ? "skip" : "repeat"),
    result: () => "",
    // Nothing the loop does depends on the words of its messages, so they may stay as they are.
    compact: async (turn, messages, force) => {
      const recorded = recording.compaction(turn, force);
      if (recorded) produced.push(recorded);
      return messages;
    },
    notice: () => undefined,
  };
  const directive = parseDirective(start.message);
  const prompt = recording.first("prompt");
  const end: End = directive
    ? await driveDirective(ports, { id: "call-1", tool: directive.tool, arguments: directive.input })
    : await driveConversation(ports, {
        system: systemOf(prompt, start.message),
        history: prompt?.history ?? [],
        message: start.message,
        images: prompt?.images ?? [],
        limits: limitsOf(start),
        schema: start.schema ?? null,
      });
  const recorded = events.findLast((event) => event.type === "end");
  // A run stopped from outside between two events has an end that its own events cannot explain.
  const { state, answer, fault } = exhausted && recorded ? recorded : end;
  produced.push({ type: "end", ts: recorded?.ts ?? "", state, answer, fault });
  return produced;
}

/** Events that tell of the run and are no step of the loop: a replay takes them as they are. */
const told: ReadonlySet<RunEvent["type"]> = new Set(["notice", "waiting", "answered", "skipped", "resumed"]);

/**
 * What was produced, in the order of the record: reads run beside each other end in any order, and what the loop does
 * not produce stands where it was recorded. What was produced beyond the record comes last.
 */
function merge(recorded: readonly RunEvent[], produced: readonly RunEvent[]): readonly RunEvent[] {
  const rest = new Map<string, RunEvent[]>();
  for (const event of produced) rest.set(keyOf(event), [...(rest.get(keyOf(event)) ?? []), event]);
  const last = recorded.findLast((event) => event.type === "end");
  const merged = recorded.flatMap((event): readonly RunEvent[] => {
    if (
      told.has(event.type) ||
      isTakenBack(event, recorded) ||
      (event.type === "end" && event !== last) ||
      isSuperseded(event, recorded)
    )
      return [event];
    const match = rest.get(keyOf(event))?.shift();
    return match ? [match] : [];
  });
  return [...merged, ...[...rest.values()].flat()];
}

function keyOf(event: RunEvent): string {
  if (event.type === "turn") return `turn/${event.turn}`;
  return "call" in event ? `${event.type}/${event.call}` : event.type;
}

/** A turn that failed and was asked for again when the run was taken up again. */
function isSuperseded(event: RunEvent, recorded: readonly RunEvent[]): boolean {
  return (
    event.type === "turn" && recorded.findLast((each) => each.type === "turn" && each.turn === event.turn) !== event
  );
}

function systemOf(prompt: EventOf<"prompt"> | undefined, message: string): string {
  const tail = `\n## Message\n\n${message}\n`;
  const text = prompt?.text ?? tail;
  return text.endsWith(tail) ? text.slice(0, -tail.length) : text;
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

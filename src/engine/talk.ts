/** The ports of a live run: each step is first looked up in what was recorded before, then done and recorded. */
import { asFault, Fault, type FaultRecord } from "../core/fault.ts";
import type { Config } from "../config/settings.ts";
import type { Message, ToolOffer, ToolRequest } from "../define/provider.ts";
import type { Scrubber } from "../vault/scrub.ts";
import { againId, firstId } from "./batch.ts";
import { call } from "./call.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Door } from "./door.ts";
import type { Answer, Ports, Turn, TurnAsk } from "./drive.ts";
import { askRepeat, type InDoubt } from "./doubt.ts";
import type { LoopLimits } from "./journal.ts";
import type { Meter } from "./meter.ts";
import type { Model } from "./model/client.ts";
import { recordRefusal, shownName } from "./record.ts";
import { type Recording, turnOf } from "./recording.ts";
import type { CallCode, CallResult } from "./result.ts";
import type { ActiveRun } from "./run.ts";

/** What a live run is driven with. */
export interface Talk {
  readonly door: Door;
  readonly catalogue: Catalogue;
  readonly scrubber: () => Scrubber;
  readonly config: Config;
  readonly limits: LoopLimits;
  readonly run: ActiveRun;
  /** What was recorded of the run before it was taken up again. */
  readonly recording: Recording | null;
  readonly in_doubt: InDoubt;
  /** Null for an act of the operator, which no budget counts. */
  readonly meter: Meter | null;
  /** Null for a directive. */
  readonly speaker: Speaker | null;
  /** What calls really say, by call id, where the record says less. */
  readonly exact: Map<string, ToolRequest["arguments"]>;
  readonly onResult: (result: CallResult) => void;
}

/** The model and what it is shown. */
export interface Speaker {
  readonly model: Model;
  /** The tools to send, given those found by tool.search. */
  readonly offers: (found: ReadonlySet<string>) => readonly ToolOffer[];
  /** Messages as this model is to see them. */
  readonly present: (messages: readonly Message[]) => readonly Message[];
  /** One result as it enters the messages. */
  readonly result: (request: ToolRequest, answer: Answer) => string;
  readonly schema: Turn["continuation"] | null;
  readonly prompt: { readonly history: readonly Message[]; readonly images: readonly Image[] };
}

type Image = NonNullable<Extract<Message, { readonly role: "user" }>["images"]>[number];

export function livePorts(talk: Talk): Ports {
  const { run, recording } = talk;
  const notice = (name: string, detail: string): void => {
    const shown = talk.scrubber().text(detail);
    run.journal.append({ type: "notice", ts: run.ts(), name, detail: shown }, { durable: false });
    run.tell({ type: "notice", name, detail: shown });
  };
  return {
    signal: run.signal,
    notice,
    prompt: (text) => {
      if (!recording?.first("prompt")) recordPrompt(talk, text);
    },
    turn: async (ask) => {
      const known = recording?.turn(ask.turn);
      return known ? turnOf(known) : speak(talk, ask, notice);
    },
    call: async (request) => {
      const known = recording?.call(request.id) ?? { state: "none" };
      if (known.state === "ended") return known.answer;
      return carry(talk, request);
    },
    decline: async (request, code, fault) => {
      const known = recording?.call(request.id) ?? { state: "none" };
      return known.state === "ended" ? known.answer : refuse(talk, request, code, fault);
    },
    reusable: ({ id, tool }) => {
      if (recording?.reusedOf(id) !== undefined) return true;
      if (recording && recording.call(id).state !== "none") return false;
      // What the machine, the clock or other runs say changes by itself.
      const needs = talk.catalogue.find(tool)?.needs ?? [];
      return needs.length > 0 && needs.every((need) => need === "workspace");
    },
    reused: (id, of) => {
      if (recording?.reusedOf(id) !== undefined) return;
      run.journal.append({ type: "reused", ts: run.ts(), call: id, of }, { durable: false });
    },
    doubt: async (request) => {
      const again = againId(request.id);
      if (recording && recording.call(again).state !== "none") return "repeat";
      if (recording?.isSkipped(request.id) || isLost(talk, request)) return "skip";
      return request.effect === "read" ? "repeat" : askRepeat(talk, request);
    },
    result: (request, answer) => talk.speaker?.result(request, answer) ?? "",
    compact: async (turn, messages, force) => {
      const { compactMessages } = await import("./compact.ts");
      return compactMessages(talk, turn, messages, force, notice);
    },
  };
}

function recordPrompt({ run, speaker }: Talk, text: string): void {
  const history = speaker?.prompt.history ?? [];
  const images = speaker?.prompt.images ?? [];
  const tools = speaker?.model.provider === "offline" ? [] : (speaker?.offers(new Set()) ?? []).map(({ name }) => name);
  run.journal.append(
    {
      type: "prompt",
      ts: run.ts(),
      text,
      ...(history.length ? { history } : {}),
      ...(images.length ? { images } : {}),
      ...(tools.length ? { tools } : {}),
    },
    { durable: false },
  );
}

async function speak(talk: Talk, ask: TurnAsk, notice: (name: string, detail: string) => void): Promise<Turn> {
  const { run, speaker, meter, config } = talk;
  if (!speaker || !meter) throw new Fault("internal", "this run has no model");
  const { turn, next_call, messages, found, tools } = ask;
  run.tell({ type: "turn.start", turn });
  const request = {
    messages: speaker.present(messages),
    tools: tools ? speaker.offers(found) : [],
    schema: speaker.schema ?? null,
  };
  const { listen } = await import("./speech.ts");
  const said = await listen(speaker.model.stream(request, { signal: run.signal, meter }), {
    catalogue: talk.catalogue,
    scrubber: talk.scrubber(),
    next_call,
    max_thinking_chars: config.output.max_thinking_chars,
    tell: run.tell,
    notice,
  });
  run.signal.throwIfAborted();
  const { text, recorded, fault, kind, stop, model, usage, continuation } = said;
  const keepsThinking =
    config.output.thinking_mode === "always" || (config.output.thinking_mode === "on_error" && fault);
  run.journal.append(
    {
      type: "turn",
      ts: run.ts(),
      turn,
      text,
      calls: recorded,
      fault,
      ...(keepsThinking && said.thinking ? { thinking: said.thinking } : {}),
      ...(model === undefined || speaker.model.provider === "offline" ? {} : { model }),
      ...(usage === undefined ? {} : { usage }),
      ...(stop === undefined ? {} : { stop }),
      ...(kind === undefined ? {} : { kind }),
    },
    { durable: false },
  );
  for (const [i, each] of recorded.entries()) {
    if (each.altered) talk.exact.set(each.id, said.calls[i]?.arguments ?? null);
  }
  run.tell({ type: "turn.end", turn, text, calls: recorded.length });
  if (usage && model) run.tell({ type: "usage", model, usage, cost_microusd: usage.cost_microusd });
  return {
    text,
    calls: recorded,
    fault,
    ...(kind === undefined ? {} : { kind }),
    ...(stop === undefined ? {} : { stop }),
    ...(continuation === undefined ? {} : { continuation }),
  };
}

async function carry(talk: Talk, request: ToolRequest): Promise<Answer> {
  const { door, run, meter, exact } = talk;
  const { id, tool } = request;
  const input = exact.get(firstId(id)) ?? request.arguments;
  if (isLost(talk, request)) {
    const fault = new Fault("failed_precondition", "the arguments held a secret and were not kept over the restart", {
      hint: "make the call again",
    });
    return refuse(talk, request, "interrupted", fault.toRecord());
  }
  try {
    meter?.call(tool);
  } catch (thrown) {
    return refuse(talk, request, "budget.exhausted", asFault(thrown).toRecord());
  }
  run.tell({ type: "tool.start", call_id: id, tool: shownName(door, tool), input: request.arguments });
  const result = await call(door, run, tool, input, id);
  talk.onResult(result);
  run.tell({
    type: "tool.end",
    call_id: id,
    tool: result.tool,
    ok: result.ok,
    code: result.ok ? null : result.code,
    message: result.ok ? null : result.fault.message,
    duration_ms: result.duration_ms,
  });
  return result.ok ? { ok: true, output: result.output } : { ok: false, code: result.code, fault: result.fault };
}

/** Whether the run was taken up again and the record of this call says less than the model said. */
function isLost({ recording, exact }: Talk, request: ToolRequest): boolean {
  if (exact.has(firstId(request.id))) return false;
  const calls = recording?.events.flatMap((event) => (event.type === "turn" ? event.calls : [])) ?? [];
  return calls.some((each) => each.id === firstId(request.id) && "altered" in each);
}

async function refuse(talk: Talk, request: ToolRequest, code: CallCode, fault: FaultRecord): Promise<Answer> {
  const { door, run } = talk;
  const { hint, data } = fault;
  const cause = new Fault(fault.code, fault.message, {
    ...(hint === undefined ? {} : { hint }),
    ...(data === undefined ? {} : { data }),
  });
  const attempt = { door, scope: run, call_id: request.id };
  const refused = await recordRefusal(attempt, shownName(door, request.tool), request.arguments, code, cause);
  run.tell({
    type: "tool.end",
    call_id: request.id,
    tool: request.tool,
    ok: false,
    code,
    message: fault.message,
    duration_ms: 0,
  });
  return { ok: false, code: refused.code, fault: refused.fault };
}

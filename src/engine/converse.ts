/** A run of an agent: its model, its context, its session, its budget, from the first word to the end. */
import { Fault } from "../core/fault.ts";
import type { Json } from "../core/canonical.ts";
import { principalText } from "../define/principal.ts";
import type { Message } from "../define/provider.ts";
import { providerFetch } from "../egress/fetch.ts";
import { rank } from "../store/rank.ts";
import { beginningOf } from "./beginning.ts";
import { openMeter } from "./budget.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Door } from "./door.ts";
import type { InDoubt } from "./doubt.ts";
import { driveConversation, type End } from "./drive.ts";
import type { EngineParts } from "./engine.ts";
import type { RunInput } from "./journal.ts";
import { keySource } from "./keys.ts";
import { limitsFrom, limitsOf } from "./limits.ts";
import type { Meter } from "./meter.ts";
import type { Breakers } from "./model/breaker.ts";
import { type Model, openModel } from "./model/client.ts";
import type { Recording } from "./recording.ts";
import type { ActiveRun, RunCompany } from "./run.ts";
import type { RunRequest } from "./run-request.ts";
import { resultOf, type RunResult } from "./run-result.ts";
import type { Link } from "./scope.ts";
import { type Dialogue, joinSession } from "./dialogue.ts";
import { type Context, contextOf, speakerOf } from "./speaker.ts";
import { livePorts } from "./talk.ts";

/** What a conversation needs of the engine. */
export interface Conversing {
  readonly request: RunRequest;
  readonly parts: EngineParts;
  readonly catalogue: Catalogue;
  readonly door: Door;
  readonly breakers: Breakers;
  readonly input: (provider: string, message: string) => Omit<RunInput, "principal">;
  readonly begin: (company: RunCompany, input: Omit<RunInput, "principal">) => Promise<ActiveRun>;
  readonly drive: (run: ActiveRun, body: () => Promise<End>) => Promise<End>;
  /** Keeps it for the sub-agents of the run. */
  readonly remember: (run: ActiveRun, parent: Parent) => void;
  /** For a sub-agent: who started it. */
  readonly parent?: Parent & { readonly link: Link; readonly call: string };
}

/** A run as its sub-agents see it. */
export interface Parent {
  readonly run: ActiveRun;
  readonly meter: Meter;
  readonly request: RunRequest;
  readonly root: string;
}

export async function converse(talk: Conversing): Promise<RunResult> {
  const { request, parts, door, parent } = talk;
  const model = modelOf(talk);
  const message = door.scrubber().text(request.message);
  const base = talk.input(model.provider, message);
  const limits = limitsFrom(parts.config, request.limits?.max_turns);
  const dialogue = await joinSession(parts.keeper, request, base.run_id, parts.config.context.history_tokens);
  try {
    const context = await contextOf(talk, model, request);
    const beginning = beginningOf({
      request,
      session: dialogue?.history.length ? dialogue.taint : null,
      has_strange_notes: context.notes.length > 0 && door.watch.isStrange("AGENTS.md"),
      parent: parent?.run ?? null,
      scrub: (text) => door.scrubber().text(text),
    });
    const run = await talk.begin(companyOf(talk), {
      ...base,
      ...beginning,
      limits,
      max_turns: limits.max_turns,
      ...(model.provider === "offline" ? {} : { model: model.model, context_sha256: context.sha256 }),
      ...(dialogue ? { session: dialogue.session } : {}),
      ...(parent ? { parent: { run: parent.run.run_id, call: parent.call } } : {}),
      ...(parent?.link.within ? { within: parent.link.within } : {}),
      ...(request.schema === undefined ? {} : { schema: request.schema }),
      ...(Object.keys(request.limits ?? {}).length ? { asked: request.limits ?? {} } : {}),
    });
    const history = [...context.notes, ...(dialogue?.history ?? [])];
    return await carryThrough(talk, run, model, {
      dialogue,
      message,
      history,
      schema: request.schema ?? null,
      context,
    });
  } finally {
    await dialogue?.leave();
  }
}

/** The same run again from its record. What was said first stays what it was, whatever changed since. */
export async function resumeConversation(
  talk: Conversing,
  run: ActiveRun,
  recording: Recording,
  in_doubt: InDoubt,
): Promise<RunResult> {
  const { start } = recording;
  if (!start) throw new Fault("data_loss", `the journal of run ${run.run_id} has no start`);
  const prompt = recording.first("prompt");
  const choice = start.session;
  let dialogue: Dialogue | null = null;
  // Whatever keeps the run from going on is its end, so that it does not stay open.
  let prepared: { model: Model; context: Context } | undefined;
  let why: unknown;
  try {
    const model = modelOf(talk);
    prepared = { model, context: await contextOf(talk, model, talk.request) };
    if (choice !== undefined) dialogue = await joinSession(talk.parts.keeper, talk.request, run.run_id, 0, choice);
  } catch (thrown) {
    why = thrown;
  }
  try {
    if (!prepared) {
      const end = await talk.drive(run, () => Promise.reject(why));
      return resultOf(run, end, null);
    }
    const { model, context } = prepared;
    const told = prompt ? { ...context, system: systemIn(prompt.text, start.message, context.system) } : context;
    return await carryThrough(talk, run, model, {
      dialogue,
      message: start.message,
      history: prompt?.history ?? context.notes,
      schema: start.schema ?? null,
      context: told,
      recording,
      in_doubt,
      images: prompt?.images ?? [],
    });
  } finally {
    await dialogue?.leave();
  }
}

interface Course {
  readonly dialogue: Dialogue | null;
  readonly message: string;
  readonly history: readonly Message[];
  readonly schema: Json | null;
  readonly context: Context;
  readonly recording?: Recording;
  readonly in_doubt?: InDoubt;
  readonly images?: RunRequest["images"];
}

async function carryThrough(talk: Conversing, run: ActiveRun, model: Model, course: Course): Promise<RunResult> {
  const { request, parts, door, catalogue, parent } = talk;
  const { config, keeper } = parts;
  const { recording = null, in_doubt = "ask", history, schema, context, message } = course;
  const images = course.images ?? request.images ?? [];
  const limits = recording?.start ? limitsOf(recording.start) : limitsFrom(config, request.limits?.max_turns);
  const root = parent?.root ?? run.run_id;
  const meter = parent
    ? parent.meter.child({ id: run.run_id, agent: principalText(run.principal) }, runLimits(request))
    : openMeter({
        store: keeper.usage,
        config,
        run: { id: run.run_id, root, agent: principalText(run.principal) },
        limits: runLimits(request),
        clock: keeper.clock,
      });
  run.taint.trust(context.persona);
  talk.remember(run, { run, meter, request, root });
  run.tell({
    type: "run.start",
    principal: principalText(run.principal),
    session: course.dialogue?.session ?? null,
    resumed: recording !== null,
  });
  const speaker = await speakerOf({ talk, model, limits, schema, history, images });
  const stopClock = limitWall(run, request.limits?.max_wall_ms ?? config.engine.run_wall_ms);
  try {
    const end = await talk.drive(run, async () => {
      const refused = await run.started;
      if (refused) throw refused;
      const ports = livePorts({
        door,
        catalogue,
        scrubber: door.scrubber,
        config,
        limits,
        run,
        recording,
        in_doubt,
        meter,
        speaker,
        exact: new Map(),
        onResult: () => undefined,
      });
      return driveConversation(ports, { system: context.system, history, message, images, limits, schema });
    });
    return resultOf(run, end, schema);
  } finally {
    stopClock();
  }
}

function modelOf({ parts, breakers }: Conversing): Model {
  const { config, keeper, providers, environment, vault } = parts;
  return openModel({
    config,
    providers,
    keys: keySource({ config, vault, environment }),
    fetch: providerFetch,
    clock: keeper.clock,
    rank,
    breakers,
  });
}

function companyOf({ request, parent }: Conversing): RunCompany {
  const { principal, signal, approve, onEvent } = request;
  return { principal, signal, approve, onEvent, ...(parent ? { links: [...parent.run.links, parent.link] } : {}) };
}

function runLimits({ limits }: RunRequest) {
  const { max_tokens, max_usd, max_tool_calls } = limits ?? {};
  return { tokens: max_tokens ?? null, usd: max_usd ?? null, tool_calls: max_tool_calls ?? null };
}

/** Aborts the run when its time is up; returns the function that lets it go. */
function limitWall(run: ActiveRun, wall_ms: number | null): () => void {
  if (wall_ms === null) return () => undefined;
  const timer = setTimeout(() => {
    const hint = "raise engine.run_wall_ms, or ask for less at once";
    run.controller.abort(new Fault("deadline_exceeded", `the run took longer than ${wall_ms} ms`, { hint }));
  }, wall_ms);
  return () => clearTimeout(timer);
}

function systemIn(prompt: string, message: string, otherwise: string): string {
  const tail = `\n## Message\n\n${message}\n`;
  return prompt.endsWith(tail) ? prompt.slice(0, -tail.length) : otherwise;
}

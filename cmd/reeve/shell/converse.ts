/** What `ask` and `run` share: their flags, and one message turned into one run of the engine. */
import * as v from "valibot";
import { userInfo } from "node:os";
import type { Json } from "../../../src/core/canonical.ts";
import { Fault, faultCodes, type FaultRecord } from "../../../src/core/fault.ts";
import { rfc3339 } from "../../../src/core/clock.ts";
import { integer } from "../../../src/core/schema.ts";
import { type CommandContext, option, toggle } from "../../../src/define/command.ts";
import { agent, operator, type Principal, principalText } from "../../../src/define/principal.ts";
import { parseDirective } from "../../../src/engine/drive.ts";
import { chatsAt, parseSlash, resumableAt, type Slash } from "../../../src/engine/slash.ts";
import type { SessionPlace } from "../../../src/store/sessions.ts";
import type { Engine, RunRequest, RunResult } from "../../../src/engine/engine.ts";
import type { Place } from "../../../src/engine/run-request.ts";
import type { RunUsage } from "../../../src/engine/run-result.ts";
import { approver } from "./approve.ts";
import { readImages, readSchema } from "./attachments.ts";
import { withEngine } from "./engine.ts";
import { watch } from "./live.ts";
import { readMessage, type Spoken } from "./message.ts";
import { agentNamed, principalNamed } from "./principal.ts";

export const conversationInput = v.strictObject({
  words: option(v.array(v.string()), "MESSAGE", "the message; several words are joined by spaces"),
  message: option(v.string(), "TEXT", "the message"),
  message_file: option(v.string(), "FILE", "read the message from this file (UTF-8)"),
  agent: option(v.string(), "NAME", "the agent that answers; the configured default when absent"),
  as: option(v.string(), "PRINCIPAL", "act as agent:NAME, for a typed /tool too"),
  session: option(v.string(), "SESSION", "go on in this session: its id, current (the last one here) or new"),
  image: option(v.array(v.string()), "FILE", "attach a picture"),
  schema: option(v.string(), "FILE", "JSON Schema the answer must fit"),
  dry_run: toggle("plan only: refuse every call that would change something"),
  max_turns: option(integer(1, 10_000), "N", "turns of the model at most"),
  max_tokens: option(integer(1, 1_000_000_000_000), "N", "tokens at most, sub-agents included"),
  max_usd: option(v.pipe(v.number(), v.minValue(0)), "USD", "US dollars at most, sub-agents included"),
  max_seconds: option(integer(1, 604_800), "N", "seconds at most"),
  events: toggle("print every event of the run as a line of JSON, the result last"),
});

type ConversationInput = v.InferOutput<typeof conversationInput>;

export const conversationDetails = `
  Standard input, when it is a pipe or a file, follows the message after an empty line; alone it is the message.

  A message "/tool NAME JSON" runs one tool without a model. Typed as an argument it is the operator's own act; read
  from a file or from standard input, or with --as, it is the agent's and needs the agent's grants.`;

/** One finished run. `output` is there for a /tool that succeeded, and for an answer that fits its schema. */
export interface Conversation {
  readonly run_id: string;
  readonly state: string;
  readonly principal: string;
  readonly bundle: string;
  readonly answer: string;
  readonly output?: Json;
  readonly session?: string;
  readonly usage?: RunUsage;
  readonly thinking?: string;
  readonly calls: readonly { readonly tool: string; readonly ok: boolean; readonly code?: string }[];
  readonly proposal?: string;
  /** What the operator is asked, of a run that waits. */
  readonly approval?: string;
  readonly fault?: FaultRecord;
  /** How it is printed: everything was, or the result is the last line of events. */
  readonly shown?: "streamed" | "events";
}

/** The exit status of a run that waits for an answer. */
export const waitingStatus = { status: 11, meaning: "the run waits for an approval" } as const;

/** Carries out the message; a run that failed is a result with its fault, not an exception. */
export async function converse(ctx: CommandContext, input: ConversationInput): Promise<Conversation> {
  const named = namedAgent(input);
  const spoken = await readMessage(ctx, input);
  const directive = parseDirective(spoken.message);
  // Loading the providers costs milliseconds that a directive does not need.
  const { providers } = directive ? { providers: [] } : await import("../../../src/providers/index.ts");
  const work = (engine: Engine): Promise<Conversation> => {
    const answering = named ?? agent(engine.config.agent.default);
    if (!directive) return speak(ctx, engine, answering, spoken, input);
    const acting = spoken.typed && input.as === undefined ? operator : answering;
    return callTool(ctx, engine, acting, directive, sourceOf(spoken), input);
  };
  return withEngine(ctx, work, providers);
}

/** The text people see of a run; one that failed may have something to say beside its fault. */
export function answerText(result: Conversation): string {
  if (result.shown === "events") return JSON.stringify({ type: "result", ...documentOf(result) });
  return result.shown === "streamed" ? "" : result.answer.trimEnd();
}

function documentOf({ shown: _, ...document }: Conversation): object {
  return document;
}

/** The result as one document: the fault is left to the `error` field. */
export function faultOf(result: Conversation): FaultRecord | undefined {
  if (result.state === "waiting") return undefined;
  if (result.fault || result.state === "completed") return result.fault;
  return { code: result.state === "cancelled" ? "canceled" : "internal", message: `the run ended ${result.state}` };
}

function namedAgent(input: ConversationInput): Principal | undefined {
  const byAgent = input.agent === undefined ? undefined : agent(agentNamed(input.agent));
  const byAs = input.as === undefined ? undefined : principalNamed(input.as);
  if (byAs?.kind === "operator") {
    throw new Fault("invalid_argument", "--as takes an agent: the operator acts by typing /tool", {
      hint: "write --as agent:NAME",
    });
  }
  if (byAgent && byAs && principalText(byAgent) !== principalText(byAs)) {
    throw new Fault("invalid_argument", "--agent and --as name different agents", { hint: "give one of them" });
  }
  return byAs ?? byAgent;
}

function sourceOf(spoken: Spoken): string {
  return spoken.typed ? "cli" : "stdin";
}

async function speak(
  ctx: CommandContext,
  engine: Engine,
  principal: Principal,
  spoken: Spoken,
  input: ConversationInput,
): Promise<Conversation> {
  const slash = parseSlash(spoken.message);
  if (slash?.command === "chats" || (slash && slash.text === null)) return answerSlash(engine, principal, slash);
  if (slash?.command === "resume") await resumableAt(engine.keeper.sessions, placeOf(principal), slash.which);
  const choice = slash?.which ?? input.session;
  const images = readImages(input.image ?? [], ctx.cwd);
  const schema = input.schema === undefined ? undefined : readSchema(input.schema, ctx.cwd);
  const request: RunRequest = {
    principal,
    message: slash?.text ?? spoken.message,
    source: sourceOf(spoken),
    attached_chars: spoken.attached_chars,
    session: choice === undefined ? undefined : { place: placeHere(), which: choice },
    images,
    schema,
    dry_run: input.dry_run,
    limits: {
      ...(input.max_turns === undefined ? {} : { max_turns: input.max_turns }),
      ...(input.max_tokens === undefined ? {} : { max_tokens: input.max_tokens }),
      ...(input.max_usd === undefined ? {} : { max_usd: input.max_usd }),
      ...(input.max_seconds === undefined ? {} : { max_wall_ms: input.max_seconds * 1000 }),
    },
  };
  return attended(ctx, input.events, principal, (company) => engine.run({ ...request, ...company }));
}

/** The fault's own status, 0 for a run that completed, and one of its own for a run that waits. */
export function exitOf(result: Conversation): number {
  if (result.state === "waiting") return waitingStatus.status;
  const fault = faultOf(result);
  return fault ? faultCodes[fault.code].exit : 0;
}

/** What a slash command without a message does: it chooses the session that is gone on with, or lists those there are. */
async function answerSlash(engine: Engine, principal: Principal, slash: Slash): Promise<Conversation> {
  const { sessions, clock } = engine.keeper;
  const place = placeOf(principal);
  const common = { run_id: "", state: "completed", principal: place.agent, bundle: "", calls: [] };
  if (slash.command === "chats") {
    const rows = await chatsAt(sessions, place);
    const lines = rows.map(
      ({ id, updated_at, messages, title }) => `${id}  ${updated_at}  ${messages} messages  ${title}`,
    );
    return { ...common, answer: lines.join("\n") || "no sessions" };
  }
  const row =
    slash.command === "resume"
      ? await resumableAt(sessions, place, slash.which)
      : await sessions.create({ ...place, title: "", created_at: rfc3339(clock.now()) });
  await sessions.activate(place, row.id);
  return { ...common, session: row.id, answer: `session ${row.id}; go on with --session current` };
}

function placeOf(principal: Principal): SessionPlace {
  return { ...placeHere(), agent: principalText(principal) };
}

type Company = Pick<RunRequest, "signal" | "onEvent" | "approve">;

/** Drives a run while a person watches, and may be asked. */
export async function attended(
  ctx: CommandContext,
  events: boolean,
  principal: Principal,
  drive: (company: Company) => Promise<RunResult>,
): Promise<Conversation> {
  const watching = watch(ctx, { events });
  const approve = events || ctx.json ? undefined : approver(ctx, () => watching.end());
  const { session, fault, ...run } = await drive({ signal: ctx.signal, onEvent: watching.onEvent, approve });
  const streamed = watching.end();
  if (ctx.side.terminal && !ctx.quiet && !ctx.json && !events) sumUp(ctx, run);
  if (run.state === "waiting" && !ctx.json && !events) {
    ctx.note(`run ${run.run_id} waits for an answer; see reeve approvals show ${run.approval}`);
  }
  return {
    ...run,
    principal: principalText(principal),
    ...(session === null ? {} : { session }),
    ...(fault ? { fault } : {}),
    ...(events ? { shown: "events" } : streamed && run.state === "completed" ? { shown: "streamed" } : {}),
  };
}

/** What a person at a terminal may want to know of a run that is over. */
function sumUp({ side }: CommandContext, { thinking, usage }: Pick<RunResult, "thinking" | "usage">): void {
  if (thinking !== undefined) side.write(`${side.paint.faint(`thought: ${thinking}`)}\n`);
  if (usage.input_tokens + usage.output_tokens === 0) return;
  const cost = usage.cost_microusd === null ? "price unknown" : `$${(usage.cost_microusd / 1e6).toFixed(4)}`;
  const tokens = `${usage.input_tokens} tokens in (${usage.cached_tokens} cached), ${usage.output_tokens} out`;
  side.write(`${side.paint.faint(`${usage.turns} turns, ${tokens}, ${cost}`)}\n`);
}

/** The entrance of this process: the command line, and who types there. */
function placeHere(): Place {
  return { channel: "cli", user: userInfo().username, room: "terminal" };
}

async function callTool(
  ctx: CommandContext,
  engine: Engine,
  principal: Principal,
  directive: { readonly tool: string; readonly input: Json },
  source: string,
  input: ConversationInput,
): Promise<Conversation> {
  const approve = ctx.json ? undefined : approver(ctx, () => undefined);
  const { signal } = ctx;
  const options = { source, signal, approve, dry_run: input.dry_run };
  const result = await engine.call(principal, directive.tool, directive.input, options);
  const { run_id, bundle, tool } = result;
  const common = { run_id, bundle, principal: principalText(principal) };
  if (result.ok) {
    const answer = JSON.stringify(result.output, null, 2);
    return { ...common, state: "completed", answer, output: result.output, calls: [{ tool, ok: true }] };
  }
  const { code, fault, proposal, approval } = result;
  if (code === "approval.pending" && !ctx.json)
    ctx.note(`run ${run_id} waits for an answer; see reeve approvals show ${approval}`);
  return {
    ...common,
    state: code === "approval.pending" ? "waiting" : code === "canceled" ? "cancelled" : "failed",
    answer: "",
    calls: [{ tool, ok: false, code }],
    ...(proposal === null ? {} : { proposal }),
    ...(approval === undefined ? {} : { approval }),
    fault,
  };
}

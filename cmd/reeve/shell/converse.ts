/** What `ask` and `run` share: their flags, and one message turned into one run of the engine. */
import * as v from "valibot";
import type { Json } from "../../../src/core/canonical.ts";
import { Fault, type FaultRecord } from "../../../src/core/fault.ts";
import { type CommandContext, option } from "../../../src/define/command.ts";
import { agent, operator, type Principal, principalText } from "../../../src/define/principal.ts";
import { parseDirective } from "../../../src/engine/drive.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { withEngine } from "./engine.ts";
import { readMessage, type Spoken } from "./message.ts";
import { agentNamed, principalNamed } from "./principal.ts";

export const conversationInput = v.strictObject({
  words: option(v.array(v.string()), "MESSAGE", "the message; several words are joined by spaces"),
  message: option(v.string(), "TEXT", "the message"),
  message_file: option(v.string(), "FILE", "read the message from this file (UTF-8)"),
  agent: option(v.string(), "NAME", "the agent that answers; the configured default when absent"),
  as: option(v.string(), "PRINCIPAL", "act as agent:NAME, for a typed /tool too"),
});

type ConversationInput = v.InferOutput<typeof conversationInput>;

export const conversationDetails = `
  Standard input, when it is a pipe or a file, follows the message after an empty line; alone it is the message.

  A message "/tool NAME JSON" runs one tool without a model. Typed as an argument it is the operator's own act; read
  from a file or from standard input, or with --as, it is the agent's and needs the agent's grants.`;

/** One finished run. `output` is there for a /tool that succeeded. */
export interface Conversation {
  readonly run_id: string;
  readonly state: string;
  readonly principal: string;
  readonly bundle: string;
  readonly answer: string;
  readonly output?: Json;
  readonly calls: readonly { readonly tool: string; readonly ok: boolean; readonly code?: string }[];
  readonly proposal?: string;
  readonly fault?: FaultRecord;
}

/** Carries out the message; a run that failed is a result with its fault, not an exception. */
export async function converse(ctx: CommandContext, input: ConversationInput): Promise<Conversation> {
  const named = namedAgent(input);
  const spoken = await readMessage(ctx, input);
  const directive = parseDirective(spoken.message);
  // Loading the providers costs milliseconds that a directive does not need.
  const { providers } = directive ? { providers: [] } : await import("../../../src/providers/index.ts");
  const work = (engine: Engine): Promise<Conversation> => {
    const answering = named ?? agent(engine.config.agent.default);
    if (!directive) return speak(engine, answering, spoken, ctx.signal);
    const acting = spoken.typed && input.as === undefined ? operator : answering;
    return callTool(engine, acting, directive, sourceOf(spoken), ctx.signal);
  };
  return withEngine(ctx, work, providers);
}

/** The text people see of a run that completed; a failed one is told by its fault. */
export function answerText(result: Conversation): string {
  return result.state === "completed" ? result.answer.trimEnd() : "";
}

/** The result as one document: the fault is left to the `error` field. */
export function faultOf(result: Conversation): FaultRecord | undefined {
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

async function speak(engine: Engine, principal: Principal, spoken: Spoken, signal: AbortSignal): Promise<Conversation> {
  const run = await engine.run({ principal, message: spoken.message, source: sourceOf(spoken), signal });
  return { ...run, principal: principalText(principal) };
}

async function callTool(
  engine: Engine,
  principal: Principal,
  directive: { readonly tool: string; readonly input: Json },
  source: string,
  signal: AbortSignal,
): Promise<Conversation> {
  const result = await engine.call(principal, directive.tool, directive.input, { source, signal });
  const { run_id, bundle, tool } = result;
  const common = { run_id, bundle, principal: principalText(principal) };
  if (result.ok) {
    const answer = JSON.stringify(result.output, null, 2);
    return { ...common, state: "completed", answer, output: result.output, calls: [{ tool, ok: true }] };
  }
  const { code, fault, proposal } = result;
  return {
    ...common,
    state: code === "canceled" ? "cancelled" : "failed",
    answer: "",
    calls: [{ tool, ok: false, code }],
    ...(proposal === null ? {} : { proposal }),
    fault,
  };
}

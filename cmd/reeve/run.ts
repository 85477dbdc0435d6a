/** `reeve run`: like ask, and says which run it was and where its bundle is; takes up a run that stopped. */
import * as v from "valibot";
import { Fault } from "../../src/core/fault.ts";
import { type CommandContext, defineCommand, option } from "../../src/define/command.ts";
import { parsePrincipal } from "../../src/define/principal.ts";
import { resolveRunId } from "../../src/engine/history.ts";
import {
  answerText,
  attended,
  type Conversation,
  conversationDetails,
  conversationInput,
  converse,
  exitOf,
  faultOf,
  waitingStatus,
} from "./shell/converse.ts";
import { withEngine } from "./shell/engine.ts";

const input = v.strictObject({
  ...conversationInput.entries,
  resume: option(
    v.string(),
    "RUN",
    "go on with a run that waits, was cut off, canceled or failed: its id, or last for the newest of them",
  ),
  in_doubt: v.optional(
    v.pipe(
      v.picklist(["ask", "skip", "repeat"]),
      v.description("with --resume: what to do about a call that may have happened"),
    ),
    "ask",
  ),
});

type RunInput = v.InferOutput<typeof input>;

export const run = defineCommand({
  name: "run",
  summary: "Run an agent on a message and print the run, its bundle and its answer.",
  positionals: ["words"],
  input,
  details: conversationDetails,
  examples: [
    "reeve run --agent default --message-file task.md",
    'reeve run --json \'/tool fs.list {"path": "."}\'',
    "reeve run --resume last",
  ],
  statuses: [waitingStatus],
  run: (ctx, given) => (given.resume === undefined ? converse(ctx, given) : takeUp(ctx, given, given.resume)),
  render: (result) => {
    if (result.shown === "events") return answerText(result);
    const facts = result.bundle === "" ? [] : [`run ${result.run_id} ${result.state}`, `bundle ${result.bundle}`];
    return [...facts, answerText(result)].filter(Boolean).join("\n");
  },
  failure: faultOf,
  exit: exitOf,
});

async function takeUp(ctx: CommandContext, given: RunInput, text: string): Promise<Conversation> {
  if (given.words?.length || given.message !== undefined || given.message_file !== undefined) {
    throw new Fault("invalid_argument", "a run is taken up again with the message it began with", {
      hint: "leave the message out, or start another run with it",
    });
  }
  const { providers } = await import("../../src/providers/index.ts");
  const work = async (engine: Parameters<Parameters<typeof withEngine>[1]>[0]): Promise<Conversation> => {
    const stopped = text === "last" ? await engine.keeper.runs.newestStopped() : undefined;
    if (text === "last" && stopped === undefined) {
      throw new Fault("not_found", "there is no run to take up again", { hint: "see reeve runs list" });
    }
    const id = stopped ?? (await resolveRunId(engine.keeper, text));
    const row = await engine.keeper.runs.get(id);
    const principal = parsePrincipal(row?.principal ?? "operator");
    return attended(ctx, given.events, principal, (company) =>
      engine.resume(id, { ...company, in_doubt: given.in_doubt }),
    );
  };
  return withEngine(ctx, work, providers);
}

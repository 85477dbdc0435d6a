/** `reeve ask`: one question, and on stdout nothing but its answer. */
import { defineCommand } from "../../src/define/command.ts";
import {
  answerText,
  conversationDetails,
  conversationInput,
  converse,
  exitOf,
  faultOf,
  waitingStatus,
} from "./shell/converse.ts";

export const ask = defineCommand({
  name: "ask",
  summary: "Ask an agent and print its answer.",
  positionals: ["words"],
  input: conversationInput,
  details: conversationDetails,
  examples: [
    'reeve ask "how healthy is this machine?"',
    'git diff | reeve ask "review this"',
    "reeve ask '/tool time.now {}'",
  ],
  async run(ctx, input) {
    const { fault, ...result } = await converse(ctx, input);
    if (!ctx.json) {
      if (result.proposal) ctx.note(`proposal ${result.proposal} waits for the operator`);
      if (result.bundle !== "") ctx.note(`run bundle ${result.bundle}`);
    }
    return { ...result, ...(fault ? { fault } : {}) };
  },
  statuses: [waitingStatus],
  render: answerText,
  failure: faultOf,
  exit: exitOf,
});

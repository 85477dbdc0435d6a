/** `reeve run`: like ask, and says which run it was and where its bundle is. */
import { defineCommand } from "../../src/define/command.ts";
import { answerText, conversationDetails, conversationInput, converse, faultOf } from "./shell/converse.ts";

export const run = defineCommand({
  name: "run",
  summary: "Run an agent on a message and print the run, its bundle and its answer.",
  positionals: ["words"],
  input: conversationInput,
  details: conversationDetails,
  examples: ["reeve run --agent default --message-file task.md", 'reeve run --json \'/tool fs.list {"path": "."}\''],
  run: converse,
  render: (result) =>
    [`run ${result.run_id} ${result.state}`, `bundle ${result.bundle}`, answerText(result)].filter(Boolean).join("\n"),
  failure: faultOf,
});

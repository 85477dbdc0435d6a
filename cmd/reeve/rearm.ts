/** `reeve rearm`: the operator lets agents act again, and the ledger knows it first. */
import * as v from "valibot";
import { defineCommand, option } from "../../src/define/command.ts";
import { operator } from "../../src/define/principal.ts";
import { releaseStop, stopsIn } from "../../src/engine/stop.ts";
import { withEngine } from "./shell/engine.ts";
import { agentNamed } from "./shell/principal.ts";

export const rearm = defineCommand({
  name: "rearm",
  summary: "Let agents act again after a stop.",
  input: v.strictObject({ agent: option(v.string(), "NAME", "the agent that was stopped by itself") }),
  details: "An agent that was stopped by itself stays stopped when every agent is rearmed, and has to be named.",
  run: (ctx, input) =>
    withEngine(ctx, async ({ keeper }) => {
      const agent = input.agent === undefined ? null : agentNamed(input.agent);
      const { order } = await releaseStop(keeper, agent, operator);
      const still = stopsIn(keeper.home).map((each) => (each.agent === null ? "every agent" : `agent:${each.agent}`));
      return { rearmed: agent === null ? "every agent" : `agent:${agent}`, order: order ?? null, still };
    }),
  render: ({ rearmed, order, still }) =>
    [
      order ? `rearmed ${rearmed}, stopped since ${order.at}` : `rearmed ${rearmed}; the stop did not say since when`,
      ...still.map((who) => `${who} is still stopped`),
    ].join("\n"),
});

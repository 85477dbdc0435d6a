/** `reeve stop`: agents are kept from acting before anything else is looked at, then what runs is ended, then it is recorded. */
import * as v from "valibot";
import { asFault, Fault, type FaultRecord } from "../../src/core/fault.ts";
import { didYouMean } from "../../src/core/nearest.ts";
import { rfc3339 } from "../../src/core/clock.ts";
import { type CommandContext, defineCommand, option, toggle } from "../../src/define/command.ts";
import { type Halted, haltRuns } from "../../src/engine/halt.ts";
import { engageStop, recordStop, stopFile } from "../../src/engine/stop.ts";
import { loadPolicy } from "../../src/policy/policy.ts";
import { requireHome } from "./shell/control.ts";
import { withEngine } from "./shell/engine.ts";
import { agentNamed } from "./shell/principal.ts";

/** How long a process has to end its runs by itself, so that all is over within a second. */
const patience_ms = 900;

interface Stopped extends Halted {
  /** `every agent`, or `agent:NAME`. */
  readonly stopped: string;
  readonly at: string;
  /** Null when it could not be written: then nothing keeps agents from starting. */
  readonly file: string | null;
  readonly recorded: boolean;
  /** Everything that went wrong; the first is the fault. */
  readonly troubles: readonly string[];
  readonly fault?: FaultRecord;
}

export const stop = defineCommand({
  name: "stop",
  summary: "Stop agents at once: what runs is ended, and nothing starts until you rearm.",
  input: v.strictObject({
    agent: option(v.string(), "NAME", "only this agent"),
    all: toggle("every agent of this home; the same as without flags"),
    reason: option(v.pipe(v.string(), v.maxLength(1000)), "TEXT", "why, for the record and for whoever is refused"),
  }),
  details: `
    It needs no model, no passphrase and no sound ledger to stop. Runs are asked to end; a process that still drives one
    after 900 ms is killed. What could not be recorded or ended is said, with an exit status other than 0.`,
  examples: ["reeve stop", "reeve stop --agent default --reason 'it deletes what it should read'"],
  run: stopNow,
  render: (result, paint) =>
    [
      `${paint.bad("stopped")} ${result.stopped}; let it act again with: ${`reeve rearm ${rearmFlag(result.stopped)}`.trim()}`,
      ...result.ended.map((id) => `run ${id} ended`),
      ...result.killed.map(({ pid, runs }) => `process ${pid} was killed; it drove run ${runs.join(", ")}`),
      ...result.alive.map(({ pid, runs, why }) =>
        paint.bad(`process ${pid} still drives run ${runs.join(", ")}: ${why}`),
      ),
      ...(result.ended.length + result.killed.length + result.alive.length ? [] : ["nothing was running"]),
      ...result.troubles.slice(1).map((trouble) => paint.bad(trouble)),
    ].join("\n"),
  failure: (result) => result.fault,
});

async function stopNow(
  ctx: CommandContext,
  input: { readonly agent?: string | undefined; readonly all: boolean; readonly reason?: string | undefined },
): Promise<Stopped> {
  requireHome(ctx);
  const agent = input.agent === undefined ? null : agentNamed(input.agent);
  if (agent !== null && input.all) {
    throw new Fault("invalid_argument", "--all and --agent are given together", { hint: "give one of them" });
  }
  if (agent !== null) checkAgent(ctx, agent);
  const order = { at: rfc3339(Date.now()), by: "operator", reason: input.reason ?? "", agent };
  const faults: Fault[] = [];
  const attempt = async <T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (thrown) {
      const { code, message, hint } = asFault(thrown);
      faults.push(new Fault(code, `${what}: ${message}`, { ...(hint === undefined ? {} : { hint }), cause: thrown }));
      return undefined;
    }
  };
  const engaged = await attempt("agents are not kept from starting", () => {
    engageStop(ctx.home, order);
    return stopFile(ctx.home, agent);
  });
  const nothing: Halted = { ended: [], killed: [], alive: [] };
  const halted =
    (await attempt("it is not known what still runs", () => haltRuns(ctx.home, agent, { patience_ms }))) ?? nothing;
  for (const { pid } of halted.alive) {
    faults.push(new Fault("unavailable", `process ${pid} goes on`, { hint: "end it on the machine it runs on" }));
  }
  const killed = halted.killed.flatMap((each) => each.runs);
  const recorded = await attempt("the stop is in force and not in the ledger", () =>
    withEngine(ctx, async ({ keeper }) => {
      await recordStop(keeper.ledger, order, { ended: halted.ended, killed });
      return true;
    }),
  );
  const [worst] = faults;
  return {
    stopped: agent === null ? "every agent" : `agent:${agent}`,
    at: order.at,
    ...halted,
    file: engaged ?? null,
    recorded: recorded === true,
    troubles: faults.map((fault) => fault.message),
    ...(worst ? { fault: worst.toRecord() } : {}),
  };
}

/** A mistyped name would stop nobody. A policy that cannot be read names nobody, and then any name is taken. */
function checkAgent(ctx: CommandContext, agent: string): void {
  let names: readonly string[];
  try {
    names = [...loadPolicy(ctx.home.policy).agents.keys()];
  } catch (thrown) {
    if (thrown instanceof Fault) return;
    throw thrown;
  }
  if (names.includes(agent)) return;
  throw new Fault("not_found", `there is no agent named "${agent}", so nothing was stopped`, {
    hint: didYouMean(agent, names, `agents here: ${names.join(", ") || "none"}; reeve stop stops all of them`),
  });
}

function rearmFlag(stopped: string): string {
  return stopped.startsWith("agent:") ? ` --agent ${stopped.slice("agent:".length)}` : "";
}

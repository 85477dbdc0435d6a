/** The operator's own acts: one tool call in ring 0 through the door, its output checked against what the command shows. */
import { existsSync } from "node:fs";
import type * as v from "valibot";
import type { Json } from "../../../src/core/canonical.ts";
import { Fault } from "../../../src/core/fault.ts";
import { check } from "../../../src/core/schema.ts";
import type { CommandContext } from "../../../src/define/command.ts";
import { operator } from "../../../src/define/principal.ts";
import { watchPolicy } from "../../../src/engine/control.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { decide } from "../../../src/policy/decide.ts";
import { withEngine } from "./engine.ts";

/** Throws the call's fault when it was refused or failed. */
export async function actAsOperator<S extends v.GenericSchema<unknown, unknown>>(
  ctx: CommandContext,
  tool: string,
  input: Json,
  output: S,
): Promise<v.InferOutput<S>> {
  return withEngine(ctx, (engine) => actThrough(engine, ctx.signal, tool, input, output));
}

export async function actThrough<S extends v.GenericSchema<unknown, unknown>>(
  engine: Engine,
  signal: AbortSignal,
  tool: string,
  input: Json,
  output: S,
): Promise<v.InferOutput<S>> {
  const result = await engine.call(operator, tool, input, { source: "cli", signal });
  if (result.ok) return check(output, result.output, tool);
  const { code, message, hint, data } = result.fault;
  throw new Fault(code, message, { ...(hint === undefined ? {} : { hint }), ...(data === undefined ? {} : { data }) });
}

/** Asks policy about an act of the operator that is no tool's. Throws `permission_denied`, also for an unreadable policy. */
export function requireAllowed(ctx: CommandContext, capability: string): void {
  const request = { principal: operator, capability, effect: "control", resources: [], now_ms: Date.now() } as const;
  const decision = decide(watchPolicy(ctx.home.policy)(), request);
  if (decision.effect !== "allow") throw new Fault("permission_denied", decision.reason, { hint: decision.hint });
}

/** Throws `not_found` where nothing was initialised, for commands that read the home without opening the engine. */
export function requireHome(ctx: CommandContext): void {
  if (existsSync(ctx.home.state)) return;
  throw new Fault("not_found", `there is no Reeve home in ${ctx.home.root}`, {
    hint: "run `reeve init`, or name one with --home",
  });
}

/** An estate whose agent must ask before it writes, and the questions it then puts, for the tests of approvals. */
import type { Json } from "../../core/canonical.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { agent } from "../../define/principal.ts";
import { grantOn, savePolicy } from "../../policy/change.ts";
import { loadPolicy } from "../../policy/policy.ts";
import { StateFile } from "../../store/state.ts";
import { requestApproval } from "../approvals.ts";
import type { Engine } from "../engine.ts";
import { type Estate, tools } from "./estate.ts";

export const bot = agent("default");
export const once = { decision: "approve", scope: "once" } as const;
export const forRun = { decision: "approve", scope: "run" } as const;
export const always = { decision: "approve", scope: "always" } as const;
export const write = (path: string) => ({ path, content: "text" });

/** The agent may write and must ask first. */
export function askBeforeWriting(estate: Estate): void {
  const { policy } = estate.home;
  const known = tools.map((tool) => tool.capability);
  const provenance = { by: "operator", via: "test", at: "2026-01-01T00:00:00Z" };
  const granted = grantOn(loadPolicy(policy), bot, "fs.write:**", { expires_at: null, provenance, known }).policy;
  const rule = { id: "ask", effect: "ask", principal: "agent:*", capability: "fs.write:**", reason: "writes" } as const;
  savePolicy(policy, { ...granted, rules: [rule] });
}

export async function openAsking(estate: Estate, options: Parameters<Estate["open"]>[0] = {}): Promise<Engine> {
  askBeforeWriting(estate);
  return estate.open(options);
}

export function deskOf({ keeper, catalogue }: Engine, approval_expiry_ms = 60_000) {
  return { ...keeper, catalogue, approval_expiry_ms };
}

/** A call that now waits: its run and what the operator is asked. */
export async function waiting(engine: Engine, path = "a"): Promise<{ readonly run: string; readonly id: string }> {
  const result = await engine.call(bot, "note.write", write(path));
  if (result.ok || result.code !== "approval.pending" || result.approval === undefined) {
    throw new Error(`the call does not wait: ${JSON.stringify(result)}`);
  }
  return { run: result.run_id, id: result.approval };
}

/** A question put without a run, for what concerns questions alone. */
export function asked(engine: Engine, more: Partial<Parameters<typeof requestApproval>[1]> = {}, expiry_ms?: number) {
  return requestApproval(deskOf(engine, expiry_ms), {
    kind: "call",
    run: "018f0000-0000-7000-8000-000000000000",
    call: "call-1",
    principal: "agent:default",
    tool: "note.write",
    input: write("a"),
    capability: "fs.write",
    effect: "write",
    resources: [{ capability: "fs.write", kind: "path", value: "a" }],
    reason: "so it is",
    ...more,
  });
}

export async function entries({ keeper: { ledger } }: Engine, type: string): Promise<readonly Json[]> {
  const found: Json[] = [];
  for (let seq = 0; seq < ledger.size(); seq++) {
    const entry = await ledger.entry(seq);
    if (entry.type === type) found.push(entry.payload ?? null);
  }
  return found;
}

/** As somebody with an editor on state.db would. */
export function alter({ home }: Estate, id: string, set: string, value: string | null): void {
  const file = new StateFile(home.database);
  const changed = file.change(`UPDATE approvals SET ${set} = ? WHERE id = ?`, [value, id]);
  file.close();
  if (changed !== 1) throw new Error(`there is no approval ${id}`);
}

export function movable(): Clock & { ahead_ms: number } {
  return {
    ahead_ms: 0,
    now() {
      return systemClock.now() + this.ahead_ms;
    },
    monotonic: () => systemClock.monotonic(),
  };
}

export const rejection = (work: Promise<unknown>) =>
  work.then(
    () => "nothing was thrown",
    (thrown: { readonly code: string }) => thrown.code,
  );

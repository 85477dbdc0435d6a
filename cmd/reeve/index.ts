/** Every command of the command line, in the order the help lists them; only the one that was typed is loaded. */
import type { Entry } from "./shell/argv.ts";

const verbs: readonly (readonly [verb: string, load: () => Promise<Entry>])[] = [
  ["init", async () => (await import("./init.ts")).init],
  ["setup", async () => (await import("./setup.ts")).setup],
  ["ask", async () => (await import("./ask.ts")).ask],
  ["run", async () => (await import("./run.ts")).run],
  ["runs", async () => (await import("./runs.ts")).runs],
  ["approvals", async () => (await import("./approvals.ts")).approvals],
  ["stop", async () => (await import("./stop.ts")).stop],
  ["rearm", async () => (await import("./rearm.ts")).rearm],
  ["sessions", async () => (await import("./sessions.ts")).sessions],
  ["usage", async () => (await import("./usage.ts")).usage],
  ["undo", async () => (await import("./undo.ts")).undo],
  ["verify-ledger", async () => (await import("./verify-ledger.ts")).verifyLedger],
  ["doctor", async () => (await import("./doctor.ts")).doctor],
  ["egress", async () => (await import("./egress.ts")).egress],
  ["serve", async () => (await import("./serve.ts")).serve],
  ["agents", async () => (await import("./agents.ts")).agents],
  ["skills", async () => (await import("./skills.ts")).skills],
  ["policy", async () => (await import("./policy.ts")).policy],
  ["secrets", async () => (await import("./secrets.ts")).secrets],
  ["tools", async () => (await import("./tools.ts")).tools],
  ["config", async () => (await import("./config.ts")).config],
  ["completion", async () => (await import("./completion.ts")).completionOf(allCommands)],
  ["version", async () => (await import("./version.ts")).version],
];

export function allCommands(): Promise<readonly Entry[]> {
  return Promise.all(verbs.map(([, load]) => load()));
}

/** The command whose verb comes first, or all of them where something else does: a flag, nothing, a word that is none. */
export async function commandsFor(argv: readonly string[]): Promise<readonly Entry[]> {
  const load = verbs.find(([verb]) => verb === argv[0])?.[1];
  return load ? [await load()] : allCommands();
}

/** What `init` and `setup` tell of the home they made. */
import type { InitResult } from "../../../src/engine/init.ts";

export const profileNames = ["observer", "editor", "operator"] as const;

export function homeText(result: InitResult): string {
  return [
    `home ${result.home}`,
    `workspace ${result.workspace}`,
    `agent ${result.agent} with profile ${result.profile}`,
    `ledger ${result.log}`,
    `pinned key ${result.pinned_key}`,
    ...result.put_aside.map((path) => `earlier home kept as ${path}`),
  ].join("\n");
}

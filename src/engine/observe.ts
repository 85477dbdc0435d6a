/** Policy and config are files an operator may edit; what came about outside Reeve is written down before anyone acts on it. */
import { isJsonObject, type Json } from "../core/canonical.ts";
import type { Home } from "../core/home.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { fileDigest } from "./control.ts";

/**
 * Compares each file with the digest the ledger holds for it and records one that differs as `policy.observed` or
 * `config.observed`. Returns a sentence for each: an older copy put back reads like any other edit, so a person must look.
 */
export async function observeControlFiles(home: Home, ledger: Ledger): Promise<readonly string[]> {
  const files = { policy: home.policy, config: home.config } as const;
  const notices: string[] = [];
  for (const [kind, path] of Object.entries(files)) {
    const sha256 = fileDigest(path);
    const before = await recordedDigest(ledger, kind);
    if (sha256 === before) continue;
    await ledger.append({ type: `${kind}.observed`, actor: "operator", run: null, payload: { sha256, before } });
    notices.push(`${path} was changed outside Reeve since it was last used; if that was not you, look at it`);
  }
  return notices;
}

/** What the newest entry about the file says. */
async function recordedDigest(ledger: Ledger, kind: string): Promise<string> {
  const changed = await ledger.latest(`${kind}.changed`);
  const observed = await ledger.latest(`${kind}.observed`);
  if (!changed && !observed) return textOf((await ledger.latest("home.created"))?.payload, `${kind}_sha256`);
  return textOf(((changed?.seq ?? -1) > (observed?.seq ?? -1) ? changed : observed)?.payload, "sha256");
}

function textOf(payload: Json | undefined, field: string): string {
  const value = isJsonObject(payload) ? payload[field] : undefined;
  return typeof value === "string" ? value : "unknown";
}

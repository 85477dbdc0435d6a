/** Ties the vault to the ledger: no change of a secret without an entry before and after it, no vault older than the ledger says. */
import { isJsonObject } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { StagedChange, Vault } from "../vault/vault.ts";

/**
 * Stages a change and carries it out between its two ledger entries, the first of them under a checkpoint, while no
 * other process may change the vault.
 * Returns undefined when there was nothing to stage.
 */
export function commitChange<C extends StagedChange>(
  ledger: Ledger,
  vault: Vault,
  stage: () => C | undefined,
  entry: { readonly actor: string; readonly run: string | null; readonly what: string; readonly name: string | null },
): Promise<C | undefined> {
  const { actor, run, what, name } = entry;
  return vault.exclusive(async () => {
    const change = stage();
    if (!change) return undefined;
    await ledger.append({ type: "vault.staged", actor, run, payload: { manifest: change.manifest, what, name } });
    await ledger.checkpoint();
    change.commit();
    await ledger.append({ type: "vault.committed", actor, run, payload: { manifest: change.manifest } });
    return change;
  });
}

/**
 * Compares the vault on disk with the last manifest in the ledger. A change that was staged and then cut off may have
 * reached the disk or not: either is accepted and written down. Anything else throws `data_loss`, unless another process
 * changed the vault between the two looks, so each look is repeated once.
 */
export async function checkVault(ledger: Ledger, vault: Vault): Promise<void> {
  let state = await compare(ledger, vault);
  if (state === undefined) {
    vault.refresh();
    state = await compare(ledger, vault);
  }
  if (state === undefined) {
    throw new Fault("data_loss", "the vault is not the one the ledger last recorded", {
      hint: "an older copy of .reeve/vault was put back, or files were changed by hand; restore the newest backup of the whole home",
    });
  }
  if (state === "same") return;
  await ledger.append({ type: "vault.committed", actor: "operator", run: null, payload: { manifest: vault.manifest } });
}

async function compare(ledger: Ledger, vault: Vault): Promise<"same" | "cut off" | undefined> {
  // The index that finds the newest entry of a type is checked at start for the newest entries only; the newest end of a
  // run is among them, and tells of changes whose own entries may lie further back.
  if (vault.serial < serialOf((await ledger.latest("run.end"))?.payload)) return undefined;
  const staged = await ledger.latest("vault.staged");
  const committed = await ledger.latest("vault.committed");
  const pending = staged && staged.seq > (committed?.seq ?? -1) ? manifestOf(staged.payload) : undefined;
  if (vault.manifest === manifestOf(committed?.payload)) return pending === undefined ? "same" : "cut off";
  return vault.manifest === pending ? "cut off" : undefined;
}

function manifestOf(payload: unknown): string | undefined {
  if (!isJsonObject(payload)) return undefined;
  return typeof payload["manifest"] === "string" ? payload["manifest"] : undefined;
}

function serialOf(payload: unknown): number {
  const serial = isJsonObject(payload) ? payload["vault_serial"] : undefined;
  return typeof serial === "number" ? serial : 0;
}

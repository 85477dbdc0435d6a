/** The ledger's signing key as the vault keeps it. */
import { Fault } from "../core/fault.ts";
import type { LogKey } from "../ledger/key.ts";
import type { Vault } from "../vault/vault.ts";

const name = "reeve/log-key";

/** Throws `data_loss` when the vault holds no such key. */
export function logKeyFrom(vault: Vault): LogKey {
  const bytes = vault.value(name);
  if (bytes?.length === 64) return { ed25519_seed: bytes.subarray(0, 32), mldsa44_seed: bytes.subarray(32) };
  throw new Fault("data_loss", "the vault does not hold the ledger's signing key", {
    hint: "restore .reeve/vault from a backup of this home",
  });
}

export function sealLogKey(key: LogKey): { readonly name: string; readonly value: Uint8Array } {
  return { name, value: Buffer.concat([key.ed25519_seed, key.mldsa44_seed]) };
}

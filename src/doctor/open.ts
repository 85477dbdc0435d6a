/** Vault and ledger of a patient, opened on their own, so that each can be examined when the other is ill. */
import { loadConfig } from "../config/load.ts";
import { type Pin, pinOf } from "../core/pin.ts";
import { logKeyFrom } from "../engine/log-key.ts";
import { Ledger } from "../ledger/ledger.ts";
import { fileWitness } from "../ledger/witness.ts";
import { openVault, type Vault } from "../vault/vault.ts";
import type { Patient } from "./probe.ts";

export function openPatientVault({ home, passphrase }: Patient): Promise<Vault> {
  return openVault({ dir: home.vault, keys: home.keys, passphrase });
}

export function patientPin({ home }: Patient): Pin {
  return pinOf(home, loadConfig(home.config).ledger.witness_file);
}

/** Opening checks the tail, the last checkpoint and what the local witness holds; throws as `Ledger.open` does. */
export async function openPatientLedger(patient: Patient): Promise<Ledger> {
  const vault = await openPatientVault(patient);
  try {
    return await Ledger.open({
      path: patient.home.ledger,
      key: logKeyFrom(vault),
      witnesses: [fileWitness(patientPin(patient).witness)],
      clock: patient.clock,
      create: false,
    });
  } finally {
    vault.close();
  }
}

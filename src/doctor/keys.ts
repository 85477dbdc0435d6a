/** The vault's key opens the vault, and every record in it opens. */
import { vaultNeedsPassphrase } from "../vault/vault.ts";
import { openPatientVault } from "./open.ts";
import { ok, type Probe } from "./probe.ts";

export const keys: Probe = {
  name: "keys",
  needs_home: true,
  async examine(patient) {
    const how = vaultNeedsPassphrase(patient.home) ? "wrapped by a passphrase" : "in a file of this user alone";
    const vault = await openPatientVault(patient);
    try {
      vault.values();
      return [ok(`the vault opens, ${vault.list().length} secrets; its key is ${how}`)];
    } finally {
      vault.close();
    }
  },
};

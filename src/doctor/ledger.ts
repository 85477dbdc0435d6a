/** The ledger's tail, last checkpoint and local witness agree; the whole is `reeve verify-ledger`'s to check. */
import { existsSync } from "node:fs";
import { openPatientLedger, patientPin } from "./open.ts";
import { type Observation, ok, type Probe } from "./probe.ts";

export const ledger: Probe = {
  name: "ledger",
  needs_home: true,
  async examine(patient) {
    const { witness } = patientPin(patient);
    const open = await openPatientLedger(patient);
    try {
      const words = ok(`${open.size()} entries of ${open.origin}; tail and last checkpoint verify`);
      const unwitnessed: Observation = {
        status: "warn",
        message: `the local witness ${witness} holds nothing, so a rollback of this home would not be noticed`,
        hint: "it is written with the next checkpoint",
      };
      return existsSync(witness) ? [words] : [words, unwitnessed];
    } finally {
      await open.close();
    }
  },
};

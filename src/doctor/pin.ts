/** The log's public keys are pinned outside the home, and are the log's own. */
import { existsSync, readFileSync } from "node:fs";
import { writeAtomic } from "../core/atomic.ts";
import { makePinDirectory, type Pin } from "../core/pin.ts";
import { openPatientLedger, patientPin } from "./open.ts";
import { type Observation, ok, type Patient, type Probe } from "./probe.ts";

export const pin: Probe = {
  name: "pin",
  needs_home: true,
  async examine(patient) {
    const where = patientPin(patient);
    if (!existsSync(where.keys)) return [missing(patient, where)];
    const pinned = readFileSync(where.keys, "utf8").split("\n").filter(Boolean);
    const own = await ownKeys(patient);
    if (pinned.length === own.length && own.every((line) => pinned.includes(line)))
      return [ok(`pinned in ${where.keys}`)];
    return [
      {
        status: "fail",
        message: `the ledger's key is not the one pinned in ${where.keys}`,
        hint: "this home was replaced by another one; nothing is repaired here",
      },
    ];
  },
};

function missing(patient: Patient, where: Pin): Observation {
  return {
    status: "fail",
    message: `the log's key is not pinned in ${where.keys}`,
    hint: "if this home was moved here on purpose, run reeve doctor --fix to pin the key it has now",
    fix: async () => {
      const keys = await ownKeys(patient);
      makePinDirectory(where);
      writeAtomic(where.keys, `${keys.join("\n")}\n`);
      return `pinned the key this home has now in ${where.keys}; compare it with your own copy`;
    },
  };
}

async function ownKeys(patient: Patient): Promise<readonly string[]> {
  const ledger = await openPatientLedger(patient);
  const keys = ledger.verifierKeys();
  await ledger.close();
  return keys;
}

/** The clock is not behind what the ledger has already recorded: behind it, no entry can be written. */
import { readEntry } from "../ledger/entry.ts";
import { openEntries } from "../store/entries.ts";
import { openPatientLedger } from "./open.ts";
import { ok, type Patient, type Probe } from "./probe.ts";

/** The ledger bridges this much itself. */
const slack_ms = 5000;

export const clock: Probe = {
  name: "clock",
  needs_home: true,
  examine(patient) {
    const behind_ms = headTime(patient.home.ledger) - patient.clock.now();
    if (behind_ms <= slack_ms) return [ok("not behind the ledger")];
    const seconds = Math.ceil(behind_ms / 1000);
    return [
      {
        status: "fail",
        message: `the clock is ${seconds} s behind the ledger, so nothing can be recorded and every call is refused`,
        hint: "set the clock; if it is right now and was wrong before, run reeve doctor --fix to accept it",
        fix: () => accept(patient, seconds),
      },
    ];
  },
};

async function accept(patient: Patient, seconds: number): Promise<string> {
  const ledger = await openPatientLedger(patient);
  try {
    await ledger.acceptClock();
  } finally {
    await ledger.close();
  }
  return `recorded clock.accepted: from here on the ledger's times may be up to ${seconds} s earlier than before`;
}

/** Milliseconds since the epoch of the newest entry; 0 for an empty ledger. */
function headTime(path: string): number {
  const entries = openEntries(path, { create: false, readonly: true });
  try {
    const bytes = entries.entry(entries.size() - 1);
    return bytes ? Date.parse(readEntry(bytes, false).ts) : 0;
  } finally {
    entries.close();
  }
}

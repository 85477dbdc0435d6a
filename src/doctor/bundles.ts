/** The newest bundles are the ones whose digests the ledger holds; what a power cut took of them follows from their journals. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject } from "../core/canonical.ts";
import { asFault } from "../core/fault.ts";
import { compareWithManifest, expectedSeal, sealBundle } from "../engine/bundle.ts";
import { checkSeal } from "../engine/history.ts";
import { readJournal } from "../engine/journal.ts";
import { manifestFiles } from "../engine/replay.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type RunRow, RunStore } from "../store/runs.ts";
import { StateFile } from "../store/state.ts";
import { openPatientLedger } from "./open.ts";
import { type Observation, ok, type Patient, type Probe } from "./probe.ts";

const examined_runs = 50;

export const bundles: Probe = {
  name: "bundles",
  needs_home: true,
  async examine(patient) {
    if (!existsSync(patient.home.database)) return [ok("no run yet")];
    const file = new StateFile(patient.home.database);
    const store = new RunStore(file);
    const ledger = await openPatientLedger(patient);
    try {
      const { rows } = await store.list({ limit: examined_runs, offset: 0 });
      const ended = rows.filter((row) => row.end_seq !== null);
      const found = await Promise.all(ended.map((row) => examineOne(patient, ledger, row)));
      const wrong = found.flatMap((each) => each ?? []);
      return wrong.length > 0 ? wrong : [ok(`the newest ${ended.length} are as the ledger says`)];
    } finally {
      await ledger.close();
      file.close();
    }
  },
};

async function examineOne({ home }: Patient, ledger: Ledger, row: RunRow): Promise<Observation | undefined> {
  const directory = join(home.runs, row.id);
  const wrong = [...(await checkSeal({ home, ledger }, row)), ...alterations(directory)];
  if (wrong.length === 0) return undefined;
  const message = `the bundle of run ${row.id} is not the one the ledger names: ${wrong.join(", ")}`;
  if (!(await followsFromJournal(directory, ledger, row))) {
    return { status: "fail", message, hint: "its journal is not the recorded one either; restore it from a backup" };
  }
  return {
    status: "fail",
    message,
    hint: "its journal is whole: run reeve doctor --fix to write the other files again from it",
    fix: () => {
      sealBundle(directory, readJournal(join(directory, "events.jsonl")).events);
      return `wrote the bundle of run ${row.id} again from its journal, with the digest the ledger names`;
    },
  };
}

function alterations(directory: string): readonly string[] {
  try {
    return compareWithManifest(directory, manifestFiles(directory));
  } catch (thrown) {
    return [asFault(thrown, "manifest.json").message];
  }
}

async function followsFromJournal(directory: string, ledger: Ledger, { end_seq }: RunRow): Promise<boolean> {
  try {
    const { payload } = await ledger.entry(end_seq ?? -1);
    return isJsonObject(payload) && payload["manifest_sha256"] === expectedSeal(directory);
  } catch (thrown) {
    if (asFault(thrown).code === "internal") throw thrown;
    return false;
  }
}

/** No run is called running whose process is gone. */
import { existsSync } from "node:fs";
import { openEngine } from "../engine/open.ts";
import { isAlive } from "../core/owner.ts";
import { RunStore } from "../store/runs.ts";
import { StateFile } from "../store/state.ts";
import { ok, type Patient, type Probe } from "./probe.ts";

export const runs: Probe = {
  name: "runs",
  needs_home: true,
  async examine(patient) {
    const dead = await deadRuns(patient.home.database);
    if (dead.length === 0) return [ok("none was cut off")];
    return [
      {
        status: "warn",
        message: `${dead.length} runs were cut off: ${dead.slice(0, 3).join(", ")}${dead.length > 3 ? ", ..." : ""}`,
        hint: "they are marked interrupted at the next start, or now by reeve doctor --fix",
        fix: () => markInterrupted(patient),
      },
    ];
  },
};

async function deadRuns(database: string): Promise<readonly string[]> {
  if (!existsSync(database)) return [];
  const file = new StateFile(database);
  const store = new RunStore(file);
  try {
    return (await store.open()).filter((row) => !isAlive(row.owner)).map((row) => row.id);
  } finally {
    file.close();
  }
}

/** Opening the engine gives every such run the end it did not get to write. */
async function markInterrupted(patient: Patient): Promise<string> {
  const engine = await openEngine(patient);
  const { reconciled } = engine;
  await engine.close();
  return `ended ${reconciled.length} runs as their journals say: ${reconciled.join(", ")}`;
}

/** Carries out every errand on a scratch home with all its walls, and says which of them a person was asked about. */
import { asFault, Fault } from "../../core/fault.ts";
import type { Json } from "../../core/canonical.ts";
import { Ground, type GroundOptions } from "../ground.ts";
import { stageOf } from "../injection/stage.ts";
import { carryOutOn, deskOn, type Outcome } from "./errand.ts";
import { errands } from "./errands.ts";

/** Of a hundred errands so many must be done without a question. */
const unaskedPercent = 95;

const noWall = [] as const;

/** `settings` differ from those of a new home. Throws `canceled` when interrupted. */
export async function runErrands(
  options: Pick<GroundOptions, "tools" | "version"> & {
    readonly signal: AbortSignal;
    readonly settings?: Readonly<Record<string, Json>>;
  },
): Promise<readonly Outcome[]> {
  const { signal, settings = {}, ...rest } = options;
  const ground = await Ground.make({ ...rest, without: new Set() });
  try {
    const stage = await stageOf(ground, noWall, settings);
    const outcomes: Outcome[] = [];
    for (const errand of errands) {
      if (signal.aborted) throw new Fault("canceled", "the errands were interrupted", { cause: signal.reason });
      const outcome = await carryOutOn(stage, deskOn(stage), errand).catch((thrown: unknown): Outcome => {
        return { errand: errand.id, outcome: "failed", seen: asFault(thrown).message };
      });
      outcomes.push(outcome);
      stage.ground.sweep();
    }
    return outcomes;
  } finally {
    await ground.leave(false);
  }
}

/** Whether few enough of them were asked about, and none came to nothing. */
export function isSmooth(outcomes: readonly Outcome[]): boolean {
  const done = outcomes.filter(({ outcome }) => outcome === "done").length;
  return done * 100 >= outcomes.length * unaskedPercent && outcomes.every(({ outcome }) => outcome !== "failed");
}

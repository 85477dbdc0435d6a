/** There is room, and a file written there is there: tried, not read from mount options. */
import { existsSync, rmSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeAtomic } from "../core/atomic.ts";
import { asFault } from "../core/fault.ts";
import { type Observation, ok, type Probe } from "./probe.ts";

const scarce_bytes = 256 * 1_048_576;
const empty_bytes = 16 * 1_048_576;

export const disk: Probe = {
  name: "disk",
  needs_home: false,
  examine({ home }) {
    const place = existsSync(home.state) ? home.state : nearestExisting(home.root);
    const { bavail, bsize } = statfsSync(place);
    return [judgeSpace(bavail * bsize, place), ...writability(place)];
  },
};

export function judgeSpace(free_bytes: number, place: string): Observation {
  const words = `${Math.floor(free_bytes / 1_048_576)} MiB free on the disk of ${place}`;
  const hint = "free some space: a call whose intent cannot be written is refused";
  if (free_bytes < empty_bytes) return { status: "fail", message: words, hint };
  return free_bytes < scarce_bytes ? { status: "warn", message: words, hint } : ok(words);
}

function writability(place: string): readonly Observation[] {
  const path = join(place, `.doctor-${process.pid}`);
  try {
    writeAtomic(path, "written by reeve doctor\n");
    rmSync(path);
    return [];
  } catch (thrown) {
    const { message, hint } = asFault(thrown, `${place} cannot be written`);
    return [{ status: "fail", message, ...(hint === undefined ? {} : { hint }) }];
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

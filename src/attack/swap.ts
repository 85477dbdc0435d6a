/** The time-of-check attack: a second thread swaps a name for a link and back as fast as it can. */
import { Worker } from "node:worker_threads";

/** Tries at least, and at most where the link was not met often enough yet. */
const [fewest, most] = [60, 5000];
/**
 * How often a try must have met the link, and how often the entry itself, before the race counts as run. A try that met
 * neither, between the two, looks like one that met the link.
 */
const often = 12;

/** What one try found: the way through the link, the link refused, or the entry as it was. */
export type Met = "through" | "refused" | "entry";

/** A call that met nothing may have made a directory of the name, which has to go out of the way. */
const swapper = `
  const { parentPort, workerData: { directory, name, target } } = require("node:worker_threads");
  const { existsSync, lstatSync, renameSync, symlinkSync, unlinkSync } = require("node:fs");
  // Where the entry is just then is the race itself; whatever else goes wrong would end it unseen.
  const lost = new Set(["ENOENT", "EEXIST", "EISDIR", "ENOTDIR", "ENOTEMPTY", "EPERM"]);
  const attempt = (act) => { try { act(); } catch (thrown) { if (!lost.has(thrown.code)) throw thrown; } };
  const own = directory + "/" + name, hidden = directory + "/hidden-" + name;
  const linger = () => { for (let spin = 0; spin < 40000; spin++); };
  parentPort.postMessage("swapping");
  for (let round = 0; ; round++) {
    attempt(() => renameSync(own, hidden));
    attempt(() => symlinkSync(target, own));
    linger();
    attempt(() => unlinkSync(own));
    attempt(() => { if (existsSync(hidden) && lstatSync(own).isDirectory()) renameSync(own, directory + "/stray-" + round); });
    attempt(() => renameSync(hidden, own));
    linger();
  }
`;

/** Whether a try got through while the entry was swapped for a link to `target`. Throws when the link was hardly ever met. */
export async function swapWhile(
  entry: { readonly directory: string; readonly name: string; readonly target: string },
  attempt: (round: number) => Promise<Met>,
  enough = { fewest, often },
): Promise<boolean> {
  const worker = new Worker(swapper, { eval: true, workerData: entry });
  try {
    await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    let failure: unknown;
    worker.once("error", (thrown) => {
      failure = thrown;
    });
    const met = { through: 0, refused: 0, entry: 0 };
    for (let round = 0; round < most; round++) {
      met[await attempt(round)]++;
      if (met.through > 0) return true;
      // With nobody to swap any more nothing was raced.
      if (failure !== undefined) throw failure;
      if (round >= enough.fewest && met.refused >= enough.often && met.entry >= enough.often) return false;
    }
    throw new Error(`of ${most} tries ${met.refused} met the link and ${met.entry} the entry`);
  } finally {
    await worker.terminate();
  }
}

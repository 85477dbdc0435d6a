/** One tool call as a whole process: start, home, policy, durable intent and outcome, bundle, checkpoint. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Measurement, mb, measureProcesses, ms } from "./measurement.ts";

export function measureRun(binary: string): readonly Measurement[] {
  const place = mkdtempSync(join(tmpdir(), "reeve-bench-"));
  try {
    const home = join(place, "home");
    const init = Bun.spawnSync([binary, "init", "--home", home, "--witness", join(place, "witness")]);
    if (init.exitCode !== 0) throw new Error(init.stderr.toString());
    const [figures] = measureProcesses([[binary, "run", "--home", home, "--message", "/tool time.now {}"]], 30);
    if (!figures) throw new Error("nothing was measured");
    const what = "`reeve run --message '/tool time.now {}'`, whole process";
    return [
      {
        what: `${what}, time`,
        must: "≤ 60 ms",
        measured: `${ms(figures.median_ms)} (best ${ms(figures.min_ms)})`,
        holds: figures.median_ms <= 60,
      },
      { what: `${what}, memory`, must: "≤ 60 MB", measured: mb(figures.rss_bytes), holds: figures.rss_bytes <= 60e6 },
    ];
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** What `reeve --version` costs over a program that does nothing, both compiled in this run by the same compiler. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileLine } from "../scripts/build.ts";
import { type Measurement, mb, measureProcesses, ms } from "./measurement.ts";

export function measureStartup(binary: string): readonly Measurement[] {
  const place = mkdtempSync(join(tmpdir(), "reeve-bench-"));
  try {
    const source = join(place, "hello.ts");
    writeFileSync(source, 'await Bun.write(Bun.stdout, "hello\\n");\n');
    const bare = join(place, "hello");
    const built = Bun.spawnSync([process.execPath, ...compileLine, source, "--outfile", bare], { cwd: place });
    if (built.exitCode !== 0) throw new Error(built.stderr.toString());
    const [hello, version] = measureProcesses([[bare], [binary, "--version"]], 60);
    if (!hello || !version) throw new Error("nothing was measured");
    const time = version.min_ms - hello.min_ms;
    const memory = version.rss_bytes - hello.rss_bytes;
    return [
      {
        what: "`reeve --version` over a bare Bun program, time",
        must: "≤ +2 ms",
        measured: `${signed(time, ms)} (${ms(version.min_ms)} against ${ms(hello.min_ms)})`,
        holds: time <= 2,
      },
      {
        what: "`reeve --version` over a bare Bun program, memory",
        must: "≤ +3 MB",
        measured: `${signed(memory, mb)} (${mb(version.rss_bytes)} against ${mb(hello.rss_bytes)})`,
        holds: memory <= 3e6,
      },
    ];
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function signed(value: number, show: (value: number) => string): string {
  return `${value < 0 ? "-" : "+"}${show(Math.abs(value))}`;
}

/** What walls cost: a program under bubblewrap and under Landlock alone, beside the same program spawned bare. */
import { Sandbox } from "../src/sandbox/sandbox.ts";
import { emptyWalls } from "../src/sandbox/walls.ts";
import type { Measurement } from "./measurement.ts";

const runs = 60;
const program = "/usr/bin/true";

const walls = emptyWalls({
  memory_bytes: 1e9,
  processes: 64,
  cpu_ms: 10_000,
  file_bytes: 1e8,
  open_files: 256,
  output_bytes: 1e6,
  kept_bytes: 65_536,
  wall_ms: 10_000,
  tmp_bytes: 1e6,
});

export async function measureSandbox(): Promise<readonly Measurement[]> {
  const tiers = ["bwrap", "landlock"] as const;
  const sandboxes = tiers.map((tier) => new Sandbox({ binary: process.execPath, tier }));
  const bare: number[] = [];
  const walled: number[][] = tiers.map(() => []);
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
  // Interleaved, so that a slow moment falls on all of them.
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await Bun.spawn({ cmd: [program], env: {}, stdio: ["ignore", "pipe", "pipe"] }).exited;
    bare.push(performance.now() - started);
    for (const [each, sandbox] of sandboxes.entries()) {
      const begun = performance.now();
      await sandbox.execute([program], walls, { stdin: null, signal: new AbortController().signal, user });
      walled[each]?.push(performance.now() - begun);
    }
  }
  const base = median(bare);
  return [
    { what: `\`${program}\` spawned bare`, must: "", measured: ms(base), holds: true },
    ...tiers.map((tier, i): Measurement => {
      const over = median(walled[i] ?? []) - base;
      return {
        what: `the same under ${tier}, over a bare spawn`,
        must: "≤ 10 ms",
        measured: ms(over),
        holds: over <= 10,
      };
    }),
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

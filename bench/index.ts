/** `make bench`: every number of the project measured in one run, printed, and written to docs/specs/benchmarks.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { dirname, join } from "node:path";
import { table } from "../scripts/catalogue.ts";
import { measureDoor } from "./door.ts";
import { measureAgent } from "./agent.ts";
import { type Measurement, mb } from "./measurement.ts";
import { measureRun } from "./run.ts";
import { measureSandbox } from "./sandbox.ts";
import { measureStartup } from "./startup.ts";
import { measureTurn } from "./turn.ts";

const root = dirname(import.meta.dir);
const binary = join(root, "dist/reeve");

const rows: readonly Measurement[] = [
  ...measureStartup(binary),
  ...measureRun(binary),
  ...ledgerRows(),
  ...(await measureDoor()),
  ...(await measureTurn()),
  ...(await measureAgent(binary)),
  ...(await measureSandbox()),
  ...concurrentRows(),
];

/** Many runs in a process of their own, which prints one line of JSON. */
function concurrentRows(): readonly Measurement[] {
  const run = Bun.spawnSync([process.execPath, join(root, "bench/concurrent.ts")], { cwd: root, stderr: "inherit" });
  if (run.exitCode !== 0) throw new Error("bench/concurrent.ts failed");
  const { whole, turns_per_s, peak_bytes } = JSON.parse(run.stdout.toString()) as Readonly<Record<string, number>> & {
    readonly whole: number;
    readonly turns_per_s: number;
    readonly peak_bytes: number;
  };
  const what = "500 runs at once in one process, 5 streamed turns each";
  return [
    { what: `${what}, no event lost`, must: "500 whole", measured: `${whole} whole`, holds: whole === 500 },
    {
      what: `${what}, turns`,
      must: "≥ 300 per second",
      measured: `${Math.round(turns_per_s)} per second`,
      holds: turns_per_s >= 300,
    },
    { what: `${what}, memory`, must: "≤ 400 MB", measured: mb(peak_bytes), holds: peak_bytes <= 400e6 },
  ];
}

/** The ledger is measured in a process of its own, which prints one figure a line; a figure without a bound is a baseline. */
function ledgerRows(): readonly Measurement[] {
  const run = Bun.spawnSync([process.execPath, join(root, "bench/ledger.ts")], { cwd: root, stderr: "inherit" });
  if (run.exitCode !== 0) throw new Error("bench/ledger.ts failed");
  const lines = run.stdout.toString().trim().split("\n");
  return lines.map((line) => {
    const { name, value, unit, must } = JSON.parse(line) as Figure;
    const [, relation, bound] = /^([<>]=) (\d+)$/.exec(must) ?? [];
    const holds = relation === ">=" ? value >= Number(bound) : relation !== "<=" || value <= Number(bound);
    const wanted = relation ? `${relation === ">=" ? "≥" : "≤"} ${grouped(Number(bound))} ${unit}` : "";
    return { what: name, must: wanted, measured: `${grouped(value)} ${unit}`, holds };
  });
}

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly must: string;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

function memoryTotal(): string {
  const kib = /^MemTotal:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return kib ? `${(Number(kib) / 1024 / 1024).toFixed(1)} GiB of memory` : "memory unknown";
}

function verdict({ must, holds }: Measurement): string {
  if (must === "") return "";
  return holds ? "yes" : "NO";
}

const lines = table(
  ["what", "must", "measured", "holds"],
  rows.map((row) => [row.what, row.must, row.measured, verdict(row)]),
);
const model = cpus()[0]?.model.trim() || "model unknown";
const document = [
  "# Benchmarks",
  "",
  "Written by `make bench`, which measures everything in one run: do not edit. Times of processes are of many runs in turn with",
  "what they are compared to; memory is the peak resident set.",
  "",
  `Machine: ${cpus().length} CPUs (${model}), ${memoryTotal()}, Linux ${release().split(".").slice(0, 2).join(".")}, ${process.arch}, Bun ${Bun.version}.`,
  "",
  ...lines,
].join("\n");

console.log(lines.join("\n"));
const path = join(root, "docs/specs/benchmarks.md");
writeFileSync(path, document);
Bun.spawnSync([process.execPath, "fmt", path], { cwd: root });
process.exit(rows.every((row) => row.holds) ? 0 : 1);

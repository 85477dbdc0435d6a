/** system.health: the machine's vital signs with a verdict computed from fixed thresholds, so that an answer needs no opinion. */
import * as v from "valibot";
import type { DiskFacts, MachineHealth } from "../../define/handles.ts";
import { defineTool } from "../../define/tool.ts";
import { disk, loadAverage } from "./query.ts";

/** Percent. A figure beyond `warning` is a concern; beyond `critical` the machine is about to fail. */
const thresholds = {
  disk_used: { warning: 90, critical: 98 },
  memory_available: { warning: 10, critical: 3 },
  swap_used: { warning: 80 },
  /** Times the number of cores, over one minute. */
  load: { warning: 2 },
} as const;

const bytes = v.pipe(v.number(), v.integer(), v.minValue(0));
const percent = v.number();

export const health = defineTool({
  name: "system.health",
  aliases: ["system_health"],
  summary: "Report CPU, memory, swap, load, uptime and disks of this machine, with a verdict and what is of concern.",
  capability: "system.read",
  effect: "read",
  needs: ["machine"],
  input: () => v.strictObject({}),
  output: () =>
    v.strictObject({
      status: v.picklist(["ok", "warning", "critical"]),
      concerns: v.pipe(
        v.array(v.string()),
        v.description("what is beyond its threshold; empty when the machine is healthy"),
      ),
      hostname: v.string(),
      os: v.string(),
      kernel: v.string(),
      architecture: v.string(),
      uptime_s: v.number(),
      cpu_count: v.pipe(v.number(), v.integer()),
      cpu_percent: v.pipe(v.array(percent), v.description("per core, measured just now")),
      cpu_percent_total: v.pipe(percent, v.description("average of all cores")),
      load_average: loadAverage,
      memory_total: bytes,
      memory_used: bytes,
      memory_available: bytes,
      swap_total: bytes,
      swap_used: bytes,
      memory_limit: v.nullable(v.strictObject({ limit: bytes, available: bytes })),
      pressure: v.nullable(v.strictObject({ cpu: percent, memory: percent, io: percent })),
      disks: v.array(disk),
    }),
  examples: [{}],
  phrases: [
    "how healthy is this machine",
    "is the server ok",
    "how is the system doing",
    "machine status, load and uptime",
    "how much memory and swap is free",
    "cpu usage right now",
    "is the machine overloaded or running out of memory",
  ],
  async handler({ machine }) {
    const [facts, disks] = await Promise.all([machine.health(), machine.disks()]);
    const { load_average, swap_free, cpu_percent, ...rest } = facts;
    const [one, five, fifteen] = load_average;
    const average = cpu_percent.reduce((sum, each) => sum + each, 0) / Math.max(1, cpu_percent.length);
    return {
      ...verdictOn(facts, disks),
      ...rest,
      cpu_percent: [...cpu_percent],
      cpu_percent_total: Math.round(average * 10) / 10,
      load_average: { one, five, fifteen },
      memory_used: Math.max(0, facts.memory_total - facts.memory_available),
      swap_used: Math.max(0, facts.swap_total - swap_free),
      disks: [...disks],
    };
  },
});

interface Verdict {
  readonly status: "ok" | "warning" | "critical";
  readonly concerns: string[];
}

function verdictOn(facts: MachineHealth, disks: readonly DiskFacts[]): Verdict {
  const concerns: string[] = [];
  let critical = false;
  const raise = (concern: string, isCritical: boolean): void => {
    concerns.push(concern);
    critical ||= isCritical;
  };
  for (const each of disks) {
    const used = share(each.used, each.used + each.available);
    if (each.problem !== null) raise(`disk ${each.mount_point} cannot be examined: ${each.problem}`, false);
    else if (used > thresholds.disk_used.warning) {
      raise(`disk ${each.mount_point} is ${shown(used)} % full`, used > thresholds.disk_used.critical);
    }
  }
  const pools = [
    { of: "the memory", total: facts.memory_total, available: facts.memory_available },
    ...(facts.memory_limit
      ? [
          {
            of: "the memory limit of this control group",
            total: facts.memory_limit.limit,
            available: facts.memory_limit.available,
          },
        ]
      : []),
  ];
  for (const pool of pools) {
    const available = share(pool.available, pool.total);
    if (pool.total > 0 && available < thresholds.memory_available.warning) {
      raise(`only ${shown(available)} % of ${pool.of} is available`, available < thresholds.memory_available.critical);
    }
  }
  const swapped = share(facts.swap_total - facts.swap_free, facts.swap_total);
  if (swapped > thresholds.swap_used.warning) raise(`swap is ${shown(swapped)} % used`, false);
  const [load] = facts.load_average;
  if (load > thresholds.load.warning * facts.cpu_count) {
    raise(`load ${load} is more than ${thresholds.load.warning} for each of ${facts.cpu_count} cores`, false);
  }
  return { status: critical ? "critical" : concerns.length > 0 ? "warning" : "ok", concerns };
}

/** Percent; 0 of nothing is 0. */
function share(part: number, whole: number): number {
  return whole > 0 ? (part * 100) / whole : 0;
}

function shown(percentage: number): string {
  return percentage.toFixed(1);
}

/** system.query: one aspect of the machine in detail. */
import * as v from "valibot";
import { integer } from "../../core/schema.ts";
import type { ProcessFacts } from "../../define/handles.ts";
import { defineTool } from "../../define/tool.ts";

const bytes = v.pipe(v.number(), v.integer(), v.minValue(0));

export const loadAverage = v.strictObject({ one: v.number(), five: v.number(), fifteen: v.number() });

export const disk = v.strictObject({
  mount_point: v.string(),
  device: v.string(),
  file_system: v.string(),
  total: bytes,
  used: bytes,
  available: bytes,
  problem: v.pipe(v.nullable(v.string()), v.description("why the sizes are unknown and 0")),
});

const process = v.strictObject({
  pid: v.pipe(v.number(), v.integer()),
  parent_pid: v.pipe(v.number(), v.integer()),
  name: v.string(),
  user_id: v.pipe(v.number(), v.integer()),
  state: v.string(),
  cpu_percent: v.pipe(v.number(), v.description("of one core, measured just now")),
  memory_bytes: bytes,
  started_ms: v.pipe(v.number(), v.integer()),
  unit: v.nullable(v.string()),
});

export const query = defineTool({
  name: "system.query",
  aliases: ["system_query"],
  summary: "List running processes, or show disks, memory, CPU, host name or uptime of this machine.",
  capability: "system.read",
  effect: "read",
  needs: ["machine"],
  input: () =>
    v.strictObject({
      query: v.picklist(["processes", "disk", "hostname", "uptime", "memory", "cpu"]),
      sort: v.optional(v.pipe(v.picklist(["cpu", "memory"]), v.description("of processes, largest first")), "cpu"),
      name: v.optional(
        v.pipe(
          v.string(),
          v.minLength(1),
          v.maxLength(256),
          v.description("only processes whose name contains this, in any case"),
        ),
      ),
      limit: v.optional(v.pipe(integer(1, 500), v.description("of processes")), 50),
    }),
  output: () =>
    v.strictObject({
      query: v.string(),
      total: v.pipe(
        v.optional(v.pipe(v.number(), v.integer())),
        v.description("processes that match, before the limit"),
      ),
      processes: v.optional(v.array(process)),
      disks: v.optional(v.array(disk)),
      hostname: v.optional(v.string()),
      os: v.optional(v.string()),
      kernel: v.optional(v.string()),
      uptime_s: v.optional(v.number()),
      booted_at: v.optional(v.string()),
      memory_total: v.optional(bytes),
      memory_available: v.optional(bytes),
      swap_total: v.optional(bytes),
      swap_free: v.optional(bytes),
      cpu_count: v.optional(v.pipe(v.number(), v.integer())),
      cpu_percent: v.optional(v.pipe(v.array(v.number()), v.description("per core, measured just now"))),
      load_average: v.optional(loadAverage),
    }),
  examples: [{ query: "processes", sort: "memory", limit: 10 }, { query: "disk" }, { query: "uptime" }],
  phrases: [
    "which processes use the most cpu",
    "which processes use the most memory",
    "top processes running",
    "is a program running",
    "how much disk space is left",
    "how full are the disks",
    "how long has the machine been up",
    "what is the host name of this machine",
    "how many cpu cores",
  ],
  async handler({ machine, now }, input) {
    const { query: asked } = input;
    if (asked === "processes") return { query: asked, ...select(await machine.processes(), input) };
    if (asked === "disk") return { query: asked, disks: [...(await machine.disks())] };
    const facts = await machine.health();
    switch (asked) {
      case "hostname":
        return { query: asked, hostname: facts.hostname, os: facts.os, kernel: facts.kernel };
      case "uptime":
        return {
          query: asked,
          uptime_s: facts.uptime_s,
          booted_at: new Date(now() - Math.round(facts.uptime_s * 1000)).toISOString(),
        };
      case "memory": {
        const { memory_total, memory_available, swap_total, swap_free } = facts;
        return { query: asked, memory_total, memory_available, swap_total, swap_free };
      }
      case "cpu": {
        const [one, five, fifteen] = facts.load_average;
        const { cpu_count, cpu_percent } = facts;
        return { query: asked, cpu_count, cpu_percent: [...cpu_percent], load_average: { one, five, fifteen } };
      }
    }
  },
});

interface Selection {
  readonly sort: "cpu" | "memory";
  readonly name?: string | undefined;
  readonly limit: number;
}

/** Largest first; what is equal in the wanted measure is ordered by the other one, then by age. */
function select(
  all: readonly ProcessFacts[],
  { sort, name, limit }: Selection,
): { total: number; processes: ProcessFacts[] } {
  const wanted = name?.toLowerCase();
  const matching = wanted === undefined ? [...all] : all.filter((each) => each.name.toLowerCase().includes(wanted));
  const byCpu = (a: ProcessFacts, b: ProcessFacts): number => b.cpu_percent - a.cpu_percent;
  const byMemory = (a: ProcessFacts, b: ProcessFacts): number => b.memory_bytes - a.memory_bytes;
  const [first, second] = sort === "cpu" ? [byCpu, byMemory] : [byMemory, byCpu];
  matching.sort((a, b) => first(a, b) || second(a, b) || a.pid - b.pid);
  return { total: matching.length, processes: matching.slice(0, limit) };
}

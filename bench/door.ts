/** What the door adds to a call: the time from one handler to the next in a run of many calls, where the handler does nothing. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { homeAt } from "../src/core/home.ts";
import { setConfig } from "../src/config/set.ts";
import { agent } from "../src/define/principal.ts";
import { defineProvider } from "../src/define/provider.ts";
import { defineTool } from "../src/define/tool.ts";
import { initHome } from "../src/engine/init.ts";
import { openEngine } from "../src/engine/open.ts";
import { type Measurement, ms, quantile } from "./measurement.ts";

const calls = 2_000;
/** As many as a turn may be allowed to hold. */
const perTurn = 1_000;

/** A memory file system has nothing to sync to, which leaves the door's own work; the disk is measured beside it. */
export async function measureDoor(): Promise<readonly Measurement[]> {
  const memory = "/dev/shm";
  const inMemory = existsSync(memory) ? await passes(memory) : undefined;
  const onDisk = await passes(tmpdir());
  const own = inMemory ?? onDisk;
  return [
    {
      what: "door overhead of a read tool, p50, without fsync",
      must: "≤ 0.3 ms",
      measured: `${ms(own.p50)} (p99 ${ms(own.p99)}; on this disk, fsync included, ${ms(onDisk.p50)})`,
      holds: own.p50 <= 0.3,
    },
  ];
}

async function passes(parent: string): Promise<{ readonly p50: number; readonly p99: number }> {
  const place = mkdtempSync(join(parent, "reeve-bench-"));
  const entered: number[] = [];
  const nothing = defineTool({
    name: "time.now",
    summary: "Do nothing.",
    capability: "time.now",
    effect: "read",
    needs: [],
    input: v.strictObject({}),
    output: v.strictObject({}),
    examples: [{}],
    handler: () => {
      entered.push(performance.now());
      return {};
    },
  });
  const many = defineProvider({
    name: "offline",
    summary: "Asks for the same call many times.",
    reach: null,
    async *stream({ messages }) {
      const turns = messages.filter(({ role }) => role === "assistant").length;
      for (let i = 0; turns < calls / perTurn && i < perTurn; i++) {
        yield { type: "call", call: { id: String(i), tool: nothing.name, arguments: {} } };
      }
      yield { type: "done" };
    },
  });
  try {
    const home = homeAt(join(place, "home"));
    await initHome({ home, witness: join(place, "witness"), agent: "default", profile: "observer", force: false });
    setConfig(home.config, { "engine.max_calls_per_turn": perTurn }, { dry_run: false });
    const engine = await openEngine({ home, tools: [nothing], providers: [many], version: "bench" });
    const result = await engine.run({ principal: agent("default"), message: "go", source: "bench" });
    await engine.close();
    if (entered.length !== calls)
      throw new Error(`${entered.length} of ${calls} calls were made: ${JSON.stringify(result.fault)}`);
    const gaps = entered.slice(1).map((at, i) => at - (entered[i] ?? at));
    const warm = gaps.slice(gaps.length >> 2);
    return { p50: quantile(warm, 0.5), p99: quantile(warm, 0.99) };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

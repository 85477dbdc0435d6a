/** Our own time per turn of a model that answers at once: from the end of one stream to the beginning of the next. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homeAt } from "../src/core/home.ts";
import { setConfig } from "../src/config/set.ts";
import { agent } from "../src/define/principal.ts";
import { defineProvider } from "../src/define/provider.ts";
import { initHome } from "../src/engine/init.ts";
import { openEngine } from "../src/engine/open.ts";
import { tools } from "../src/tools/index.ts";
import { type Measurement, ms, quantile } from "./measurement.ts";

const turns = 200;

/** One tool call a turn, its intent and outcome on this machine's disk. */
export async function measureTurn(): Promise<readonly Measurement[]> {
  const place = mkdtempSync(join(tmpdir(), "reeve-bench-"));
  const gaps: number[] = [];
  let ended = Number.NaN;
  const instant = defineProvider({
    name: "ollama",
    summary: "Answers at once.",
    reach: {
      base_url: "http://127.0.0.1:9/v1",
      key: "none",
      key_env: [],
      default_model: "instant",
      tool_calls: "native",
      free: true,
    },
    async *stream({ messages }) {
      if (!Number.isNaN(ended)) gaps.push(performance.now() - ended);
      const said = messages.filter(({ role }) => role === "assistant").length;
      if (said < turns) yield { type: "call", call: { id: "c", tool: "time_now", arguments: {} } };
      else yield { type: "text", text: "done" };
      yield { type: "usage", usage: { input_tokens: 10, output_tokens: 5, cached_tokens: 0, cost_usd: null } };
      ended = performance.now();
      yield { type: "done" };
    },
  });
  try {
    const home = homeAt(join(place, "home"));
    await initHome({ home, witness: join(place, "witness"), agent: "default", profile: "observer", force: false });
    const settings = { "model.provider": "ollama", "engine.max_tool_iterations": turns + 10 };
    setConfig(home.config, settings, { dry_run: false });
    const engine = await openEngine({ home, tools, providers: [instant], version: "bench" });
    const result = await engine.run({ principal: agent("default"), message: "go", source: "bench" });
    await engine.close();
    if (result.state !== "completed" || gaps.length !== turns) throw new Error(JSON.stringify(result.fault));
    const [p50, p99] = [quantile(gaps, 0.5), quantile(gaps, 0.99)];
    return [
      {
        what: "own time per turn of a model, one tool call, durable ledger, p50",
        must: "≤ 5 ms",
        measured: `${ms(p50)} (p99 ${ms(p99)})`,
        holds: p50 <= 5,
      },
    ];
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** 500 runs at once in one process, each five turns of streamed text with a tool call between them; prints one line of JSON. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homeAt } from "../src/core/home.ts";
import { setConfig } from "../src/config/set.ts";
import { agent } from "../src/define/principal.ts";
import { initHome } from "../src/engine/init.ts";
import { openEngine } from "../src/engine/open.ts";
import { providers } from "../src/providers/index.ts";
import type { Script } from "../src/providers/testdata/model/script.ts";
import { tools } from "../src/tools/index.ts";
import { spawnModel } from "./scripted.ts";

const runs = 500;
const turns = 5;
const text = "one two three four five six seven eight nine ten";

const script: Script = {
  turns: [
    ...Array.from({ length: turns - 1 }, () => ({ text, calls: [{ tool: "time_now", arguments: {} }] })),
    { text },
  ],
};

const place = mkdtempSync(join(tmpdir(), "reeve-bench-"));
const model = await spawnModel(script);
try {
  const home = homeAt(join(place, "home"));
  await initHome({ home, witness: join(place, "witness"), agent: "default", profile: "observer", force: false });
  const settings = {
    "model.provider": "generic",
    "model.name": "scripted-1",
    "providers.generic.base_url": model.url,
    "engine.max_concurrent_runs": 1000,
  };
  setConfig(home.config, settings, { dry_run: false });
  const engine = await openEngine({ home, tools, providers, version: "bench" });
  const heard = new Map<string, number>();
  const started = performance.now();
  const results = await Promise.all(
    Array.from({ length: runs }, () => {
      const counts = { deltas: 0, turns: 0, tools: 0, ends: 0 };
      return engine
        .run({
          principal: agent("default"),
          message: "count",
          source: "bench",
          onEvent: ({ type }) => {
            if (type === "delta") counts.deltas++;
            else if (type === "turn.end") counts.turns++;
            else if (type === "tool.end") counts.tools++;
            else if (type === "run.end") counts.ends++;
          },
        })
        .then((result) => ({ result, counts }));
    }),
  );
  const took_ms = performance.now() - started;
  await engine.close();
  for (const { result, counts } of results) {
    const isWhole =
      result.state === "completed" &&
      counts.turns === turns &&
      counts.tools === turns - 1 &&
      counts.ends === 1 &&
      counts.deltas >= turns * 5;
    heard.set(
      isWhole ? "whole" : `${result.state} ${JSON.stringify(counts)} ${result.fault?.message ?? ""}`,
      (heard.get(isWhole ? "whole" : "not") ?? 0) + 1,
    );
  }
  const peak_kib = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  console.log(
    JSON.stringify({
      whole: heard.get("whole") ?? 0,
      took_ms,
      turns_per_s: (runs * turns * 1000) / took_ms,
      peak_bytes: peak_kib * 1024,
      others: [...heard.keys()].filter((key) => key !== "whole").slice(0, 3),
    }),
  );
} finally {
  model.stop();
  rmSync(place, { recursive: true, force: true });
}

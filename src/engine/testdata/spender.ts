/** A process that spends from a shared budget until it is refused: `spender.ts STATE CONFIG RUN TURNS`; prints the tokens settled. */
import { Fault } from "../../core/fault.ts";
import { parseConfig } from "../../config/load.ts";
import { StateFile } from "../../store/state.ts";
import { UsageStore } from "../../store/usage.ts";
import { openMeter } from "../budget.ts";
import type { Reservation } from "../meter.ts";

const [state = "", config = "", run = "", turns = "0"] = process.argv.slice(2);
const file = new StateFile(state);
const limits = { tokens: null, usd: null, tool_calls: null };
const meters = Array.from({ length: 4 }, (_, i) =>
  openMeter({
    store: new UsageStore(file),
    config: parseConfig(config, "config"),
    clock: { now: () => Date.UTC(2026, 10, 21), monotonic: () => 0 },
    run: { id: `${run}-${i}`, root: `${run}-${i}`, agent: `agent:${run}` },
    limits,
  }),
);

let settled = 0;
let refused = 0;
const open: Reservation[] = [];
const usage = { input_tokens: 60, output_tokens: 40, cached_tokens: 0, cost_usd: null };

function settleOne(): void {
  if (!open.shift()?.settle(usage)) return;
  settled += usage.input_tokens + usage.output_tokens;
}

process.stdout.write("ready\n");
await Bun.stdin.text();
for (let i = 0; i < Number(turns); i++) {
  try {
    const asked = { provider: "p", model: "m", free: false, input_tokens: 60, output_tokens: 40 };
    const reservation = meters[i % meters.length]?.reserve(asked);
    if (reservation) open.push(reservation);
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code !== "resource_exhausted") throw thrown;
    refused++;
  }
  if (i % 3 === 2) settleOne();
}
while (open.length > 0) settleOne();
file.close();
process.stdout.write(`${JSON.stringify({ settled, refused })}\n`);

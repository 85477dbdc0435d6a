/** Budgets against a real database: held before the call, by every limit at once, whoever else spends from them. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { parseConfig } from "../config/load.ts";
import type { Config } from "../config/settings.ts";
import { StateFile } from "../store/state.ts";
import { UsageStore } from "../store/usage.ts";
import { openMeter } from "./budget.ts";
import type { Attempted, Meter, Reservation, RunLimits } from "./meter.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-budget-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

let made = 0;
let path: string;
let store: UsageStore;
let now_ms: number;
const clock = { now: () => now_ms, monotonic: () => now_ms };
const unlimited: RunLimits = { tokens: null, usd: null, tool_calls: null };

beforeEach(() => {
  path = join(place, `state-${made++}.db`);
  store = new UsageStore(new StateFile(path));
  now_ms = Date.parse("2026-11-21T23:59:00Z");
});

const priced = { "p/m": { input_usd: 1, output_usd: 2 } };
const configOf = (budget: Partial<Config["budget"]>, prices: object = priced): Config =>
  parseConfig(JSON.stringify({ budget, model: { prices } }), "c");

function meterFor(
  budget: Partial<Config["budget"]>,
  part: { run?: string; root?: string; agent?: string; limits?: Partial<RunLimits>; prices?: object } = {},
): Meter {
  const { run = "r", root = run, agent = "agent:a", limits = {}, prices } = part;
  const config = configOf(budget, prices);
  return openMeter({ store, config, clock, run: { id: run, root, agent }, limits: { ...unlimited, ...limits } });
}

const attempt = (input_tokens: number, output_tokens: number, free = false): Attempted => ({
  provider: "p",
  model: "m",
  free,
  input_tokens,
  output_tokens,
});
const used = (input_tokens: number, output_tokens: number, cost_usd: number | null = null) => ({
  input_tokens,
  output_tokens,
  cached_tokens: 0,
  cost_usd,
});

function refusal(act: () => unknown): Fault {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("it was allowed");
}

describe("a budget", () => {
  test("refuses before the attempt that could exceed it, and names itself, its size and what is used", () => {
    const meter = meterFor({ day_tokens: 100 });
    meter.reserve(attempt(40, 40));
    const fault = refusal(() => meter.reserve(attempt(20, 1)));
    expect(fault.code).toBe("resource_exhausted");
    expect(fault.message).toBe(
      "budget.day_tokens is limited to 100 tokens, of which 80 are used or reserved: the next step would exceed it",
    );
    expect(() => meter.reserve(attempt(20, 0))).not.toThrow();
  });

  test.each([
    ["run_tokens", { run_tokens: 10 }],
    ["agent_day_tokens", { agent_day_tokens: 10 }],
    ["day_tokens", { day_tokens: 10 }],
    ["run_usd", { run_usd: 0.00001 }],
    ["agent_day_usd", { agent_day_usd: 0.00001 }],
    ["day_usd", { day_usd: 0.00001 }],
  ] as const)("of %s holds attempts", (name, budget) => {
    const meter = meterFor(budget);
    expect(() => meter.reserve(attempt(10, 0))).not.toThrow();
    expect(refusal(() => meter.reserve(attempt(1, 0))).message).toStartWith(`budget.${name} is limited to `);
  });

  test.each(["run_tool_calls", "agent_day_tool_calls", "day_tool_calls"] as const)("of %s holds calls", (name) => {
    const meter = meterFor({ [name]: 2 });
    for (let i = 0; i < 2; i++) meter.call("fs.read");
    expect(refusal(() => meter.call("fs.read")).message).toStartWith(`budget.${name} is limited to 2 tool calls`);
    expect([meter.spent.tool_calls, store.usedBy("r").tool_calls]).toEqual([2, 2]);
    expect(() => meter.reserve(attempt(1, 1))).not.toThrow();
  });

  test("of nothing allows nothing", () => {
    expect(refusal(() => meterFor({ run_usd: 0 }).reserve(attempt(1, 0))).code).toBe("resource_exhausted");
    expect(refusal(() => meterFor({ run_tool_calls: 0 }).call("x")).code).toBe("resource_exhausted");
    expect(() => meterFor({ run_usd: 0 }).reserve(attempt(1_000_000, 1_000_000, true))).not.toThrow();
  });

  test("in dollars is exact where binary fractions are not", () => {
    const meter = meterFor({ run_usd: 0.07 });
    for (let i = 0; i < 7; i++) meter.reserve(attempt(10_000, 0));
    expect(refusal(() => meter.reserve(attempt(1, 0))).message).toContain("0.07 US dollars, of which 0.07 are used");
  });

  test("in dollars refuses a model whose price nobody set, before it is asked, and says how to set it", () => {
    for (const meter of [meterFor({ day_usd: 1 }, { prices: {} }), meterFor({}, { prices: {}, limits: { usd: 1 } })]) {
      const fault = refusal(() => meter.reserve(attempt(1, 1)));
      expect(fault.code).toBe("failed_precondition");
      expect(fault.hint).toContain(`reeve config set model.prices '{"p/m":`);
    }
    expect(() => meterFor({}, { prices: {} }).reserve(attempt(1, 1))).not.toThrow();
    expect(store.usedBy("r").tokens).toBe(2);
  });

  test("of a day is whole again on the next, by UTC", () => {
    const meter = meterFor({ day_tokens: 10 });
    meter.reserve(attempt(10, 0));
    now_ms += 59_999;
    expect(refusal(() => meter.reserve(attempt(1, 0))).code).toBe("resource_exhausted");
    now_ms += 1;
    expect(() => meter.reserve(attempt(10, 0))).not.toThrow();
  });

  test("of an agent's day is that agent's alone, of the day everybody's", () => {
    const budget = { agent_day_tokens: 10, day_tokens: 15 };
    meterFor(budget).reserve(attempt(10, 0));
    const other = meterFor(budget, { run: "other", agent: "agent:b" });
    expect(refusal(() => other.reserve(attempt(6, 0))).message).toContain("budget.day_tokens");
    expect(() => other.reserve(attempt(5, 0))).not.toThrow();
  });
});

describe("a reservation", () => {
  test("gives way to what was really used and charged", () => {
    const meter = meterFor({ run_tokens: 100 });
    const [first, second] = [meter.reserve(attempt(10, 40)), meter.reserve(attempt(10, 40))];
    expect(first.settle(used(10, 5))).toEqual({ cost_microusd: 20 });
    expect(second.settle(used(10, 5, 0.5))).toEqual({ cost_microusd: 500_000 });
    expect(meter.spent).toMatchObject({ input_tokens: 20, output_tokens: 10, cost_microusd: 500_020 });
    expect(store.usedBy("r")).toEqual({ tokens: 30, cost_microusd: 500_020, tool_calls: 0 });
    expect(() => meter.reserve(attempt(70, 0))).not.toThrow();
  });

  test("settles once", () => {
    const reservation = meterFor({}, { limits: { tokens: 100 } }).reserve(attempt(10, 10));
    reservation.settle(used(5, 5));
    reservation.settle(used(500, 500));
    reservation.settle(null);
    expect(store.usedBy("r").tokens).toBe(10);
  });

  test("of an attempt that used nothing is given back", () => {
    const meter = meterFor({ day_tokens: 20 }, { limits: { tokens: 20 } });
    meter.reserve(attempt(10, 10)).settle(null);
    expect(store.usedBy("r").tokens).toBe(0);
    expect(() => meter.reserve(attempt(10, 10))).not.toThrow();
  });

  test("of a process that died still counts for its run when that is taken up again", () => {
    meterFor({}, { limits: { tokens: 100 } }).reserve(attempt(50, 10));
    const again = meterFor({}, { limits: { tokens: 100 } });
    expect(refusal(() => again.reserve(attempt(41, 0))).message).toStartWith("the run is limited to 100 tokens");
    expect(() => again.reserve(attempt(40, 0))).not.toThrow();
  });
});

describe("a sub-agent", () => {
  const child = { id: "c", agent: "agent:b" };

  test("is held to its own budget and to all those above it", () => {
    const parent = meterFor({}, { limits: { tokens: 100, tool_calls: 2 } });
    parent.reserve(attempt(70, 0));
    const beneath = parent.child(child, { ...unlimited, tokens: 50 });
    expect(refusal(() => beneath.reserve(attempt(31, 0))).message).toContain("100 tokens");
    const grandchild = beneath.child({ id: "g", agent: "agent:c" }, { ...unlimited, tokens: 1000 });
    grandchild.reserve(attempt(20, 0));
    grandchild.call("fs.read");
    beneath.call("fs.read");
    expect(refusal(() => parent.call("fs.read")).message).toContain("2 tool calls");
    expect(refusal(() => parent.reserve(attempt(11, 0))).message).toContain("100 tokens");
    expect(() => parent.reserve(attempt(10, 0))).not.toThrow();
  });

  test("with more than its parent's budget gets no more than that, and with less no more than its own", () => {
    const parent = meterFor({}, { limits: { tokens: 100 } });
    expect(refusal(() => parent.child(child, unlimited).reserve(attempt(101, 0))).message).toContain("100 tokens");
    const small = parent.child(child, { ...unlimited, tokens: 5 });
    expect(refusal(() => small.reserve(attempt(6, 0))).message).toContain("5 tokens");
  });

  test("counts for the run at the top and for its own agent's day", () => {
    const parent = meterFor({ run_tokens: 100, agent_day_tokens: 60 });
    parent.reserve(attempt(60, 0));
    const beneath = parent.child(child, unlimited);
    beneath.reserve(attempt(40, 0));
    expect(refusal(() => beneath.reserve(attempt(1, 0))).message).toContain("budget.run_tokens");
  });
});

/** What the reference keeps of a reservation. */
interface Held {
  readonly meter: number;
  readonly reservation: Reservation;
  readonly asked: Attempted;
  tokens: number;
  microusd: number;
}

const cost = ({ input_tokens, output_tokens }: Pick<Attempted, "input_tokens" | "output_tokens">) =>
  input_tokens + 2 * output_tokens;

test("eight meters on two connections never exceed a budget in any order, and are refused only when they would", () => {
  const size = fc.nat(60);
  const step = fc.oneof(
    fc.record({ do: fc.constant("reserve" as const), meter: fc.nat(7), input: size, output: size }),
    fc.record({ do: fc.constant("settle" as const), which: fc.nat(), share: fc.integer({ min: 0, max: 100 }) }),
    fc.record({ do: fc.constant("drop" as const), which: fc.nat() }),
  );
  const budgets = fc.record({
    run_tokens: fc.nat(400),
    agent_day_tokens: fc.nat(500),
    day_tokens: fc.nat(900),
    day_microusd: fc.nat(1500),
    own_tokens: fc.nat(300),
    child_tokens: fc.nat(150),
  });
  fc.assert(
    fc.property(budgets, fc.array(step, { maxLength: 60 }), (limits, steps) => {
      const shared = join(place, `state-${made++}.db`);
      const files = [new StateFile(shared), new StateFile(shared)];
      const config = configOf({
        run_tokens: limits.run_tokens,
        agent_day_tokens: limits.agent_day_tokens,
        day_tokens: limits.day_tokens,
        day_usd: limits.day_microusd / 1e6,
      });
      // Two parents on each connection, each with a sub-agent of the other agent.
      const meters = files.flatMap((file, f) =>
        [0, 1].flatMap((n) => {
          const run = { id: `${f}${n}`, root: `${f}${n}`, agent: `agent:${n}` };
          const own = { ...unlimited, tokens: limits.own_tokens };
          const parent = openMeter({ store: new UsageStore(file), config, clock, run, limits: own });
          const below = { ...unlimited, tokens: limits.child_tokens };
          return [parent, parent.child({ id: `${f}${n}c`, agent: `agent:${1 - n}` }, below)];
        }),
      );
      const agentOf = (meter: number) => ((meter >> 1) + meter) % 2;
      const rootOf = (meter: number) => meter >> 1;
      const held: Held[] = [];
      const sum = (of: (each: Held) => boolean, what: "tokens" | "microusd" = "tokens") =>
        held.filter(of).reduce((total, each) => total + each[what], 0);
      const excess = (meter: number, tokens: number, microusd: number): boolean =>
        sum((each) => rootOf(each.meter) === rootOf(meter)) + tokens > Math.min(limits.run_tokens, limits.own_tokens) ||
        (meter % 2 === 1 && sum((each) => each.meter === meter) + tokens > limits.child_tokens) ||
        sum((each) => agentOf(each.meter) === agentOf(meter)) + tokens > limits.agent_day_tokens ||
        sum(() => true) + tokens > limits.day_tokens ||
        sum(() => true, "microusd") + microusd > limits.day_microusd;
      const open: Held[] = [];
      for (const each of steps) {
        if (each.do === "reserve") {
          const asked = attempt(each.input, each.output);
          const tokens = each.input + each.output;
          const wouldExceed = excess(each.meter, tokens, cost(asked));
          let reservation: Reservation | undefined;
          try {
            reservation = meters[each.meter]?.reserve(asked);
          } catch (thrown) {
            if (!(thrown instanceof Fault) || thrown.code !== "resource_exhausted") throw thrown;
          }
          expect(reservation === undefined).toBe(wouldExceed);
          if (!reservation) continue;
          const kept = { meter: each.meter, reservation, asked, tokens, microusd: cost(asked) };
          held.push(kept);
          open.push(kept);
        } else {
          const [one] = open.splice(open.length ? each.which % open.length : 0, 1);
          if (!one) continue;
          const part = (n: number) => (each.do === "drop" ? 0 : Math.floor((n * each.share) / 100));
          const facts = used(part(one.asked.input_tokens), part(one.asked.output_tokens));
          one.reservation.settle(each.do === "drop" ? null : facts);
          one.tokens = facts.input_tokens + facts.output_tokens;
          one.microusd = cost(facts);
        }
        expect(sum(() => true)).toBeLessThanOrEqual(limits.day_tokens);
        expect(sum(() => true, "microusd")).toBeLessThanOrEqual(limits.day_microusd);
      }
      for (const file of files) file.close();
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("two processes spending from one budget at once use all of it and not a token more", async () => {
  const config = JSON.stringify({ budget: { day_tokens: 10_050 } });
  const script = join(import.meta.dir, "testdata", "spender.ts");
  const children = ["one", "two"].map((run) =>
    Bun.spawn([process.execPath, script, path, config, run, "120"], { env: {}, stdin: "pipe", stdout: "pipe" }),
  );
  const outputs = children.map((child) => child.stdout.getReader());
  const decoder = new TextDecoder();
  for (const output of outputs) expect(decoder.decode((await output.read()).value)).toBe("ready\n");
  for (const child of children) child.stdin.end();
  const spent = await Promise.all(
    outputs.map(async (output) => JSON.parse(decoder.decode((await output.read()).value)) as { settled: number }),
  );
  expect(spent.reduce((sum, { settled }) => sum + settled, 0)).toBe(10_000);
  const days = store.totals("day", {});
  expect(days.reduce((sum, row) => sum + row.input_tokens + row.output_tokens, 0)).toBe(10_000);
}, 60_000);

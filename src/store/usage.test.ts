/** What was used, in a real database: limits hold in one step with what is written, and the sums are those of the rows. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "../core/id.ts";
import { StateFile } from "./state.ts";
import { type UsageDraft, type UsageLimit, UsageStore } from "./usage.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-usage-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

let file: StateFile;
let store: UsageStore;
let made = 0;
beforeEach(() => {
  file = new StateFile(join(place, `state-${made++}.db`));
  store = new UsageStore(file);
});

function turn(part: Partial<UsageDraft> = {}): UsageDraft {
  return {
    id: newId(),
    run: "run",
    root: "run",
    agent: "agent:a",
    day: "2026-11-21",
    kind: "model",
    provider: "openai",
    model: "m",
    tool: "",
    input_tokens: 70,
    output_tokens: 30,
    cost_microusd: 10,
    at: "2026-11-21T00:00:00.000Z",
    ...part,
  };
}

const call = (tool: string, part: Partial<UsageDraft> = {}) =>
  turn({ kind: "tool", tool, provider: "", model: "", input_tokens: 0, output_tokens: 0, cost_microusd: 0, ...part });

const facts = { input_tokens: 7, output_tokens: 3, cached_tokens: 2, cost_microusd: 1 };

describe("a reservation", () => {
  const limit: UsageLimit = { name: "run_tokens", over: { root: "run" }, of: "tokens", max: 200 };

  test("fills a limit to the brim and not beyond, and one that is refused leaves no row", () => {
    expect(store.reserve(turn(), [limit])).toBeUndefined();
    expect(store.reserve(turn(), [limit])).toBeUndefined();
    expect(store.reserve(turn({ input_tokens: 1, output_tokens: 0 }), [limit])).toEqual({ ...limit, used: 200 });
    expect(store.usedBy("run")).toEqual({ tokens: 200, cost_microusd: 20, tool_calls: 0 });
  });

  test("counts for its run's root, its agent's day and the day, each on its own", () => {
    store.reserve(turn({ run: "child", root: "run" }), []);
    const over: readonly (readonly [UsageLimit["over"], number])[] = [
      [{ root: "run" }, 100],
      [{ root: "child" }, 0],
      [{ day: "2026-11-21" }, 100],
      [{ day: "2026-11-22" }, 0],
      [{ day: "2026-11-21", agent: "agent:a" }, 100],
      [{ day: "2026-11-21", agent: "agent:b" }, 0],
    ];
    for (const [where, used] of over) {
      const full = store.reserve(turn(), [{ name: "x", over: where, of: "tokens", max: 0 }]);
      expect([where, full?.used]).toEqual([where, used]);
    }
  });

  test("of a tool call counts as one call, and of nothing else", () => {
    const one: UsageLimit = { name: "calls", over: { root: "run" }, of: "tool_calls", max: 1 };
    store.reserve(turn(), [one]);
    expect(store.reserve(call("fs.read"), [one])).toBeUndefined();
    expect(store.reserve(call("fs.read"), [one])).toMatchObject({ name: "calls", used: 1 });
    expect(store.reserve(turn(), [one])).toBeUndefined();
  });

  test("gives way to the facts once, and is gone when it is released before that", () => {
    const [first, second] = [turn(), turn()];
    for (const draft of [first, second]) store.reserve(draft, []);
    store.settle(first.id, facts);
    store.settle(first.id, { ...facts, input_tokens: 1_000_000 });
    store.release(first.id);
    store.release(second.id);
    expect(store.usedBy("run")).toEqual({ tokens: 10, cost_microusd: 1, tool_calls: 0 });
  });

  test("of a process that died stays counted, and is shown as not settled", () => {
    const path = join(place, `state-${made++}.db`);
    const dying = new StateFile(path);
    new UsageStore(dying).reserve(turn(), []);
    dying.close();
    const later = new UsageStore(new StateFile(path));
    expect(later.usedBy("run").tokens).toBe(100);
    expect(later.totals("agent", {})).toMatchObject([{ key: "agent:a", turns: 1, unsettled_turns: 1 }]);
  });
});

describe("the totals", () => {
  beforeEach(() => {
    const drafts = [
      turn(),
      turn({ agent: "agent:b", model: "n", day: "2026-11-20", cost_microusd: null, input_tokens: 500 }),
      call("fs.read"),
      call("fs.read", { agent: "agent:b" }),
      call("time.now"),
    ];
    for (const draft of drafts) {
      store.reserve(draft, []);
      if (draft.kind === "model") store.settle(draft.id, { ...facts, ...draft });
    }
  });
  const keys = (...asked: Parameters<UsageStore["totals"]>) =>
    store.totals(...asked).map(({ key, turns, tool_calls }) => [key, turns, tool_calls]);

  test("are by agent, model, tool and day", () => {
    expect(keys("agent", {})).toEqual([
      ["agent:b", 1, 1],
      ["agent:a", 1, 2],
    ]);
    expect(keys("model", {})).toEqual([
      ["openai/n", 1, 0],
      ["openai/m", 1, 0],
    ]);
    expect(keys("tool", {})).toEqual([
      ["fs.read", 0, 2],
      ["time.now", 0, 1],
    ]);
    expect(keys("day", {})).toEqual([
      ["2026-11-20", 1, 0],
      ["2026-11-21", 1, 3],
    ]);
  });

  test("are of one agent and from one day on where that is asked", () => {
    expect(keys("day", { agent: "agent:b" })).toEqual([
      ["2026-11-20", 1, 0],
      ["2026-11-21", 0, 1],
    ]);
    expect(keys("agent", { since: "2026-11-21" })).toEqual([
      ["agent:a", 1, 2],
      ["agent:b", 0, 1],
    ]);
  });

  test("tell an unknown cost from none", () => {
    expect(store.totals("model", {})).toMatchObject([
      { key: "openai/n", cost_microusd: 0, unpriced_turns: 1 },
      { key: "openai/m", cost_microusd: 10, unpriced_turns: 0 },
    ]);
  });
});

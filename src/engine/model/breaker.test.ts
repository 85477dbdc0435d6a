/** When a failing model is left alone, and when it is tried again; time passes only when a test says so. */
import { describe, expect, test } from "bun:test";
import { Breakers } from "./breaker.ts";
import type { ModelEvent } from "./client.ts";
import { done, failed, hang, Scripted, stage, type Step, text } from "./testdata/scripted.ts";

const good: readonly Step[] = [text("fine"), done];
const last = (events: readonly ModelEvent[]) => events.at(-1);

describe("the circuit breaker", () => {
  test("opens after five failures in a row, lets one attempt through after the pause, and closes when that succeeds", async () => {
    const one = new Scripted("one", [...Array.from({ length: 5 }, () => [failed("unavailable")]), good]);
    const { say, pass } = stage([one]);
    await say();
    expect(last(await say())).toMatchObject({ type: "error", fault: { message: "it was unavailable" } });
    expect(one.attempts).toHaveLength(5);
    const shut = last(await say());
    expect(shut).toMatchObject({ type: "error", kind: "unavailable" });
    expect(JSON.stringify(shut)).toContain("one/m1 failed too often and is left alone for 30 s more");
    expect(one.attempts).toHaveLength(5);
    pass(30_000);
    expect(last(await say())?.type).toBe("done");
    expect(last(await say())?.type).toBe("done");
    expect(one.attempts).toHaveLength(7);
  });

  test("opens again when the attempt after the pause fails, after that one attempt", async () => {
    const one = new Scripted("one", [[failed("unavailable")]]);
    const { say, pass } = stage([one], { model: { breaker_failures: 3 } });
    await say();
    pass(30_000);
    await say();
    expect(one.attempts).toHaveLength(4);
    pass(29_999);
    await say();
    expect(one.attempts).toHaveLength(4);
  });

  test("lets only one run try after the pause", async () => {
    let go = () => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    const one = new Scripted("one", [[failed("unavailable")], [() => held, ...good]]);
    const { say, pass } = stage([one], { model: { breaker_failures: 1 } });
    await say();
    pass(30_000);
    const first = say();
    expect(last(await say())).toMatchObject({ type: "error" });
    go();
    expect(last(await first)?.type).toBe("done");
    expect(one.attempts).toHaveLength(2);
  });

  test("is not kept open by a run that was stopped while it tried", async () => {
    const stop = new AbortController();
    const one = new Scripted("one", [[failed("unavailable")], [hang], good]);
    const { say, pass } = stage([one], { model: { breaker_failures: 1 } });
    await say();
    pass(30_000);
    const waiting = say(stop.signal);
    stop.abort();
    await waiting;
    expect(last(await say())?.type).toBe("done");
  });

  test("goes to the fallback at once while it is open", async () => {
    const one = new Scripted("one", [[failed("unavailable")]]);
    const { say, waits } = stage([one, new Scripted("two", [good])], { model: { breaker_failures: 1 } });
    expect(last(await say())).toMatchObject({ model: "two/m1" });
    expect(last(await say())).toMatchObject({ model: "two/m1" });
    expect(one.attempts).toHaveLength(1);
    expect(waits).toEqual([]);
  });

  test("does not count requests that were themselves wrong", async () => {
    const one = new Scripted("one", [[failed("rejected")], [failed("rejected")], [failed("rejected")], good]);
    const { say } = stage([one], { model: { breaker_failures: 2 } });
    for (let i = 0; i < 3; i++) await say();
    expect(last(await say())?.type).toBe("done");
  });

  test("may be shared by the runs of a process", async () => {
    const breakers = new Breakers();
    const one = new Scripted("one", [[failed("unavailable")]]);
    const model = { breaker_failures: 3 };
    await stage([one], { model, breakers }).say();
    await stage([one], { model, breakers }).say();
    expect(one.attempts).toHaveLength(3);
  });
});

/** The model client against providers that fail in every way they can; time passes only when the client waits. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "../../core/fault.ts";
import type { ProviderEvent } from "../../define/provider.ts";
import { openModel, type ModelEvent } from "./client.ts";
import {
  ask,
  collect,
  CountingMeter,
  done,
  failed,
  hang,
  heard,
  Scripted,
  settings,
  stage,
  type Step,
  text,
  used,
} from "./testdata/scripted.ts";

const call = (id: string): ProviderEvent => ({ type: "call", call: { id, tool: "fs_read", arguments: { path: "a" } } });
const good: readonly Step[] = [text("fine"), call("c1"), used(10, 5), done];
const last = (events: readonly ModelEvent[]) => events.at(-1);
const retries = (events: readonly ModelEvent[]) => events.filter((event) => event.type === "retry");
const passing = ["rate_limited", "unavailable", "cut", "timeout"] as const;

describe("a turn", () => {
  test("is handed on as it comes, its calls last, with use and cost", async () => {
    const one = new Scripted("one", [[call("c1"), text("a"), { type: "thinking", text: "b" }, used(10, 5), done]]);
    const { say, meter } = stage([one]);
    expect(await say()).toEqual([
      text("a"),
      { type: "thinking", text: "b" },
      call("c1"),
      {
        type: "done",
        stop: "end",
        model: "one/m1",
        usage: { input_tokens: 10, output_tokens: 5, cached_tokens: 0, cost_usd: null, cost_microusd: 15 },
      },
    ] as never);
    expect(meter.reserved).toEqual([
      { provider: "one", model: "m1", free: false, input_tokens: 6, output_tokens: 8192 },
    ]);
  });

  test("is asked for with the configured model, limits and address", async () => {
    const one = new Scripted("one", [good]);
    const model = {
      name: "big",
      temperature: 0.2,
      max_output_tokens: 100,
      effort: "high",
      tool_calls: "text",
    } as const;
    const { say } = stage([one], {
      model,
      endpoints: { one: { base_url: "http://127.0.0.1:1/v1/", headers: { "x-a": "b" }, api: "chat" } },
      keys: { key: () => ({ value: "sk-1", from: "vault" }) },
    });
    await say();
    const { request, ctx } = one.attempts[0] ?? {};
    expect(request).toMatchObject({ ...ask, model: "big", temperature: 0.2, max_output_tokens: 100 });
    expect(request).toMatchObject({ effort: "high", tool_calls: "text" });
    expect(ctx?.endpoint).toEqual({
      base_url: "http://127.0.0.1:1/v1",
      key: "sk-1",
      headers: { "x-a": "b" },
      api: "chat",
    });
    expect(ctx?.idle_timeout_ms).toBe(90_000);
  });

  test("of a provider that reaches nothing needs no budget", async () => {
    const offline = new Scripted("offline", [[text("hi"), done]]);
    const { say, meter } = stage(
      [{ attempts: offline.attempts, provider: { ...offline.provider, reach: null } } as Scripted],
      { model: { provider: "offline" } },
    );
    expect(last(await say())).toEqual({ type: "done", stop: "end", model: "offline", usage: null });
    expect(meter.reserved).toEqual([]);
  });

  test("whose use nobody told is settled by an estimate when something came of it", async () => {
    const one = new Scripted("one", [
      [text("12345678"), failed("cut")],
      [text("12345678"), done],
    ]);
    const { say, meter } = stage([one]);
    expect(last(await say())).toMatchObject({ type: "done", usage: null });
    const guess = { input_tokens: 6, output_tokens: 2, cached_tokens: 0, cost_usd: null };
    expect(meter.settled).toEqual([guess, guess]);
  });
});

describe("a failure that passes", () => {
  for (const kind of passing) {
    test(`${kind}: the turn is tried again from nothing, and no call is given twice`, async () => {
      const one = new Scripted("one", [[text("half"), call("c0"), failed(kind)], good]);
      const { say, waits } = stage([one]);
      const events = await say();
      expect(heard(events)).toEqual({ text: "fine", calls: ["c1"] });
      expect(events.filter(({ type }) => type === "call")).toHaveLength(1);
      expect(retries(events)).toEqual([{ type: "retry", reason: `it was ${kind}`, wait_ms: 700, model: "one/m1" }]);
      expect(waits).toEqual([700]);
      expect(last(events)?.type).toBe("done");
    });
  }

  test("is tried three times with growing pauses, then is an error", async () => {
    const one = new Scripted("one", [[failed("unavailable")]]);
    const { say, waits, meter } = stage([one]);
    const events = await say();
    expect(waits).toEqual([700, 1400]);
    expect(one.attempts).toHaveLength(3);
    expect(last(events)).toMatchObject({ type: "error", kind: "unavailable", fault: { code: "unavailable" } });
    expect(meter.settled).toEqual([null, null, null]);
  });

  test("waits as long as the provider asks, up to a minute", async () => {
    for (const asked of [0, 250, 7000, 60_000]) {
      const { say, waits } = stage([new Scripted("one", [[failed("rate_limited", asked)], good])]);
      expect(last(await say())?.type).toBe("done");
      expect(waits).toEqual([asked]);
    }
  });

  test("ends the run when the provider asks for more, and says when to come back", async () => {
    const { say, waits } = stage([new Scripted("one", [[failed("rate_limited", 3_600_000)], good])]);
    const event = last(await say());
    expect(waits).toEqual([]);
    expect(event).toMatchObject({ type: "error", fault: { code: "resource_exhausted" } });
    expect(JSON.stringify(event)).toContain("2026-11-21T01:00:00.000Z");
  });

  test("has pauses that differ from run to run by a fifth at most", async () => {
    for (const [random, expected] of [
      [0, 560],
      [0.999999, 840],
    ] as const) {
      const { say, waits } = stage([new Scripted("one", [[failed("cut")], good])], { random: () => random });
      await say();
      expect(waits).toEqual([expected]);
    }
  });

  test("is what a stream without an end is", async () => {
    const { say } = stage([new Scripted("one", [[text("half")], good])]);
    const events = await say();
    expect(retries(events)).toHaveLength(1);
    expect(heard(events).text).toBe("fine");
  });
});

describe("a failure that does not pass", () => {
  for (const kind of ["context_length", "unauthenticated", "rejected"] as const) {
    test(`${kind}: is not tried again`, async () => {
      const one = new Scripted("one", [[failed(kind)], good]);
      const { say } = stage([one]);
      expect(last(await say())).toMatchObject({ type: "error", kind });
      expect(one.attempts).toHaveLength(1);
    });
  }

  test("of a conversation too long is named once", async () => {
    const named: ProviderEvent = { type: "notice", name: "model.context_length", detail: "too long" };
    for (const script of [[failed("context_length")], [named, failed("context_length")]]) {
      const events = await stage([new Scripted("one", [script])]).say();
      expect(events.filter((event) => event.type === "notice")).toMatchObject([{ name: "model.context_length" }]);
    }
  });

  test("of a provider that throws is an error and no exception", async () => {
    const one = new Scripted("one", [[() => Promise.reject(new Error("a defect"))]]);
    expect(last(await stage([one]).say())).toMatchObject({
      type: "error",
      kind: "rejected",
      fault: { code: "internal" },
    });
  });
});

describe("a fallback", () => {
  for (const kind of passing) {
    test(`answers within two seconds of waiting when the first model is ${kind}`, async () => {
      const one = new Scripted("one", [[text("half"), call("c0"), failed(kind)]]);
      const two = new Scripted("two", [good]);
      const { say, elapsed, meter } = stage([one, two]);
      const events = await say();
      expect(elapsed()).toBeLessThanOrEqual(2000);
      expect(last(events)).toMatchObject({ type: "done", model: "two/m1" });
      expect(heard(events)).toEqual({ text: "fine", calls: ["c1"] });
      expect(one.attempts).toHaveLength(kind === "timeout" ? 1 : 2);
      expect(events.find((event) => event.type === "notice")).toEqual({
        type: "notice",
        name: "model.fallback",
        detail: `one/m1 gives way to two/m1: it was ${kind}`,
      });
      expect(meter.settled).toHaveLength(meter.reserved.length);
    });
  }

  test("is asked at once when the first model wants a pause of more than a second", async () => {
    const one = new Scripted("one", [[failed("rate_limited", 1001)]]);
    const { say, waits } = stage([one, new Scripted("two", [good])]);
    expect(last(await say())).toMatchObject({ model: "two/m1" });
    expect(waits).toEqual([]);
  });

  test("takes over where the key is refused, and not where the request is", async () => {
    const two = new Scripted("two", [good]);
    expect(last(await stage([new Scripted("one", [[failed("unauthenticated")]]), two]).say())).toMatchObject({
      model: "two/m1",
    });
    for (const kind of ["rejected", "context_length"] as const) {
      const events = await stage([new Scripted("one", [[failed(kind)]]), two]).say();
      expect(last(events)).toMatchObject({ type: "error", kind });
    }
  });

  test("may be another model of the same provider, and its own fault is told when it fails too", async () => {
    const one = new Scripted("one", [[failed("cut")], [failed("cut")], [failed("rejected")]]);
    const { say } = stage([one], { model: { fallback: ["one/vendor/small"] } });
    expect(last(await say())).toMatchObject({ type: "error", kind: "rejected" });
    expect(one.attempts.map(({ request }) => request.model)).toEqual(["m1", "m1", "vendor/small"]);
  });

  test("is not shown what only the other model can go on from", async () => {
    const signed: ProviderEvent = { type: "done", stop: "calls", continuation: { thinking: "signed" } };
    const one = new Scripted("one", [[call("c1"), signed], [failed("unauthenticated")], good]);
    const two = new Scripted("two", [good]);
    const { model, meter, say } = stage([one, two]);
    const end = last(await say());
    if (end?.type !== "done" || end.continuation === undefined) throw new Error("no continuation");
    const { continuation } = end;
    const messages = [...ask.messages, { role: "assistant", content: "", calls: [], continuation } as const];
    const run = { signal: new AbortController().signal, meter };
    await collect(model.stream({ ...ask, messages }, run));
    await collect(model.stream({ ...ask, messages }, run));
    expect(one.attempts[1]?.request.messages[1]).toHaveProperty("continuation", { thinking: "signed" });
    expect(one.attempts[2]?.request.messages[1]).toHaveProperty("continuation", { thinking: "signed" });
    expect(two.attempts[0]?.request.messages[1]).not.toHaveProperty("continuation");
  });
});

describe("a run that is stopped", () => {
  test("ends at once, also while a provider hangs that does not listen", async () => {
    const stop = new AbortController();
    const { say, meter } = stage([new Scripted("one", [[text("a"), hang]])]);
    const waiting = say(stop.signal);
    stop.abort(new Fault("canceled", "the operator stopped it"));
    expect(last(await waiting)).toMatchObject({ type: "error", fault: { message: "the operator stopped it" } });
    expect(meter.settled).toHaveLength(1);
  });

  test("ends at once while it waits for the next attempt", async () => {
    const stop = new AbortController();
    const one = new Scripted("one", [[failed("rate_limited", 60_000)]]);
    const model = openModel({
      config: { model: settings, providers: {} },
      providers: [one.provider],
      keys: { key: () => null },
      fetch: () => () => Promise.reject(new Error("no network")),
      clock: { now: () => 0, monotonic: () => 0 },
      rank: () => [],
    });
    const events: ModelEvent[] = [];
    for await (const event of model.stream(ask, { signal: stop.signal, meter: new CountingMeter() })) {
      events.push(event);
      if (event.type === "retry") setTimeout(() => stop.abort(), 0);
    }
    expect(last(events)).toMatchObject({ type: "error", fault: { code: "canceled" } });
    expect(one.attempts).toHaveLength(1);
  });

  test("before its first word asks nobody and reserves nothing", async () => {
    const one = new Scripted("one", [good]);
    const { say, meter } = stage([one]);
    expect(last(await say(AbortSignal.abort()))).toMatchObject({ type: "error", fault: { code: "canceled" } });
    expect(one.attempts).toEqual([]);
    expect(meter.reserved).toEqual([]);
  });
});

describe("the budget", () => {
  test("is asked before each attempt, and nothing is sent when it refuses", async () => {
    const one = new Scripted("one", [[failed("unavailable")]]);
    const { say } = stage([one], { meter: new CountingMeter(1) });
    const event = last(await say());
    expect(event).toMatchObject({ type: "error", kind: "rejected", fault: { code: "resource_exhausted" } });
    expect(one.attempts).toHaveLength(1);
  });

  test("has every reservation back, whatever happens and whenever the listener leaves", async () => {
    const step = fc.constantFrom<Step>(
      text("a"),
      call("c"),
      used(1, 1),
      done,
      hang,
      ...passing.map((kind) => failed(kind)),
      failed("rejected"),
      failed("context_length"),
      failed("unauthenticated"),
      failed("rate_limited", 90_000),
      () => Promise.reject(new Error("a defect")),
    );
    const scripts = fc.array(fc.array(step, { maxLength: 4 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(scripts, scripts, fc.nat(6), fc.nat(3), async (first, second, leave, allowed) => {
        const meter = new CountingMeter(allowed);
        const { model } = stage([new Scripted("one", first), new Scripted("two", second)], { meter });
        const stop = new AbortController();
        let seen = 0;
        const timer = setTimeout(() => stop.abort(), 1);
        for await (const event of model.stream(ask, { signal: stop.signal, meter })) {
          if (seen++ === leave || event.type === "done" || event.type === "error") break;
        }
        clearTimeout(timer);
        expect(meter.settled).toHaveLength(meter.reserved.length);
      }),
    );
  });
});

describe("a key", () => {
  const secret = "sk-very-secret-1234";

  test("appears in no event, whatever the provider says of itself", async () => {
    const words = `bad key ${secret} and header tok-abcdefgh`;
    const fault = new Fault("unauthenticated", words, { hint: words, data: { body: [words] } }).toRecord();
    const script: readonly Step[] = [
      { type: "notice", name: "model.refusal", detail: words },
      { type: "error", fault, kind: "unavailable" },
    ];
    const { say } = stage([new Scripted("one", [script])], {
      keys: { key: () => ({ value: secret, from: "vault" }) },
      endpoints: { one: { headers: { "x-extra": "tok-abcdefgh" } } },
    });
    const events = await say();
    expect(JSON.stringify(events)).toContain("[key]");
    expect(JSON.stringify(events)).not.toContain(secret);
    expect(JSON.stringify(events)).not.toContain("tok-abcdefgh");
  });

  test("that is missing is told of before anything is sent, with where to put it", () => {
    const one = new Scripted("one", [good], { key: "required" });
    expect(() => stage([one])).toThrow("there is no key for the provider one");
    const two = new Scripted("two", [good], { key: "required" });
    expect(() => stage([new Scripted("one", [good]), two])).toThrow("there is no key for the provider two");
  });

  test("is never asked for where none is needed", () => {
    const asked: string[] = [];
    stage([new Scripted("one", [good], { key: "none" })], {
      keys: {
        key: ({ name }) => {
          asked.push(name);
          return { value: secret, from: "vault" };
        },
      },
    });
    expect(asked).toEqual([]);
  });
});

describe("a model that cannot be opened", () => {
  test("for want of a known provider, a model or an address says so", () => {
    const one = new Scripted("one", [good]);
    expect(() => stage([one], { model: { provider: "onne" } })).toThrow("there is no provider onne");
    expect(() => stage([one], { model: { fallback: ["nobody/m"] } })).toThrow("there is no provider nobody");
    expect(() => stage([new Scripted("one", [good], { default_model: null })])).toThrow("no model of one is chosen");
    expect(() => stage([new Scripted("one", [good], { base_url: null })])).toThrow("the provider one has no address");
  });
});

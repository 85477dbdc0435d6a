/** The model client over a real provider and real sockets: each way in which an endpoint fails, then heals. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../core/clock.ts";
import { providerFetch } from "../../egress/fetch.ts";
import { anthropic } from "../../providers/anthropic.ts";
import {
  begin,
  callBlock,
  type Claude,
  end,
  type Reply,
  secret,
  startClaude,
  textBlock,
} from "../../providers/anthropic/testdata/claude.ts";
import { type ModelEvent, openModel } from "./client.ts";
import { ask, collect, CountingMeter, heard, settings } from "./testdata/scripted.ts";

let claude: Claude;
beforeAll(() => {
  claude = startClaude();
});
afterAll(() => claude.stop());
afterEach(() => {
  claude.asked.length = 0;
});

const whole = begin() + textBlock(0, "fi", "ne") + callBlock(1, "toolu_1", "fs_read", "{}") + end("tool_use");
const status = (code: number, headers: Reply["headers"] = {}): Reply => ({ status: code, headers, pieces: ["no"] });

/** Fails until the client waits or gives way, then answers. */
async function recover(reply: Reply, fallback: readonly string[] = []) {
  const waits: number[] = [];
  const meter = new CountingMeter();
  const model = openModel({
    config: {
      model: { ...settings, provider: "anthropic", name: "claude-a", fallback, idle_timeout_ms: 100 },
      providers: { anthropic: { base_url: `${claude.url}/v1` } },
    },
    providers: [anthropic],
    keys: { key: () => ({ value: secret, from: "vault" }) },
    fetch: providerFetch,
    clock: systemClock,
    rank: () => [],
    random: () => 0.5,
    sleep: (ms) => {
      waits.push(ms);
      if (fallback.length === 0) claude.reply = { pieces: [whole] };
      return Promise.resolve();
    },
  });
  claude.reply = reply;
  const events: ModelEvent[] = [];
  for await (const event of model.stream(ask, { signal: new AbortController().signal, meter })) {
    events.push(event);
    if (event.type === "notice" && event.name === "model.fallback") claude.reply = { pieces: [whole] };
  }
  return { events, waits, meter };
}

const later = new Date(Date.now() + 120_000).toUTCString();
const failures: readonly (readonly [what: string, reply: Reply, waits: readonly number[]])[] = [
  ["a 500", status(500), [700]],
  ["a 529", status(529), [700]],
  ["a 429 that names seconds", status(429, { "retry-after": "3" }), [3000]],
  ["a 429 that names milliseconds", status(429, { "retry-after-ms": "40" }), [40]],
  ["a 429 with a date gone by", status(429, { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }), [0]],
  ["a stream cut in a text", { pieces: [whole.slice(0, whole.indexOf("ne"))] }, [700]],
  ["a stream cut in a call", { pieces: [whole.slice(0, whole.indexOf("toolu_1") + 3)] }, [700]],
  ["a stream cut before its last event", { pieces: [whole.slice(0, whole.lastIndexOf("event:"))] }, [700]],
  ["silence before the headers", { silent: true, pieces: [] }, [700]],
  ["silence within the answer", { pieces: [begin(), textBlock(0, "fi"), { pause: true }] }, [700]],
];

describe("after one failure the turn is whole", () => {
  for (const [what, reply, expected] of failures) {
    test(`when it was ${what}`, async () => {
      const { events, waits, meter } = await recover(reply);
      expect(heard(events)).toEqual({ text: "fine", calls: ["toolu_1"] });
      expect(events.at(-1)).toMatchObject({ type: "done", model: "anthropic/claude-a", stop: "calls" });
      expect(waits).toEqual([...expected]);
      expect(claude.asked).toHaveLength(2);
      expect(meter.settled).toHaveLength(2);
      expect(JSON.stringify(events)).not.toContain(secret);
    });

    test(`a fallback answers within two seconds of waiting when it was ${what}`, async () => {
      const { events, waits } = await recover(reply, ["anthropic/claude-b"]);
      expect(heard(events)).toEqual({ text: "fine", calls: ["toolu_1"] });
      expect(events.at(-1)).toMatchObject({ type: "done", model: "anthropic/claude-b" });
      expect(waits.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(1800);
    });
  }

  test("unless the pause asked for is too long: then the run says until when", async () => {
    const { events, waits } = await recover(status(429, { "retry-after": later }));
    expect(events.at(-1)).toMatchObject({ type: "error", fault: { code: "resource_exhausted" } });
    expect(waits).toEqual([]);
  });

  test("unless nobody listens: then three attempts are made and the place is named", async () => {
    const gone = startClaude();
    await gone.stop();
    const model = openModel({
      config: { model: { ...settings, provider: "anthropic" }, providers: { anthropic: { base_url: gone.url } } },
      providers: [anthropic],
      keys: { key: () => ({ value: secret, from: "vault" }) },
      fetch: providerFetch,
      clock: systemClock,
      rank: () => [],
      sleep: () => Promise.resolve(),
    });
    const meter = new CountingMeter();
    const events = await collect(model.stream(ask, { signal: new AbortController().signal, meter }));
    expect(events.at(-1)).toMatchObject({
      type: "error",
      fault: { code: "unavailable", message: `${gone.url.replace("http://", "")} refused the connection` },
    });
    expect(meter.settled).toEqual([null, null, null]);
  });
});

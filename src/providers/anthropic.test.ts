/** Claude's interface over real sockets: what is said, what is sent, and every way in which it fails. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { ProviderEvent } from "../define/provider.ts";
import { anthropic } from "./anthropic.ts";
import {
  begin,
  block,
  callBlock,
  type Claude,
  contextOf,
  end,
  event,
  say,
  secret,
  startClaude,
  textBlock,
  thinkingBlock,
} from "./anthropic/testdata/claude.ts";

let claude: Claude;
beforeAll(() => {
  claude = startClaude();
});
afterAll(() => claude.stop());
afterEach(() => {
  claude.asked.length = 0;
});

const play = (...pieces: Claude["reply"]["pieces"]) => {
  claude.reply = { pieces };
};
const last = (events: readonly ProviderEvent[]) => events.at(-1);
const notices = (events: readonly ProviderEvent[]) =>
  events.flatMap((each) => (each.type === "notice" ? [each.name] : []));
const calls = (events: readonly ProviderEvent[]) => events.flatMap((each) => (each.type === "call" ? [each.call] : []));

describe("a turn of claude", () => {
  test("arrives piece by piece, its calls whole, its use counted with what the cache gave", async () => {
    const usage = { input_tokens: 10, cache_read_input_tokens: 100, cache_creation_input_tokens: 20, output_tokens: 1 };
    play(
      begin(usage),
      event("ping"),
      textBlock(0, "Let me ", "see."),
      callBlock(1, "toolu_1", "fs_read", '{"pa', 'th": "a"}'),
      callBlock(2, "toolu_2", "fs_list"),
      end("tool_use"),
    );
    expect(await say(claude)).toEqual([
      { type: "text", text: "Let me " },
      { type: "text", text: "see." },
      { type: "call", call: { id: "toolu_1", tool: "fs_read", arguments: { path: "a" } } },
      { type: "call", call: { id: "toolu_2", tool: "fs_list", arguments: {} } },
      { type: "usage", usage: { input_tokens: 130, output_tokens: 7, cached_tokens: 100, cost_usd: null } },
      { type: "done", stop: "calls" },
    ]);
  });

  test("is read alike wherever its bytes are cut", async () => {
    const whole = new TextEncoder().encode(
      begin() + textBlock(0, "für 🦉") + callBlock(1, "t", "x", '{"ü":1}') + end("tool_use"),
    );
    play(...Array.from(whole, (_, i) => whole.subarray(i, i + 1)));
    const events = await say(claude);
    expect(events[0]).toEqual({ type: "text", text: "für 🦉" });
    expect(calls(events)).toEqual([{ id: "t", tool: "x", arguments: { ü: 1 } }]);
    expect(notices(events)).toEqual([]);
  });

  test("keeps thinking apart from text and gives back what is needed to go on", async () => {
    play(
      begin(),
      thinkingBlock(0, "hm", "sig"),
      block(1, { type: "redacted_thinking", data: "xx" }),
      textBlock(2, "yes"),
      end("end_turn"),
    );
    const events = await say(claude);
    expect(events.slice(0, 2)).toEqual([
      { type: "thinking", text: "hm" },
      { type: "text", text: "yes" },
    ]);
    expect(last(events)).toMatchObject({
      type: "done",
      stop: "end",
      continuation: {
        blocks: [
          { type: "thinking", thinking: "hm", signature: "sig" },
          { type: "redacted_thinking", data: "xx" },
          { type: "text", text: "yes" },
        ],
      },
    });
  });

  test("tells why it stopped", async () => {
    for (const [reason, stop] of [
      ["end_turn", "end"],
      ["stop_sequence", "end"],
      ["max_tokens", "length"],
      ["model_context_window_exceeded", "length"],
    ] as const) {
      play(begin(), textBlock(0, "x"), end(reason));
      expect(last(await say(claude))).toEqual({ type: "done", stop });
    }
  });

  test("that is declined is a named notice and no failure", async () => {
    const details = { stop_details: { type: "refusal", category: "cyber", explanation: "no harm" } };
    play(begin(), end("refusal", {}, details));
    const events = await say(claude);
    expect(events).toContainEqual({ type: "notice", name: "model.refusal", detail: "cyber: no harm" });
    expect(last(events)).toEqual({ type: "done", stop: "refusal" });
  });
});

describe("a defective answer", () => {
  test("with arguments that are no JSON is a call with its words and a notice", async () => {
    play(begin(), callBlock(0, "t", "fs_read", '{"path": '), end("max_tokens"));
    const events = await say(claude);
    expect(calls(events)).toEqual([{ id: "t", tool: "fs_read", arguments: '{"path": ' }]);
    expect(notices(events)).toEqual(["model.call_malformed"]);
  });

  test("with one id twice gives both calls and a notice", async () => {
    play(begin(), callBlock(0, "t", "a"), callBlock(1, "t", "b"), end("tool_use"));
    const events = await say(claude);
    expect(calls(events).map(({ tool }) => tool)).toEqual(["a", "b"]);
    expect(notices(events)).toEqual(["model.call_duplicate_id"]);
  });

  test("with bytes that are no UTF-8 goes on with a notice", async () => {
    const bytes = new TextEncoder().encode(textBlock(0, "a?b"));
    play(begin(), bytes.with(bytes.indexOf(0x3f), 0xff), end("end_turn"));
    const events = await say(claude);
    expect(events).toContainEqual({ type: "text", text: "a\ufffdb" });
    expect(notices(events)).toEqual(["model.invalid_utf8"]);
    expect(last(events)?.type).toBe("done");
  });

  test("with endless arguments ends the turn and drops the call", async () => {
    const delta = event("content_block_delta", {
      index: 1,
      delta: { type: "input_json_delta", partial_json: "x".repeat(65_536) },
    });
    const start = event("content_block_start", {
      index: 1,
      content_block: { type: "tool_use", id: "t", name: "big", input: {} },
    });
    play(begin(), callBlock(0, "s", "small"), start, { rest: delta });
    const events = await say(claude);
    expect(notices(events)).toEqual(["model.call_oversized"]);
    expect(calls(events).map(({ tool }) => tool)).toEqual(["small"]);
    expect(last(events)).toEqual({ type: "done", stop: "length" });
  });

  test("with endless text is given up", async () => {
    const delta = event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "x".repeat(262_144) } });
    play(begin(), event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }), {
      rest: delta,
    });
    const events = await say(claude);
    expect(notices(events)).toEqual(["model.output_endless"]);
    expect(last(events)).toMatchObject({ type: "error", kind: "rejected" });
  });

  test("with a line that never ends is given up", async () => {
    play(begin(), "data: ", { rest: "x".repeat(1_048_576) });
    const events = await say(claude);
    expect(notices(events)).toEqual(["model.output_endless"]);
    expect(last(events)).toMatchObject({ type: "error", kind: "rejected" });
  });
});

describe("a failure of claude", () => {
  const body = (type: string, message: string) => JSON.stringify({ type: "error", error: { type, message } });
  const table = [
    [429, body("rate_limit_error", "slow down"), "rate_limited", "resource_exhausted"],
    [529, body("overloaded_error", "overloaded"), "unavailable", "unavailable"],
    [500, body("api_error", "oops"), "unavailable", "unavailable"],
    [502, "<html><body>bad gateway</body></html>", "unavailable", "unavailable"],
    [408, "", "unavailable", "unavailable"],
    [401, body("authentication_error", "invalid x-api-key"), "unauthenticated", "unauthenticated"],
    [403, body("permission_error", "no"), "unauthenticated", "unauthenticated"],
    [400, body("invalid_request_error", "prompt is too long: 1 > 0"), "context_length", "invalid_argument"],
    [413, body("request_too_large", "too large"), "context_length", "invalid_argument"],
    [400, body("invalid_request_error", "temperature is not supported"), "rejected", "invalid_argument"],
    [404, body("not_found_error", "model: x"), "rejected", "invalid_argument"],
  ] as const;
  for (const [status, text, kind, code] of table) {
    test(`${status} ${text.slice(0, 60)} is ${kind}`, async () => {
      claude.reply = { status, pieces: [text], headers: { "content-type": "application/json" } };
      const events = await say(claude);
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({ type: "error", kind, fault: { code, data: { status } } });
      expect(claude.asked).toHaveLength(1);
    });
  }

  test("is told with the pause it asks for, in seconds, milliseconds or as a date", async () => {
    const soon = new Date(Date.now() + 3_600_000).toUTCString();
    for (const [headers, at_least, at_most] of [
      [{ "retry-after": "2" }, 2000, 2000],
      [{ "retry-after": "0.5" }, 500, 500],
      [{ "retry-after-ms": "250", "retry-after": "9" }, 250, 250],
      [{ "retry-after": soon }, 3_500_000, 3_600_000],
      [{ "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }, 0, 0],
    ] as const) {
      claude.reply = { status: 429, pieces: [""], headers };
      const event = (await say(claude))[0];
      const after = event?.type === "error" ? (event.retry_after_ms ?? -1) : -1;
      expect(after).toBeGreaterThanOrEqual(at_least);
      expect(after).toBeLessThanOrEqual(at_most);
    }
    claude.reply = { status: 429, pieces: [""], headers: { "retry-after": "soon" } };
    expect((await say(claude))[0]).not.toHaveProperty("retry_after_ms");
  });

  test("in the middle of a stream is of the kind it names, after what was used", async () => {
    for (const [type, kind] of [
      ["overloaded_error", "unavailable"],
      ["rate_limit_error", "rate_limited"],
      ["api_error", "unavailable"],
      ["authentication_error", "unauthenticated"],
      ["invalid_request_error", "rejected"],
    ] as const) {
      play(begin(), textBlock(0, "half"), event("error", { error: { type, message: "sorry" } }));
      const events = await say(claude);
      expect(events.map((each) => each.type)).toEqual(["text", "usage", "error"]);
      expect(last(events)).toMatchObject({ kind, fault: { message: "anthropic broke off its answer: sorry" } });
    }
  });

  test("is a stream that ends before its last event, wherever that is", async () => {
    const whole = begin() + textBlock(0, "half") + callBlock(1, "t", "x", "{}") + end("tool_use");
    const marks = [
      0,
      begin().length,
      whole.indexOf("half") + 2,
      whole.indexOf('"t"'),
      whole.lastIndexOf("event:"),
      whole.length - 1,
    ];
    for (const at of marks) {
      play(whole.slice(0, at));
      expect(last(await say(claude))).toMatchObject({ type: "error", kind: "cut" });
    }
  });

  test("is silence: before the headers, within the answer, and with nothing but keep-alives", async () => {
    const silent = { idle_timeout_ms: 30 };
    claude.reply = { silent: true, pieces: [] };
    expect(await say(claude, {}, silent)).toMatchObject([
      { type: "error", kind: "timeout", fault: { code: "deadline_exceeded" } },
    ]);
    play(begin(), textBlock(0, "half"), { pause: true });
    expect(last(await say(claude, {}, silent))).toMatchObject({ type: "error", kind: "timeout" });
    play(begin(), { rest: event("ping") });
    expect(last(await say(claude, {}, silent))).toMatchObject({ type: "error", kind: "timeout" });
    play(begin(), { rest: ": processing\n\n" });
    expect(last(await say(claude, {}, silent))).toMatchObject({ type: "error", kind: "timeout" });
    claude.reply = { status: 500, pieces: ["half", { pause: true }] };
    expect(last(await say(claude, {}, silent))).toMatchObject({ type: "error", kind: "timeout" });
  });

  test("is a place nobody listens at, named with its port", async () => {
    const gone = startClaude();
    await gone.stop();
    const place = gone.url.replace("http://", "");
    expect(await say(gone)).toMatchObject([
      { type: "error", kind: "unavailable", fault: { message: `${place} refused the connection` } },
    ]);
  });

  test("is a web page instead of an answer", async () => {
    claude.reply = { pieces: ["<html>sign in</html>"], headers: { "content-type": "text/html; charset=utf-8" } };
    expect(await say(claude)).toMatchObject([{ type: "error", kind: "unavailable" }]);
  });

  test("is not what a stop by the run is", async () => {
    for (const reply of [{ silent: true, pieces: [] }, { pieces: [begin(), { pause: true }] }] as const) {
      claude.reply = reply;
      const stop = new AbortController();
      const waiting = say(claude, {}, { signal: stop.signal });
      setTimeout(() => stop.abort(), 20);
      expect(last(await waiting)).toMatchObject({ type: "error", fault: { code: "canceled" } });
    }
  });

  test("quotes little of the provider's words, on one line", async () => {
    claude.reply = { status: 400, pieces: [body("invalid_request_error", `a\n${"x".repeat(2000)}`)] };
    const event = (await say(claude))[0];
    const message = event?.type === "error" ? event.fault.message : "";
    expect(message).toStartWith("anthropic answered 400: a xxx");
    expect(message.length).toBeLessThan(330);
  });
});

describe("what is sent to claude", () => {
  test("goes to the messages of the address, with or without its version, and with our headers only", async () => {
    play(begin(), end("end_turn"));
    const endpoint = { base_url: `${claude.url}/v1`, key: secret, headers: { "x-team": "blue" }, api: null };
    await say(claude, {}, { endpoint });
    await say(claude);
    expect(claude.asked.map(({ path }) => path)).toEqual(["/v1/messages", "/v1/messages"]);
    const { headers } = claude.asked[0] ?? { headers: {} };
    expect(headers).toMatchObject({ "x-api-key": secret, "x-team": "blue", "anthropic-version": "2026-10-21" });
    expect(Object.keys(headers).filter((name) => /stainless|authorization/.test(name))).toEqual([]);
  });

  test("is not changed by anything in the environment, and nothing is logged", async () => {
    const planted = {
      ANTHROPIC_API_KEY: "sk-environment",
      ANTHROPIC_AUTH_TOKEN: "token-environment",
      ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
      ANTHROPIC_LOG: "debug",
      ANTHROPIC_CUSTOM_HEADERS: "x-planted: yes\nx-api-key: sk-planted\nanthropic-version: 1999-01-01",
      ANTHROPIC_PROFILE: "planted",
    };
    const before = Object.fromEntries(Object.keys(planted).map((name) => [name, process.env[name]]));
    const { debug, info, log, warn, error } = console;
    const printed: unknown[] = [];
    const record = (...words: unknown[]) => printed.push(words);
    try {
      Object.assign(process.env, planted);
      Object.assign(console, { debug: record, info: record, log: record, warn: record, error: record });
      play(begin(), end("end_turn"));
      expect(last(await say(claude, { model: "claude-sonnet-4-5", effort: "high" }))?.type).toBe("done");
      const endpoint = { base_url: claude.url, key: null, headers: {}, api: null };
      expect(last(await say(claude, {}, { endpoint }))?.type).toBe("done");
    } finally {
      Object.assign(console, { debug, info, log, warn, error });
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    expect(printed).toEqual([]);
    expect(JSON.stringify(claude.asked)).not.toMatch(/environment|planted|1999/);
    expect(claude.asked[0]?.headers["x-api-key"]).toBe(secret);
    expect(claude.asked[1]?.headers).not.toHaveProperty("x-api-key");
  });

  test("never comes back in a fault: not the key", async () => {
    for (const status of [401, 500, 400]) {
      claude.reply = { status, pieces: ["no"] };
      expect(JSON.stringify(await say(claude))).not.toContain(secret);
    }
  });
});

describe("the models of claude", () => {
  test("are listed by name", async () => {
    const pieces = [JSON.stringify({ data: [{ id: "claude-a" }, { id: "claude-b" }, { nonsense: true }] })];
    claude.reply = { pieces, headers: { "content-type": "application/json" } };
    expect(await anthropic.models?.(contextOf(claude.url))).toEqual(["claude-a", "claude-b"]);
    expect(claude.asked[0]).toMatchObject({ path: "/v1/models", headers: { "x-api-key": secret } });
  });

  test("that cannot be listed are a fault", async () => {
    claude.reply = { status: 401, pieces: ["no"] };
    await expect(anthropic.models?.(contextOf(claude.url))).rejects.toThrow("anthropic answered 401: no");
    claude.reply = { pieces: ["[]"], headers: { "content-type": "application/json" } };
    await expect(anthropic.models?.(contextOf(claude.url))).rejects.toThrow("list of models is none");
  });
});

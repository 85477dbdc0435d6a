/** Every provider against the scripted model: the same turn on whatever wire comes out as the same events. */
import { afterEach, describe, expect, test } from "bun:test";
import { Fault } from "../core/fault.ts";
import type { Endpoint, Provider, ProviderContext, ProviderEvent, ProviderRequest } from "../define/provider.ts";
import { providers } from "./index.ts";
import type { Recorded, ScriptTurn } from "./testdata/model/script.ts";
import { type Model, startModel } from "./testdata/model/server.ts";

const key = "sk-conformance-0123456789";
let model: Model | undefined;
afterEach(async () => {
  await model?.stop();
  model = undefined;
});

const request: ProviderRequest = {
  messages: [
    { role: "system", content: "be brief" },
    { role: "user", content: "go" },
  ],
  tools: [
    {
      name: "fs.read",
      summary: "Read a file.",
      effect: "read",
      input: { type: "object", properties: { path: { type: "string" } } },
      phrases: [],
      examples: [],
    },
  ],
  model: "scripted-1",
  temperature: 0.25,
  max_output_tokens: 321,
  effort: null,
  tool_calls: "native",
  schema: null,
};

interface Asked {
  readonly events: readonly ProviderEvent[];
  readonly sent: Recorded | undefined;
}

async function ask(
  { provider, api }: Row,
  turn: ScriptTurn,
  over: Partial<ProviderRequest> = {},
  context: Partial<ProviderContext> = {},
): Promise<Asked> {
  model = await startModel({ turns: [turn] });
  const endpoint: Endpoint = { base_url: model.url, key, headers: { "x-own": "yes" }, api };
  const ctx: ProviderContext = {
    signal: new AbortController().signal,
    rank: () => [],
    fetch: (url, init) => fetch(url, init),
    endpoint,
    idle_timeout_ms: 5_000,
    ...context,
  };
  const events = await Array.fromAsync(provider.stream({ ...request, ...over }, ctx));
  return { events, sent: model.requests[0] };
}

interface Row {
  readonly name: string;
  readonly provider: Provider;
  readonly api: Endpoint["api"];
}

const rows: readonly Row[] = providers
  .filter(({ reach }) => reach !== null)
  .flatMap((provider) =>
    provider.name === "openai"
      ? [
          { name: "openai over responses", provider, api: null },
          { name: "openai over chat", provider, api: "chat" as const },
        ]
      : [{ name: provider.name, provider, api: null }],
  );

const textOf = (events: readonly ProviderEvent[], type: "text" | "thinking") =>
  events.flatMap((event) => (event.type === type ? [event.text] : [])).join("");
const callsOf = (events: readonly ProviderEvent[]) =>
  events.flatMap((event) => (event.type === "call" ? [event.call] : []));
const noticesOf = (events: readonly ProviderEvent[]) =>
  events.flatMap((event) => (event.type === "notice" ? [event.name] : []));
const last = (events: readonly ProviderEvent[]) => events.at(-1);

describe.each(rows)("$name", (row) => {
  test("says text in pieces, then its usage, then that it is done", async () => {
    const { events } = await ask(row, {
      text: "Hello there, you.",
      usage: { input_tokens: 30, output_tokens: 7, cached_tokens: 20 },
    });
    expect(textOf(events, "text")).toBe("Hello there, you.");
    expect(events.filter(({ type }) => type === "text").length).toBeGreaterThan(1);
    expect(events.at(-2)).toMatchObject({
      type: "usage",
      usage: { input_tokens: 30, output_tokens: 7, cached_tokens: 20 },
    });
    expect(last(events)).toEqual({ type: "done", stop: "end" });
  });

  test("is really sent the model, the temperature, the limit, the tools, the key and the headers", async () => {
    const { sent } = await ask(row, { text: "x" });
    const body = JSON.stringify(sent?.body);
    for (const part of ['"scripted-1"', '"temperature":0.25', ":321", '"fs_read"', "be brief", '"stream":true']) {
      expect([part, body.includes(part)]).toEqual([part, true]);
    }
    expect(Object.values(sent?.headers ?? {}).some((value) => value.includes(key))).toBe(true);
    expect(sent?.headers["x-own"]).toBe("yes");
    expect(body).not.toContain(key);
  });

  test("gives parallel calls whole, in order, with what was said before them", async () => {
    const calls = [
      { tool: "fs_read", arguments: { path: "a" } },
      { tool: "fs_read", arguments: { path: "b" } },
    ];
    const { events } = await ask(row, { text: "Looking.", calls });
    expect(textOf(events, "text")).toBe("Looking.");
    expect(callsOf(events).map(({ tool, arguments: input }) => [tool, input])).toEqual([
      ["fs_read", { path: "a" }],
      ["fs_read", { path: "b" }],
    ]);
    expect(last(events)).toMatchObject({ type: "done", stop: "calls" });
  });

  test("tells thinking from text", async () => {
    const { events } = await ask(row, { thinking: "hmm", text: "yes" });
    expect([textOf(events, "thinking"), textOf(events, "text")]).toEqual(["hmm", "yes"]);
    expect(last(events)).toMatchObject({ type: "done", stop: "end" });
  });

  test("names calls with arguments that are no JSON, ids used twice and an id that is HTML, and gives them all the same", async () => {
    const { events } = await ask(row, {
      calls: [
        { tool: "fs_read", arguments: '{"path": ', id: "same" },
        { tool: "fs_read", arguments: { path: "b" }, id: "same" },
        { tool: "fs_read", arguments: { path: "c" }, id: "<img onerror=alert(1)>" },
      ],
    });
    expect(callsOf(events).map(({ arguments: input }) => input)).toEqual(['{"path": ', { path: "b" }, { path: "c" }]);
    expect(noticesOf(events)).toContain("model.call_malformed");
    expect(noticesOf(events)).toContain("model.call_duplicate_id");
  });

  test("says when the answer was cut at the limit, and names a refusal", async () => {
    expect(last((await ask(row, { text: "half", stop: "length" })).events)).toMatchObject({
      type: "done",
      stop: "length",
    });
    await model?.stop();
    const { events } = await ask(row, { stop: "refusal" });
    expect(noticesOf(events)).toContain("model.refusal");
    expect(last(events)).toMatchObject({ type: "done", stop: "refusal" });
  });

  test.each([
    [{ status: 429, headers: { "retry-after": "2" } }, "rate_limited", 2000],
    [{ status: 500 }, "unavailable", undefined],
    [{ status: 503, body: "<html>down</html>" }, "unavailable", undefined],
    [{ status: 408 }, "unavailable", undefined],
    [{ status: 401 }, "unauthenticated", undefined],
    [
      { status: 400, body: '{"error":{"message":"prompt is too long","type":"invalid_request_error"}}' },
      "context_length",
      undefined,
    ],
    [{ status: 400, body: '{"error":{"message":"bad field","type":"invalid_request_error"}}' }, "rejected", undefined],
  ] as const)("knows %j for what it is", async (fail, kind, after) => {
    const { events } = await ask(row, { fail });
    expect(events).toHaveLength(1);
    expect(last(events)).toMatchObject({
      type: "error",
      kind,
      ...(after === undefined ? {} : { retry_after_ms: after }),
    });
    expect(JSON.stringify(events)).not.toContain(key);
    expect(JSON.stringify(events).length).toBeLessThan(1500);
  });

  test.each(["after-first", "mid-json", "before-done"] as const)(
    "a stream cut %s is cut, and no call is given that was not whole",
    async (cut) => {
      const { events } = await ask(row, {
        text: "one two three",
        calls: [{ tool: "fs_read", arguments: { path: "a" } }],
        fail: { cut },
      });
      const whole = callsOf(events).map(({ arguments: input }) => input);
      expect(whole).toEqual(cut === "before-done" ? whole.map(() => ({ path: "a" })) : []);
      expect(last(events)).toMatchObject({ type: "error", kind: "cut" });
    },
  );

  test.each(["headers", "body"] as const)("a model that hangs in its %s is given up", async (hang) => {
    const { events } = await ask(row, { text: "a b", fail: { hang } }, {}, { idle_timeout_ms: 150 });
    expect(last(events)).toMatchObject({ type: "error", kind: "timeout", fault: { code: "deadline_exceeded" } });
  });

  test("keep-alives alone are no life", async () => {
    const { events } = await ask(row, { fail: { endless: "keepalive" } }, {}, { idle_timeout_ms: 60 });
    expect(last(events)).toMatchObject({ type: "error", kind: "timeout" });
  });

  test("an endless answer and endless arguments end", async () => {
    const { events } = await ask(row, { fail: { endless: "text" } });
    expect(noticesOf(events)).toContain("model.output_endless");
    expect(last(events)).toMatchObject({ type: "error", kind: "rejected" });
    await model?.stop();
    const { events: more } = await ask(row, { fail: { endless: "arguments" } });
    expect(noticesOf(more)).toContain("model.call_oversized");
    expect(callsOf(more)).toEqual([]);
    expect(last(more)?.type).toBe("done");
  }, 30_000);

  test("bytes that are no UTF-8 are replaced and named", async () => {
    const { events } = await ask(row, { text: "a b", fail: { raw: "gICA" } });
    expect(noticesOf(events)).toContain("model.invalid_utf8");
    expect(textOf(events, "text")).toContain("\ufffd");
    expect(last(events)?.type).toBe("done");
  });

  test("a run that is stopped ends at once as canceled", async () => {
    const controller = new AbortController();
    const asked = ask(row, { fail: { hang: "headers" } }, {}, { signal: controller.signal });
    controller.abort(new Fault("canceled", "stop"));
    expect((await asked).events).toMatchObject([{ type: "error", fault: { code: "canceled" } }]);
  });

  test("gives calls and their results back in the form it knows, and pictures too", async () => {
    const { sent } = await ask(
      row,
      { text: "x" },
      {
        messages: [
          ...request.messages,
          { role: "user", content: "look", images: [{ media_type: "image/png", base64: "iVBORw0KGgo=" }] },
          {
            role: "assistant",
            content: "",
            calls: [
              { id: "call-1", tool: "fs.read", arguments: { path: "a" } },
              { id: "call-2", tool: "fs.read", arguments: { path: "b" } },
            ],
          },
          { role: "tool", call_id: "call-1", tool: "fs.read", ok: true, content: "RESULT-A" },
          { role: "tool", call_id: "call-2", tool: "fs.read", ok: false, content: "RESULT-B" },
        ],
      },
    );
    const body = JSON.stringify(sent?.body);
    for (const part of ["RESULT-A", "RESULT-B", "iVBORw0KGgo=", "fs_read"]) {
      expect([part, body.includes(part)]).toEqual([part, true]);
    }
  });

  test("a schema is sent along", async () => {
    const { sent } = await ask(
      row,
      { text: "{}" },
      { schema: { type: "object", properties: { zz_field: { type: "string" } } } },
    );
    expect(JSON.stringify(sent?.body)).toContain("zz_field");
  });

  test("offers its models by name", async () => {
    model = await startModel({ turns: [] });
    const endpoint: Endpoint = { base_url: model.url, key, headers: {}, api: row.api };
    const ctx: ProviderContext = {
      signal: new AbortController().signal,
      rank: () => [],
      fetch: (url, init) => fetch(url, init),
      endpoint,
      idle_timeout_ms: 5_000,
    };
    expect(await row.provider.models?.(ctx)).toEqual(["scripted-1", "scripted-2"]);
  });
});

test("nothing in the environment changes where a provider goes or what it says", async () => {
  const names = [
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "OPENAI_LOG",
    "OPENAI_CUSTOM_HEADERS",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_LOG",
  ];
  const before = names.map((name) => [name, process.env[name]] as const);
  const said: unknown[] = [];
  const spies = (["log", "error", "warn", "info", "debug"] as const).map((name) => [name, console[name]] as const);
  try {
    for (const name of names)
      process.env[name] = name.endsWith("LOG") ? "debug" : "http://127.0.0.1:1/from-the-environment";
    for (const [name] of spies) console[name] = (...words: unknown[]) => said.push(words);
    for (const row of rows) {
      const { events, sent } = await ask(row, { text: "here" });
      expect([row.name, textOf(events, "text")]).toEqual([row.name, "here"]);
      expect(JSON.stringify(sent)).not.toContain("from-the-environment");
      await model?.stop();
    }
    expect(said).toEqual([]);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    for (const [name, own] of spies) console[name] = own;
  }
});

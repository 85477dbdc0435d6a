/** What a conversation becomes on Anthropic's wire: roles in turn, answers beside their calls, caching, thinking, formats. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../../core/canonical.ts";
import type { Message, ProviderRequest, ToolOffer } from "../../define/provider.ts";
import { prepare } from "./request.ts";
import { thinkingFor } from "./thinking.ts";
import {
  answered,
  begin,
  callBlock,
  type Claude,
  end,
  requestOf,
  say,
  startClaude,
  textBlock,
  thinkingBlock,
} from "./testdata/claude.ts";

type Body = Readonly<Record<string, Json>>;
interface Sent {
  readonly role: string;
  readonly content: readonly Body[];
}

const bodyOf = (more: Partial<ProviderRequest>) => prepare(requestOf(more)).body as Body;
const sent = (body: Body) => body["messages"] as unknown as readonly Sent[];
const bare = (body: Body) =>
  sent(body).map(({ role, content }) => [role, content.map(({ cache_control: _, ...rest }) => rest)]);
const offer = (name: string): ToolOffer => ({
  name,
  summary: `Does ${name}.`,
  effect: "read",
  input: { type: "object", properties: {} },
  phrases: ["never sent"],
  examples: [{ never: "sent" }],
});
const calling = (...ids: readonly string[]): Message => ({
  role: "assistant",
  content: "",
  calls: ids.map((id) => ({ id, tool: "fs.read", arguments: { path: id } })),
});
const result = (call_id: string, ok = true): Message => ({
  role: "tool",
  call_id,
  tool: "fs.read",
  ok,
  content: `of ${call_id}`,
});

describe("messages", () => {
  test("give all results of one turn back in one user message, in the order of the calls", () => {
    const messages: readonly Message[] = [
      { role: "system", content: "Be good." },
      { role: "user", content: "go" },
      calling("call-1", "call-2"),
      result("call-2", false),
      result("call-1"),
      { role: "user", content: "and now?" },
    ];
    const body = bodyOf({ messages, tools: [offer("fs.read")] });
    expect(body["system"]).toEqual([{ type: "text", text: "Be good.", cache_control: { type: "ephemeral" } }]);
    expect(bare(body)).toEqual([
      ["user", [{ type: "text", text: "go" }]],
      [
        "assistant",
        [
          { type: "tool_use", id: "call_1_1", name: "fs_read", input: { path: "call-1" } },
          { type: "tool_use", id: "call_1_2", name: "fs_read", input: { path: "call-2" } },
        ],
      ],
      [
        "user",
        [
          { type: "tool_result", tool_use_id: "call_1_1", content: "of call-1" },
          { type: "tool_result", tool_use_id: "call_1_2", content: "of call-2", is_error: true },
          { type: "text", text: "and now?" },
        ],
      ],
    ] as never);
  });

  test("carry images before their words", () => {
    const images = [{ media_type: "image/png", base64: "AAAA" }] as const;
    const [first] = bare(bodyOf({ messages: [{ role: "user", content: "what is it?", images }] }));
    expect(first).toEqual([
      "user",
      [
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
        { type: "text", text: "what is it?" },
      ],
    ]);
  });

  test("of any history are taken by the interface: user first, roles in turn, ids unique, each call answered next", () => {
    const word = fc.constantFrom("", " ", "hello", "a\nb");
    const id = fc.constantFrom("call-1", "call-2", "call-3");
    const message: fc.Arbitrary<Message> = fc.oneof(
      word.map((content): Message => ({ role: "system", content })),
      word.map((content): Message => ({ role: "user", content })),
      fc.tuple(word, fc.uniqueArray(id)).map(([content, ids]): Message => ({ ...calling(...ids), content }) as Message),
      fc.tuple(id, fc.boolean()).map(([call, ok]) => result(call, ok)),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const wire = sent(bodyOf({ messages }));
        const seen = new Set<string>();
        for (const [i, { role, content }] of wire.entries()) {
          expect(role).toBe(i % 2 === 0 ? "user" : "assistant");
          expect(content.length).toBeGreaterThan(0);
          const ids = content.flatMap((each) => (each["type"] === "tool_use" ? [String(each["id"])] : []));
          for (const each of ids) {
            expect(seen.has(each)).toBe(false);
            expect(each).toMatch(/^[a-zA-Z0-9_-]+$/);
            seen.add(each);
          }
          const answers = (wire[i + 1]?.content ?? []).slice(0, ids.length);
          expect(answers.map((each) => each["tool_use_id"])).toEqual(ids);
          const texts = content.filter((each) => each["type"] === "text");
          for (const each of texts) expect(String(each["text"]).trim()).not.toBe("");
        }
      }),
    );
  });

  test("name a tool the model made up in letters the interface takes", () => {
    const made: Message = {
      role: "assistant",
      content: "",
      calls: [{ id: "c", tool: "<b>rm -rf</b>", arguments: "no object" }],
    };
    const [, assistant] = bare(bodyOf({ messages: [{ role: "user", content: "go" }, made] }));
    const input = { not_an_object: "no object" };
    expect(assistant).toEqual(["assistant", [{ type: "tool_use", id: "call_1_1", name: "_b_rm_-rf__b_", input }]]);
  });
});

describe("messages in text", () => {
  test("hold the calls as they are to be written, and the results as words", () => {
    const messages = [{ role: "user", content: "go" } as const, calling("call-1"), result("call-1", false)];
    const body = bodyOf({ messages, tools: [offer("fs.read")], tool_calls: "text" });
    expect(bare(body).slice(1)).toEqual([
      ["assistant", [{ type: "text", text: '\n```json\n{"tool_name":"fs.read","arguments":{"path":"call-1"}}\n```' }]],
      ["user", [{ type: "text", text: "Failure of fs.read: of call-1" }]],
    ] as never);
    expect(body).not.toHaveProperty("tools");
    expect(JSON.stringify(body)).not.toContain("tool_use");
  });
});

describe("tools", () => {
  test("are sent small: name, summary and parameters, the last one marked for the cache", () => {
    expect(bodyOf({ tools: [offer("fs.read"), offer("fs.list")] })["tools"]).toEqual([
      { name: "fs_read", description: "Does fs.read.", input_schema: { type: "object", properties: {} } },
      {
        name: "fs_list",
        description: "Does fs.list.",
        input_schema: { type: "object", properties: {} },
        cache_control: { type: "ephemeral" },
      },
    ]);
  });

  test("of the past are only named, and none may be called, where none is offered", () => {
    const body = bodyOf({ messages: [{ role: "user", content: "go" }, calling("call-1"), result("call-1")] });
    expect(body["tool_choice"]).toEqual({ type: "none" });
    expect(body["tools"]).toMatchObject([{ name: "fs_read", input_schema: { type: "object" } }]);
    expect(bodyOf({})).not.toHaveProperty("tools");
  });
});

describe("a growing conversation", () => {
  test("is marked so that what was sent before is read from the cache, with four marks at most", () => {
    let messages: readonly Message[] = [
      { role: "system", content: "s" },
      { role: "user", content: "go" },
    ];
    let written: string | undefined;
    for (let turn = 1; turn <= 5; turn++) {
      const body = bodyOf({ messages, tools: [offer("fs.read")] });
      expect(JSON.stringify(body).split("cache_control").length - 1).toBeLessThanOrEqual(4);
      const marks = sent(body).flatMap(({ content }, i) => (content.at(-1)?.["cache_control"] ? [i] : []));
      const upTo = (at: number) => JSON.stringify([body["system"], body["tools"], bare(body).slice(0, at + 1)]);
      expect(marks.at(-1)).toBe(sent(body).length - 1);
      if (written !== undefined) expect(marks.map(upTo)).toContain(written);
      written = upTo(marks.at(-1) ?? -1);
      messages = [...messages, calling(`call-${turn}`), result(`call-${turn}`)];
    }
  });
});

describe("limits", () => {
  test("are sent, and a temperature under the version of the interface that takes one", () => {
    const cool = prepare(requestOf({ temperature: 0, max_output_tokens: 100 }));
    expect(cool).toMatchObject({ version: "2023-06-01", body: { temperature: 0, max_tokens: 100, stream: true } });
    const plain = prepare(requestOf());
    expect(plain.version).toBe("2026-10-21");
    expect(plain.body).not.toHaveProperty("temperature");
  });
});

describe("thinking", () => {
  const wish = { max_output_tokens: 8192, is_continued: true } as const;
  const table = [
    ["claude-3-5-haiku-latest", "high", {}],
    ["claude-3-7-sonnet-20250219", "low", { thinking: { type: "enabled", budget_tokens: 2048 } }],
    ["claude-sonnet-4-20250514", "medium", { thinking: { type: "enabled", budget_tokens: 4096 } }],
    ["claude-sonnet-4-5-20250929", "high", { thinking: { type: "enabled", budget_tokens: 6144 } }],
    ["glm-5", "high", { thinking: { type: "enabled", budget_tokens: 6144 } }],
    ["claude-sonnet-4-5", "none", {}],
    ["claude-sonnet-4-5", null, {}],
    ["claude-opus-4-6", "high", { thinking: { type: "adaptive" }, effort: "high" }],
    ["claude-opus-4-8", "low", { thinking: { type: "adaptive", display: "summarized" }, effort: "low" }],
    ["claude-opus-4-8", null, {}],
    ["claude-opus-5-5", null, { thinking: { type: "adaptive", display: "summarized" } }],
    ["claude-sonnet-5-5", "medium", { thinking: { type: "adaptive", display: "summarized" }, effort: "medium" }],
    ["claude-sonnet-5-5", "none", { thinking: { type: "between_tools" } }],
    ["claude-sonnet-5", "none", { thinking: { type: "disabled" } }],
    ["claude-haiku-5-5", "none", { thinking: { type: "disabled" } }],
    ["claude-opus-5-5", "none", { thinking: { type: "adaptive", display: "summarized" }, effort: "low" }],
    ["claude-mythos-preview", "high", { thinking: { type: "adaptive", display: "summarized" }, effort: "high" }],
  ] as const;
  for (const [model, effort, expected] of table) {
    test(`of ${model} at effort ${effort}`, () => {
      expect(thinkingFor({ ...wish, model, effort })).toEqual(expected as never);
    });
  }

  test("is left off where the least budget would leave no answer", () => {
    expect(thinkingFor({ ...wish, model: "claude-sonnet-4-5", effort: "high", max_output_tokens: 1200 })).toEqual({});
  });

  test("by a budget always leaves room for an answer", () => {
    const effort = fc.constantFrom("low", "medium", "high" as const);
    fc.assert(
      fc.property(effort, fc.integer({ min: 1, max: 200_000 }), (level, max_output_tokens) => {
        const { thinking } = thinkingFor({
          model: "claude-sonnet-4-5",
          effort: level,
          max_output_tokens,
          is_continued: true,
        });
        if (thinking?.type !== "enabled") return;
        expect(thinking.budget_tokens).toBeGreaterThanOrEqual(1024);
        expect(thinking.budget_tokens).toBeLessThan(max_output_tokens);
      }),
    );
  });

  test("is left off for a turn whose last calls came without it, where the interface would refuse them", () => {
    const messages = [{ role: "user", content: "go" } as const, calling("call-1"), result("call-1")];
    expect(bodyOf({ messages, effort: "high" })).not.toHaveProperty("thinking");
    expect(bodyOf({ messages, effort: "high", model: "claude-opus-5-5" })).toHaveProperty("thinking");
  });
});

describe("signed thinking", () => {
  let claude: Claude;
  beforeAll(() => {
    claude = startClaude();
  });
  afterAll(() => claude.stop());
  afterEach(() => {
    claude.asked.length = 0;
  });

  const goal: readonly Message[] = [
    { role: "system", content: "s" },
    { role: "user", content: "go" },
  ];
  const tools = [offer("fs.read")];
  const turn = async (messages: readonly Message[], number: number) => {
    const content = [
      thinkingBlock(0, `hm ${number}`, `sig-${number}`),
      textBlock(1, "so"),
      callBlock(2, `toolu_${number}`, "fs_read", "{}"),
    ];
    claude.reply = { pieces: [begin(), ...content, end("tool_use")] };
    return answered(messages, await say(claude, { messages, tools, effort: "high" }), number);
  };
  const twice = async () => turn(await turn(goal, 1), 2);
  const thoughts = (body: Body) =>
    sent(body).flatMap(({ content }) =>
      content.flatMap((each) => (each["type"] === "thinking" ? [each["signature"]] : [])),
    );

  test("goes back as it came, with the calls it led to under their own ids", async () => {
    const body = bodyOf({ messages: await twice(), tools, effort: "high" });
    expect(body["thinking"]).toEqual({ type: "enabled", budget_tokens: 6144 });
    expect(bare(body).slice(1, 3)).toEqual([
      [
        "assistant",
        [
          { type: "thinking", thinking: "hm 1", signature: "sig-1" },
          { type: "text", text: "so" },
          { type: "tool_use", id: "toolu_1", name: "fs_read", input: {} },
        ],
      ],
      ["user", [{ type: "tool_result", tool_use_id: "toolu_1", content: "result of call-1" }]],
    ] as never);
    expect(thoughts(body)).toEqual(["sig-1", "sig-2"]);
  });

  test("is left out from where anything before it was changed", async () => {
    const messages = await twice();
    const shortened = messages.map((each) =>
      each.role === "tool" && each.call_id === "call-1" ? { ...each, content: "..." } : each,
    );
    expect(thoughts(bodyOf({ messages: shortened, tools }))).toEqual(["sig-1"]);
    const other = messages.map((each) => (each.role === "system" ? { ...each, content: "other" } : each));
    expect(thoughts(bodyOf({ messages: other, tools }))).toEqual([]);
    expect(thoughts(bodyOf({ messages, tools: [...tools, offer("fs.list")] }))).toEqual([]);
    expect(thoughts(bodyOf({ messages, tools, model: "claude-opus-4-5" }))).toEqual([]);
    expect(thoughts(bodyOf({ messages: messages.slice(0, 1).concat(messages.slice(4)), tools }))).toEqual([]);
  });

  test("is left out where the engine changed what was said or asked for", async () => {
    const messages = await turn(goal, 1);
    const scrubbed = messages.map((each) => (each.role === "assistant" ? { ...each, content: "[secret]" } : each));
    expect(JSON.stringify(bodyOf({ messages: scrubbed, tools }))).not.toContain("sig-1");
    const dropped = messages.map((each) => (each.role === "assistant" ? { ...each, calls: [] } : each));
    expect(JSON.stringify(bodyOf({ messages: dropped, tools }))).not.toContain("toolu_1");
    const altered = messages.map((each) =>
      each.role === "assistant"
        ? { ...each, calls: each.calls.map((call) => ({ ...call, arguments: { a: 1 } })) }
        : each,
    );
    expect(JSON.stringify(bodyOf({ messages: altered, tools }))).not.toContain("sig-1");
  });
});

describe("a wanted format", () => {
  const schema = {
    type: "object",
    properties: { n: { type: "integer", minimum: 1 }, tags: { type: "array", items: { type: "string" }, maxItems: 3 } },
    required: ["n"],
  };

  test("is sent as one the model is held to, without what the interface does not know", () => {
    expect(bodyOf({ schema })["output_config"]).toEqual({
      format: {
        type: "json_schema",
        schema: {
          type: "object",
          properties: { n: { type: "integer" }, tags: { type: "array", items: { type: "string" } } },
          required: ["n"],
          additionalProperties: false,
        },
      },
    });
  });

  test("is told in words where the model cannot be held to it", () => {
    for (const open of [
      { type: "object" },
      { type: "array", items: {} },
      { ...schema, additionalProperties: true },
      true,
    ]) {
      const body = bodyOf({ schema: open, messages: [{ role: "user", content: "go" }] });
      expect(body).not.toHaveProperty("output_config");
      expect(JSON.stringify(body["system"])).toContain("JSON Schema");
    }
    expect(bodyOf({ schema, model: "claude-3-5-haiku-latest" })).not.toHaveProperty("output_config");
  });
});

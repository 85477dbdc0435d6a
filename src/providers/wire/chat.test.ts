/** The chat interface as servers really speak it: each in its own way, and some of them wrong. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { ProviderEvent } from "../../define/provider.ts";
import { generic } from "../generic.ts";
import { openai } from "../openai.ts";
import { openrouter } from "../openrouter.ts";
import { type Scene, say, secret, startScene } from "./testdata/endpoint.ts";

let scene: Scene;
beforeAll(() => {
  scene = startScene();
});
afterAll(() => scene.stop());
beforeEach(() => {
  scene.bodies.length = 0;
  scene.headers.length = 0;
});

const delta = (it: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: it, finish_reason }],
});
const piece = (it: object) => delta({ tool_calls: [it] });
const begun = (index: number | undefined, id: string, name: string, written = "") =>
  piece({ ...(index === undefined ? {} : { index }), id, type: "function", function: { name, arguments: written } });
const play = (...pieces: Scene["reply"]["pieces"]) => {
  scene.reply = { pieces };
};
const calls = (events: readonly ProviderEvent[]) => events.flatMap((each) => (each.type === "call" ? [each.call] : []));
const notices = (events: readonly ProviderEvent[]) =>
  events.flatMap((each) => (each.type === "notice" ? [each.name] : []));
const texts = (events: readonly ProviderEvent[]) => events.flatMap((each) => (each.type === "text" ? [each.text] : []));

describe("calls over chat", () => {
  test.each([
    ["numbered as they should be", 0, 1],
    ["all numbered alike", 0, 0],
    ["not numbered at all", undefined, undefined],
  ])("are told apart when %s", async (_what, first, second) => {
    const more = (index: number | undefined, written: string) =>
      piece({ ...(index === undefined ? {} : { index }), function: { arguments: written } });
    play(
      begun(first, "a", "fs_read"),
      more(first, '{"path":'),
      more(first, '"1"}'),
      begun(second, "b", "fs_list", '{"path"'),
      more(second, ':"2"}'),
      delta({}, "tool_calls"),
      "[DONE]",
    );
    expect(await say(scene, generic)).toEqual([
      { type: "call", call: { id: "a", tool: "fs_read", arguments: { path: "1" } } },
      { type: "call", call: { id: "b", tool: "fs_list", arguments: { path: "2" } } },
      { type: "done", stop: "calls" },
    ]);
  });

  test("whose name is repeated with every piece have it once", async () => {
    play(begun(0, "a", "fs_read", "{"), begun(0, "a", "fs_read", "}"), delta({}, "stop"), "[DONE]");
    const events = await say(scene, generic);
    expect(calls(events)).toEqual([{ id: "a", tool: "fs_read", arguments: {} }]);
    expect(events.at(-1)).toEqual({ type: "done", stop: "calls" });
  });

  test("that the limit cut off are dropped, also when nothing of the arguments had come", async () => {
    for (const written of ["", '{"path": "a']) {
      play(begun(0, "a", "fs_read", "{}"), begun(1, "b", "fs_read", written), delta({}, "length"), "[DONE]");
      const events = await say(scene, generic);
      expect(calls(events).map(({ id }) => id)).toEqual(["a"]);
      expect(notices(events)).toEqual(["model.call_malformed"]);
      expect(events.at(-1)).toEqual({ type: "done", stop: "length" });
    }
  });

  test("hold no half of a character in id, name and broken arguments", async () => {
    play(begun(0, "\ud83d", "x\ud83d", "{\ud83d"), delta({}, "tool_calls"), "[DONE]");
    const [call] = calls(await say(scene, generic));
    expect(call).toEqual({ id: "\ufffd", tool: "x\ufffd", arguments: "{\ufffd" });
  });
});

describe("text over chat", () => {
  test("is never given with half a character, wherever the server cut it", async () => {
    const owl = "🦉";
    play(
      delta({ reasoning: `a${owl[0]}` }),
      delta({ reasoning: `${owl[1]}b` }),
      delta({ content: `c${owl[0]}` }),
      delta({ content: owl[1] }),
      delta({ content: `d${owl[0]}` }, "stop"),
      "[DONE]",
    );
    const events = await say(scene, generic);
    const thoughts = events.flatMap((each) => (each.type === "thinking" ? [each.text] : []));
    expect(thoughts).toEqual(["a", `${owl}b`]);
    expect(texts(events)).toEqual(["c", owl, "d", "\ufffd"]);
  });

  test("is a refusal where a filter held it back", async () => {
    play(delta({ content: "well" }, "content_filter"), "[DONE]");
    const events = await say(scene, generic);
    expect(notices(events)).toEqual(["model.refusal"]);
    expect(events.at(-1)).toEqual({ type: "done", stop: "refusal" });
  });

  test("without a reason to end is cut, end mark or none", async () => {
    for (const end of [["[DONE]"], []]) {
      play(delta({ content: "half" }), ...end);
      expect((await say(scene, generic)).at(-1)).toMatchObject({ type: "error", kind: "cut" });
    }
  });

  test("is looked through for calls where that is wanted, and no refusal or thought is", async () => {
    const fenced = '```json\n{"tool_name": "fs.read", "arguments": {}}\n```';
    play(delta({ content: fenced }, "stop"), "[DONE]");
    expect(calls(await say(scene, generic, { tool_calls: "auto" }))).toHaveLength(1);
    expect(calls(await say(scene, generic, { tool_calls: "text" }))).toHaveLength(1);
    expect(calls(await say(scene, generic, { tool_calls: "native" }))).toEqual([]);
    for (const it of [
      { reasoning_content: fenced },
      { content: `<think>${fenced}</think>` },
      { content: `<think>${fenced}` },
    ]) {
      play(delta(it, "stop"), "[DONE]");
      const events = await say(scene, generic, { tool_calls: "auto" });
      expect([calls(events), notices(events)]).toEqual([[], ["model.call_in_thinking"]]);
    }
    play(delta({ refusal: fenced }, "stop"), "[DONE]");
    expect(calls(await say(scene, generic, { tool_calls: "auto" }))).toEqual([]);
  });
});

describe("what is sent over chat", () => {
  test("asks for usage, and of openrouter for the cost as well, which is told", async () => {
    const usage = { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 4 }, cost: 0.0125 };
    play(delta({ content: "x" }, "stop"), { choices: [], usage }, "[DONE]");
    const events = await say(scene, openrouter);
    expect(scene.bodies[0]).toMatchObject({ stream_options: { include_usage: true }, usage: { include: true } });
    expect(events.at(-2)).toEqual({
      type: "usage",
      usage: { input_tokens: 9, output_tokens: 2, cached_tokens: 4, cost_usd: 0.0125 },
    });
  });

  test("names the limit as each provider knows it, and leaves out what was not chosen", async () => {
    play(delta({ content: "x" }, "stop"), "[DONE]");
    await say(scene, openai, {}, { api: "chat" });
    await say(scene, generic);
    expect(scene.bodies[0]).toMatchObject({ max_completion_tokens: 100 });
    expect(scene.bodies[1]).toMatchObject({ max_tokens: 100 });
    expect(Object.keys(scene.bodies[1] ?? {})).not.toContain("temperature");
    expect(JSON.stringify(scene.bodies)).not.toContain("phrases");
  });

  test("tells of tools in words alone where calls are text", async () => {
    play(delta({ content: "x" }, "stop"), "[DONE]");
    await say(scene, generic, {
      tool_calls: "text",
      messages: [
        { role: "user", content: "go" },
        { role: "assistant", content: "I look.", calls: [{ id: "1", tool: "fs.read", arguments: { path: "a" } }] },
        { role: "tool", call_id: "1", tool: "fs.read", ok: true, content: "RESULT" },
      ],
    });
    expect(scene.bodies[0]).not.toHaveProperty("tools");
    expect(scene.bodies[0]?.["messages"]).toEqual([
      { role: "system", content: expect.stringContaining("- fs.read: Read a file.") },
      { role: "user", content: "go" },
      { role: "assistant", content: 'I look.\n```json\n{"tool_name":"fs.read","arguments":{"path":"a"}}\n```' },
      { role: "user", content: "RESULT" },
    ]);
  });
});

describe("the key over chat", () => {
  const long = (words: string) => JSON.stringify({ error: { message: words, code: 401 } });

  test.each([
    ["an error", 401, long(`no such key: ${secret}`)],
    ["an error that is cut in the middle of it", 401, long(`${"x".repeat(285)} ${secret}`)],
    ["an error with escapes", 401, long(secret).replace("sk-", "s\\u006b-")],
    ["a text", 500, `${"y ".repeat(140)}${secret}`],
    ["an error within the stream", 200, long(`${"z".repeat(290)}${secret}`)],
  ])("is in no part of %s that repeats it", async (_what, status, words) => {
    scene.reply = { status, pieces: [words] };
    const told = JSON.stringify(await say(scene, generic));
    expect(told).not.toContain(secret.slice(0, 5));
    expect(told).toContain("error");
    expect(told.length).toBeLessThan(1000);
  });

  test("that fits into no header is refused before anything is sent, and not repeated", async () => {
    for (const endpoint of [{ key: `${secret}\nx` }, { headers: { "x-own": `${secret}\u0000` } }]) {
      const events = await say(scene, generic, {}, endpoint);
      expect(events).toMatchObject([{ type: "error", kind: "unauthenticated" }]);
      expect(JSON.stringify(events)).not.toContain(secret);
    }
    expect(scene.bodies).toEqual([]);
  });

  test("is left out where there is none, whatever the environment holds", async () => {
    play(delta({ content: "x" }, "stop"), "[DONE]");
    const before = process.env["OPENAI_API_KEY"];
    process.env["OPENAI_API_KEY"] = "sk-of-the-environment";
    try {
      await say(scene, generic, {}, { key: null });
    } finally {
      if (before === undefined) delete process.env["OPENAI_API_KEY"];
      else process.env["OPENAI_API_KEY"] = before;
    }
    expect(scene.headers[0]?.get("authorization")).toBeNull();
  });
});

test.each([
  [{ message: "slow down", code: 429 }, "rate_limited"],
  [{ message: "no credit", code: 402 }, "rejected"],
  [{ message: "gone", code: 502 }, "unavailable"],
  [{ message: "busy", type: "server_error" }, "unavailable"],
  [{ message: "who", code: "invalid_api_key" }, "unauthenticated"],
  [{ message: "This model's maximum context length is 4096 tokens", code: 400 }, "context_length"],
] as const)("an error in the middle of an answer is known for what it is: %j", async (error, kind) => {
  play(delta({ content: "half" }), { error });
  const events = await say(scene, generic);
  expect(texts(events)).toEqual(["half"]);
  expect(events.at(-1)).toMatchObject({
    type: "error",
    kind,
    fault: { message: expect.stringContaining(error.message) },
  });
});

/** OpenAI's responses interface: what is only there, beside what every provider is tested for. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Json } from "../../core/canonical.ts";
import type { ProviderEvent } from "../../define/provider.ts";
import { openai } from "../openai.ts";
import { type Scene, say, startScene } from "./testdata/endpoint.ts";

let scene: Scene;
beforeAll(() => {
  scene = startScene();
});
afterAll(() => scene.stop());
beforeEach(() => {
  scene.bodies.length = 0;
});

const play = (...pieces: Scene["reply"]["pieces"]) => {
  scene.reply = { pieces };
};
const done = (output_index: number, item: object) => ({ type: "response.output_item.done", output_index, item });
const added = (output_index: number, item: object) => ({ type: "response.output_item.added", output_index, item });
const completed = { type: "response.completed", response: {} };
const fn = (call_id: string, written: string) => ({
  type: "function_call",
  call_id,
  name: "fs_read",
  arguments: written,
});
const reasoning = (id: string) => ({ type: "reasoning", id, summary: [], encrypted_content: `sealed ${id}` });
const calls = (events: readonly ProviderEvent[]) => events.flatMap((each) => (each.type === "call" ? [each.call] : []));

describe("a call over responses", () => {
  test("is whole, be its arguments sent in pieces, with the whole, or both", async () => {
    const pieces = ['{"a"', ":1}"].map((delta) => ({
      type: "response.function_call_arguments.delta",
      output_index: 0,
      delta,
    }));
    for (const script of [
      [added(0, fn("c", "")), ...pieces, done(0, fn("c", '{"a":1}'))],
      [added(0, fn("c", "")), done(0, fn("c", '{"a":1}'))],
      [done(0, fn("c", '{"a":1}'))],
    ]) {
      play(...script, completed);
      expect(calls(await say(scene, openai))).toEqual([{ id: "c", tool: "fs_read", arguments: { a: 1 } }]);
    }
  });
});

describe("reasoning over responses", () => {
  test("goes back sealed, each part before what it led to, under the ids of ours", async () => {
    play(
      done(0, reasoning("r1")),
      { type: "response.output_text.delta", delta: "Reading." },
      done(1, { type: "message" }),
      done(2, fn("theirs-1", "{}")),
      done(3, reasoning("r2")),
      done(4, fn("theirs-2", "{}")),
      completed,
    );
    const end = (await say(scene, openai)).at(-1);
    expect(end).toMatchObject({ type: "done", stop: "calls" });
    const continuation = (end?.type === "done" && end.continuation) as Json;
    play(completed);
    const call = (id: string) => ({ id, tool: "fs.read", arguments: {} });
    await say(scene, openai, {
      messages: [
        { role: "assistant", content: "Reading.", calls: [call("call-1"), call("call-2")], continuation },
        { role: "tool", call_id: "call-1", tool: "fs.read", ok: true, content: "one" },
      ],
    });
    const ours = (call_id: string) => ({ type: "function_call", call_id, name: "fs_read", arguments: "{}" });
    expect(scene.bodies[1]?.["input"]).toEqual([
      reasoning("r1"),
      { role: "assistant", content: "Reading." },
      ours("call-1"),
      reasoning("r2"),
      ours("call-2"),
      { type: "function_call_output", call_id: "call-1", output: "one" },
    ]);
    expect(scene.bodies[0]).toMatchObject({ store: false, include: ["reasoning.encrypted_content"] });
  });

  test("that is another's is not sent, and what was said and called is", async () => {
    play(completed);
    for (const continuation of [{ seal: "x", blocks: [] }, "x", [{ type: "message", role: "system" }, 1]] as Json[]) {
      await say(scene, openai, {
        messages: [
          { role: "assistant", content: "hm", calls: [{ id: "call-1", tool: "fs.read", arguments: {} }], continuation },
        ],
      });
      expect(scene.bodies.at(-1)?.["input"]).toMatchObject([{ role: "assistant" }, { type: "function_call" }]);
    }
  });

  test("is told in parts with a line between them", async () => {
    const part = (summary_index: number, delta: string) => [
      { type: "response.reasoning_summary_part.added", summary_index },
      { type: "response.reasoning_summary_text.delta", summary_index, delta },
    ];
    play(...part(0, "one"), ...part(1, "two"), completed);
    const events = await say(scene, openai);
    expect(events.flatMap((each) => (each.type === "thinking" ? [each.text] : [])).join("")).toBe("one\n\ntwo");
  });
});

test.each([
  ["max_output_tokens", "length", 0],
  ["content_filter", "refusal", 1],
] as const)("an answer left unfinished because of %s ends as %s", async (reason, stop, notices) => {
  play(
    { type: "response.output_text.delta", delta: "a" },
    {
      type: "response.incomplete",
      response: { incomplete_details: { reason } },
    },
  );
  const events = await say(scene, openai);
  expect(events.at(-1)).toEqual({ type: "done", stop });
  expect(events.filter((each) => each.type === "notice" && each.name === "model.refusal")).toHaveLength(notices);
});

test("a refusal that comes only as a whole is one", async () => {
  play({ type: "response.refusal.done", refusal: "No." }, completed);
  expect(await say(scene, openai)).toEqual([
    { type: "notice", name: "model.refusal", detail: "No." },
    { type: "text", text: "No." },
    { type: "done", stop: "refusal" },
  ]);
});

test.each([
  [{ type: "response.failed", response: { error: { code: "server_error", message: "oh" } } }, "unavailable"],
  [{ type: "response.failed", response: { error: { code: "rate_limit_exceeded", message: "oh" } } }, "rate_limited"],
  [{ type: "error", code: "context_length_exceeded", message: "oh" }, "context_length"],
] as const)("a failure in the middle is known for what it is: %j", async (event, kind) => {
  play({ type: "response.output_text.delta", delta: "a" }, event);
  expect((await say(scene, openai)).at(-1)).toMatchObject({ type: "error", kind });
});

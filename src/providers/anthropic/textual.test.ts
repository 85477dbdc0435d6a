/** Calls that a model writes into its text, on Anthropic's interface. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { ProviderEvent } from "../../define/provider.ts";
import { begin, callBlock, type Claude, end, say, startClaude, textBlock, thinkingBlock } from "./testdata/claude.ts";

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

describe("a call written as text", () => {
  const offer = {
    name: "fs.read",
    summary: "Read.",
    effect: "read",
    input: { type: "object" },
    phrases: [],
    examples: [],
  };
  const fenced = '```json\n{"tool_name": "fs.read", "arguments": {"path": "a"}}\n```';

  test("is one where calls are asked for that way, and tools are then told of in words", async () => {
    for (const tool_calls of ["text", "auto"] as const) {
      play(begin(), textBlock(0, `I will read it.\n${fenced}\n`), end("end_turn"));
      const events = await say(claude, { tools: [offer], tool_calls });
      expect(calls(events)).toMatchObject([{ tool: "fs.read", arguments: { path: "a" } }]);
      expect(last(events)).toEqual({ type: "done", stop: "calls" });
    }
    expect(claude.asked[0]?.body).not.toHaveProperty("tools");
    expect(JSON.stringify(claude.asked[0]?.body["system"])).toContain("fs.read");
    expect(claude.asked[1]?.body).toHaveProperty("tools");
  });

  test("is none where native calls are wanted, or were made", async () => {
    play(begin(), textBlock(0, fenced), end("end_turn"));
    expect(calls(await say(claude, { tools: [offer], tool_calls: "native" }))).toEqual([]);
    play(begin(), textBlock(0, fenced), callBlock(1, "t", "fs_read", "{}"), end("tool_use"));
    expect(calls(await say(claude, { tools: [offer], tool_calls: "auto" }))).toHaveLength(1);
  });

  test("within thinking is never made and is told of, be the thinking a block or between marks", async () => {
    for (const block of [thinkingBlock(0, fenced, "sig"), textBlock(0, "<thi", `nk>${fenced}</th`, "ink>")]) {
      play(begin(), block, textBlock(1, "done"), end("end_turn"));
      const events = await say(claude, { tools: [offer], tool_calls: "auto" });
      expect(calls(events)).toEqual([]);
      expect(notices(events)).toEqual(["model.call_in_thinking"]);
      expect(events.flatMap((each) => (each.type === "text" ? [each.text] : [])).join("")).toBe("done");
    }
  });
});

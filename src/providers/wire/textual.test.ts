/** Calls that are written as text: what is one, what is none, and why. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ToolOffer } from "../../define/provider.ts";
import { callsIn, textualInstructions } from "./textual.ts";

const offer = (name: string): ToolOffer => ({
  name,
  summary: `${name}.`,
  effect: "read",
  input: { type: "object" },
  phrases: [],
  examples: [],
});
const offers = [offer("fs.read"), offer("fs.list"), offer("tool.result")];

const call = (tool: string, input: unknown = {}, id?: string) =>
  JSON.stringify({ tool_name: tool, arguments: input, ...(id === undefined ? {} : { id }) });
const fenced = (inner: string, label = "json") => `\`\`\`${label}\n${inner}\n\`\`\`\n`;
const why = (text: string) => callsIn(text, offers).notices.map(({ name }) => name);

describe("a call written as text", () => {
  test.each(["json", "tool", "JSON", "tool "])("is one in a block marked %j", (label) => {
    const { calls, notices } = callsIn(`I read it.\n\n${fenced(call("fs.read", { path: "a" }), label)}ok`, offers);
    expect(calls).toEqual([{ id: "text-1", tool: "fs.read", arguments: { path: "a" } }]);
    expect(notices).toEqual([]);
  });

  test("is one as the whole message, as an object and as a list", () => {
    expect(callsIn(`\n ${call("fs.read")} \n`, offers).calls).toHaveLength(1);
    expect(callsIn(`[${call("fs.read")},${call("fs_list")}]`, offers).calls.map(({ tool }) => tool)).toEqual([
      "fs.read",
      "fs.list",
    ]);
  });

  test("has the id it was given, else its number, and ids used twice are told of", () => {
    const text = fenced(call("fs.read", {}, "x")) + fenced(call("fs.list")) + fenced(call("fs.read", {}, "x"));
    expect(callsIn(text, offers).calls.map(({ id }) => id)).toEqual(["x", "text-2", "x"]);
    expect(why(text)).toEqual(["model.call_duplicate_id"]);
  });

  test("may have commas too many, which are taken out of its brackets and never out of its texts", () => {
    const text = fenced('{"tool_name": "fs.read", "arguments": {"path": "[1,\\"2, ]", "more": [1, 2, ],},\n}');
    const { calls } = callsIn(text, offers);
    expect(calls).toEqual([{ id: "text-1", tool: "fs.read", arguments: { path: '[1,"2, ]', more: [1, 2] } }]);
    expect(callsIn(fenced(`{"tool_name": "fs.gone", "arguments": {},}`), offers).calls).toEqual([]);
  });

  test("is one of at most six in a message", () => {
    const text = fenced(`[${Array.from({ length: 9 }, () => call("fs.read")).join(",")}]`);
    expect(callsIn(text, offers).calls.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `text-${n}`));
    expect(why(text)).toEqual(["model.call_malformed", "model.call_malformed", "model.call_malformed"]);
  });

  test.each([
    ["no JSON", '{"tool_name": "fs.read", "arguments": {', "model.call_malformed"],
    ["a name that is none", '{"tool_name": 1, "arguments": {}}', "model.call_malformed"],
    ["no arguments", '{"tool_name": "fs.read"}', "model.call_malformed"],
    ["arguments that are a text", '{"tool_name": "fs.read", "arguments": "{}"}', "model.call_malformed"],
    ["arguments that are a list", '{"tool_name": "fs.read", "arguments": []}', "model.call_malformed"],
    ["no object", '["tool_name"]', "model.call_malformed"],
    ["a tool that was not offered", call("shell.exec"), "model.call_unknown"],
    ["a name of Object's", call("constructor"), "model.call_unknown"],
    ["a result made up", call("tool.result"), "model.call_malformed"],
    ["a result made up by its other name", call("tool_result"), "model.call_malformed"],
  ] as const)("with %s is none, and the reason is told", (_what, inner, name) => {
    for (const text of [fenced(inner), inner]) {
      expect(callsIn(text, offers).calls).toEqual([]);
      expect(why(text)).toEqual([name]);
    }
  });

  test.each([
    ["prose around it", `I would send ${call("fs.read")} now.`],
    ["a block of shell", fenced(call("fs.read"), "bash")],
    ["a block without a mark", fenced(call("fs.read"), "")],
    ["a line of shell", "fs.read path=tool_name"],
    ["tags", "<tool_call><tool_name>fs.read</tool_name></tool_call>"],
    ["brackets", "[TOOL_CALL] fs.read tool_name [/TOOL_CALL]"],
    ["a function", 'fs.read({"tool_name": "fs.read"})'],
    ["an example within a block", fenced(fenced(call("fs.read")), "markdown")],
    ["an answer in JSON", fenced('{"a": 1}')],
  ])("is none as %s", (_what, text) => {
    expect(callsIn(text, offers).calls).toEqual([]);
    expect(why(text)).toEqual([]);
  });

  test("before the mark that ends thinking was only thought of", () => {
    const text = `So I delete it:\n${fenced(call("fs.read"))}no.\n</think>\n${fenced(call("fs.list"))}`;
    expect(callsIn(text, offers).calls.map(({ tool }) => tool)).toEqual(["fs.list"]);
    expect(why(text)).toEqual(["model.call_in_thinking"]);
  });

  test("may hold the mark that ends thinking in its arguments", () => {
    const text = fenced(call("fs.read", { path: "</think>" }));
    expect(callsIn(text, offers).calls).toHaveLength(1);
  });

  test("is looked for without ever throwing, and only what was offered is found", () => {
    const names = new Set(offers.map(({ name }) => name));
    const part = fc.oneof(
      fc.constantFrom(
        "```json\n",
        "```tool\n",
        "```",
        "\n",
        '{"tool_name":',
        '"arguments":{}',
        ",",
        "}",
        "[",
        "\\",
        '"',
      ),
      fc.constantFrom(call("fs.read"), call("tool.result"), call("x"), "</think>"),
      fc.json(),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const { calls } = callsIn(parts.join(""), offers);
        expect(calls.length).toBeLessThanOrEqual(6);
        expect(calls.every(({ tool }) => names.has(tool) && tool !== "tool.result")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("is looked for in a time that grows with the text alone", () => {
    const hostile = ["```json\n", '"\\"', "{,", ", ", "\n```", "<think", "[["].map((part) => part.repeat(400_000));
    for (const text of hostile) {
      expect(callsIn(`tool_name ${text}`, offers).calls).toEqual([]);
      expect(callsIn(fenced(`[${text} "tool_name"`), offers).calls).toEqual([]);
    }
  });

  test("is not looked for in more than four million characters", () => {
    expect(why(fenced(call("fs.read", { path: "x".repeat(4 * 1_048_576) })))).toEqual(["model.call_malformed"]);
  });
});

test("a model without a tool interface is told how to call, and every tool with its arguments", () => {
  const told = textualInstructions(offers);
  expect(callsIn(told.replace("NAME", "fs.read"), offers).calls).toHaveLength(1);
  for (const { name } of offers) expect(told).toContain(`- ${name}: ${name}. Arguments: {"type":"object"}`);
});

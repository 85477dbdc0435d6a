/** What models send that they should not: each has a name, the run goes on or ends cleanly, and the bundle is complete. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import type { RunEvent } from "./journal.ts";
import { useEstate } from "./testdata/estate.ts";
import { conversing } from "./testdata/talking.ts";

const estate = useEstate();
const run = conversing(estate);

const files = { grants: ["fs.*", "time.now", "tools.read", "agents.run"] };
const call = (tool: string, input: Json) => ({ tool, arguments: input });
const refusals = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === "refusal" ? [[event.tool, event.code]] : []));

test("unknown tools, wrong types and arguments that are no JSON are refused by name, and the run goes on", async () => {
  const { result, events, notices } = await run(
    {
      turns: [
        { calls: [call("fs_teleport", {}), call("fs_read", { path: 7 }), { tool: "fs_read", arguments: '{"path": ' }] },
        { text: "I see." },
      ],
    },
    files,
  );
  expect(result).toMatchObject({ state: "completed", answer: "I see." });
  expect(refusals(events)).toEqual([
    ["fs_teleport", "tool.not_found"],
    ["fs.read", "tool.input_invalid"],
    ["fs.read", "tool.input_invalid"],
  ]);
  expect(notices).toContain("model.call_unknown");
  expect(notices).toContain("model.call_malformed");
});

test("ids used twice and HTML as an id reach nothing: every call has an id of ours", async () => {
  const html = "<img src=x onerror=alert(1)>";
  const { events, notices } = await run(
    {
      turns: [
        {
          calls: [
            { ...call("time_now", {}), id: html },
            { ...call("fs_list", { path: "." }), id: html },
          ],
        },
        { text: "ok" },
      ],
    },
    files,
  );
  expect(events.flatMap((event) => (event.type === "intent" ? [event.call] : [])).sort()).toEqual(["call-1", "call-2"]);
  expect(JSON.stringify(events.filter(({ type }) => type !== "notice"))).not.toContain("onerror");
  expect(notices).toContain("model.call_duplicate_id");
});

test("arguments of 10 MB, an endless answer and bytes that are no UTF-8 end cleanly, each by its name", async () => {
  const huge = await run(
    { turns: [{ calls: [call("fs_write", { path: "x", content: "y".repeat(10_000_000) })] }, { text: "ok" }] },
    files,
  );
  expect(huge.notices).toContain("model.call_oversized");
  expect(existsSync(join(estate.home.root, "workspace", "x"))).toBe(false);
  const endless = await run({ turns: [{ fail: { endless: "text" } }] }, files);
  expect(endless.notices).toContain("model.output_endless");
  expect(endless.result).toMatchObject({ state: "failed" });
  const raw = await run({ turns: [{ text: "a b", fail: { raw: "gICA" } }] }, files);
  expect(raw.notices).toContain("model.invalid_utf8");
  expect(raw.result.state).toBe("completed");
}, 30_000);

test("a call inside thinking is thought and not made", async () => {
  const fenced = '```json\n{"tool_name": "fs.write", "arguments": {"path": "x", "content": "y"}}\n```';
  const { result, events, notices } = await run({ turns: [{ text: `<think>\n${fenced}\n</think>no` }] }, files);
  expect(result).toMatchObject({ state: "completed", answer: "no" });
  expect(events.some(({ type }) => type === "intent")).toBe(false);
  expect(notices).toContain("model.call_in_thinking");
});

test("a call in the text of a model without a tool interface is made", async () => {
  const fenced = '```json\n{"tool_name": "fs.write", "arguments": {"path": "x.txt", "content": "y"}}\n```';
  const { result } = await run({ turns: [{ text: fenced }, { text: "written" }] }, files);
  expect(result).toMatchObject({ state: "completed", calls: [{ tool: "fs.write", ok: true }] });
});

test("a context that is too long is compacted and asked for again, and a refusal is named", async () => {
  const tooLong = { fail: { status: 400, body: '{"error":{"message":"maximum context length exceeded"}}' } };
  const many = Array.from({ length: 12 }, (_, i) => ({ calls: [call("fs_write", { path: `f${i}`, content: "x" })] }));
  const summary = { text: "Twelve files were written." };
  const { result, events } = await run(
    { turns: [...many, { attempts: [tooLong], ...summary }, { text: "done" }] },
    { ...files, settings: { "context.compact_keep": 8 } },
  );
  expect(result.state).toBe("completed");
  expect(events.filter(({ type }) => type === "compaction")).toHaveLength(1);
  const refused = await run({ turns: [{ stop: "refusal" }] }, files);
  expect(refused.notices).toContain("model.refusal");
});

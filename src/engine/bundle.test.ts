import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareWithManifest, createBundle, renderBundle, sealBundle } from "./bundle.ts";
import { Journal, readJournal, type RunEvent } from "./journal.ts";

const ts = "2026-01-01T00:00:00.000Z";
const start: RunEvent = {
  type: "start",
  ts,
  run_id: "r",
  principal: "agent:default",
  message: "hi",
  source: "cli",
  provider: "offline",
  version: "0",
  policy_sha256: "p",
  config_sha256: "c",
  max_turns: 3,
};
const story: readonly RunEvent[] = [
  start,
  { type: "prompt", ts, text: "the prompt" },
  { type: "intent", ts, call: "call-1", tool: "fs.read", input: { path: "a" }, salt: "s", digest: "d" },
  {
    type: "refusal",
    ts,
    call: "call-2",
    tool: "config.set",
    input: {},
    code: "policy.denied",
    fault: { code: "permission_denied", message: "no" },
    proposal: "p1",
  },
  { type: "outcome", ts, call: "call-1", duration_ms: 1.5, output: { ok: true } },
  { type: "intent", ts, call: "call-3", tool: "fs.read", input: { path: "b" }, salt: "s", digest: "d" },
  { type: "end", ts: "2026-01-01T00:00:02.000Z", state: "completed", answer: "done", fault: null },
];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-bundle-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function written(events: readonly RunEvent[]): Journal {
  const journal = createBundle(join(directory, "r"));
  for (const event of events) journal.append(event, { durable: true });
  return journal;
}

test("the files of a bundle follow from its journal", () => {
  const files = renderBundle(story);
  expect([...files.keys()]).toEqual(["input.json", "prompt.md", "toolcalls.jsonl", "output.md", "meta.json"]);
  expect(files.get("output.md")).toBe("done\n");
  expect(JSON.parse(files.get("meta.json") ?? "")).toMatchObject({
    bundle_version: 1,
    state: "completed",
    duration_ms: 2000,
    tool_call_count: 3,
  });
  const calls = (files.get("toolcalls.jsonl") ?? "")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(calls.map((call) => call.result?.output ?? call.result?.error?.code ?? null)).toEqual([
    { ok: true },
    "policy.denied",
    null,
  ]);
});

test("a sealed bundle matches its manifest until any file is altered, removed or added", () => {
  const journal = written(story);
  sealBundle(join(directory, "r"), journal.events);
  journal.close();
  const at = (name: string) => join(directory, "r", name);
  const { files } = JSON.parse(readFileSync(at("manifest.json"), "utf8"));
  expect(compareWithManifest(join(directory, "r"), files)).toEqual([]);
  appendFileSync(at("output.md"), " ");
  rmSync(at("prompt.md"));
  writeFileSync(at("extra.txt"), "");
  expect(compareWithManifest(join(directory, "r"), files)).toEqual([
    "prompt.md: missing",
    "output.md: altered",
    "extra.txt: not in the manifest",
  ]);
});

test("sealing twice writes the same manifest", () => {
  const journal = written(story);
  const first = sealBundle(join(directory, "r"), journal.events);
  expect(sealBundle(join(directory, "r"), journal.events)).toBe(first);
  journal.close();
});

test("a journal cut off in the middle of a line goes on after its last whole line", () => {
  written(story.slice(0, 3)).close();
  const path = join(directory, "r", "events.jsonl");
  appendFileSync(path, '{"type":"outc');
  expect(readJournal(path).torn_bytes).toBe(13);
  const { journal, torn_bytes } = Journal.resume(path);
  expect(torn_bytes).toBe(13);
  journal.append(story[6] as RunEvent, { durable: false });
  journal.close();
  expect(readJournal(path).events.map((event) => event.type)).toEqual(["start", "prompt", "intent", "end"]);
});

test("a journal damaged before its end is data loss that names the line", () => {
  written(story).close();
  const path = join(directory, "r", "events.jsonl");
  const lines = readFileSync(path, "utf8").split("\n");
  lines[1] = '{"type":"nonsense"}';
  writeFileSync(path, lines.join("\n"));
  expect(() => readJournal(path)).toThrow("line 2 of");
});

test("a journal is created, never overwritten", () => {
  written(story).close();
  expect(() => createBundle(join(directory, "r"))).toThrow();
});

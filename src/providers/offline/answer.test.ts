import { describe, expect, test } from "bun:test";
import type { Json } from "../../core/canonical.ts";
import { canonicalize } from "../../core/canonical.ts";
import { answerFrom } from "./answer.ts";
import { splitClauses } from "./clauses.ts";
import { detailsOf } from "./extract.ts";
import type { Plan } from "./plan.ts";

/** The first section of the answer to one call. */
function shown(tool: string, output: Json, input: Json = {}, request = ""): string {
  const [clause = { text: "", source: "", fragment: false }] = splitClauses(request);
  const details = detailsOf(clause, { tools: [], isTopic: () => false, about_time: false });
  const plan: Plan = {
    calls: [{ tool, input, details }],
    missing: [],
    unmatched: [],
    left_out: 0,
    notes: [],
    refusal: undefined,
    nearest: [],
    problem: "none",
  };
  const requests = [{ id: "call-1", tool, arguments: input }];
  const answer = answerFrom(plan, requests, [
    { role: "tool", call_id: "call-1", tool, ok: true, content: canonicalize(output) },
  ]);
  return answer.slice(0, answer.lastIndexOf("\n\n"));
}

describe("the answer from", () => {
  test("time.now says the local time and UTC", () => {
    const output = {
      rfc3339: "2026-11-20T08:00:00.000Z",
      unix: 1,
      weekday: "Friday",
      timezone: "Asia/Tokyo",
      local: "2026-11-20T17:00:00+09:00",
    };
    expect(shown("time.now", output)).toBe(
      "In Asia/Tokyo it is Friday, 2026-11-20 17:00:00 (UTC+09:00); that is 2026-11-20 08:00:00 UTC.",
    );
    expect(shown("time.now", { ...output, timezone: "UTC" })).toBe("It is Friday, 2026-11-20 08:00:00 UTC.");
  });

  test("system.health of a healthy machine says so, and leaves out what it does not know", () => {
    expect(shown("system.health", { status: "ok", concerns: [] })).toBe("This machine is healthy.");
  });

  test("system.query speaks of each aspect in human units", () => {
    expect(shown("system.query", { query: "uptime", uptime_s: 90_061, booted_at: "2026-11-20T08:00:00.000Z" })).toBe(
      "This machine has been up for 1 day 1 hour, since 2026-11-20 08:00:00 UTC.",
    );
    expect(shown("system.query", { query: "hostname", hostname: "pi", os: "Debian", kernel: "6.1" })).toBe(
      "The host name of this machine is pi (Debian, kernel 6.1).",
    );
    const disk = {
      mount_point: "/",
      file_system: "ext4",
      total: 2 ** 40,
      used: 2 ** 39,
      available: 2 ** 39,
      problem: null,
    };
    expect(shown("system.query", { query: "disk", disks: [disk] })).toContain(
      "| /    | 1.0 TiB | 512 GiB | 50 % | ext4        |",
    );
  });

  test("system.query about a process that does not run says no", () => {
    expect(shown("system.query", { query: "processes", total: 0, processes: [] }, {}, "is nginx running?")).toBe(
      'No process named like "nginx" is running.',
    );
  });

  test("network.info about one port answers for that port only", () => {
    const socket = { protocol: "tcp", address: "0.0.0.0", port: 22, pid: 7, process: "sshd" };
    const output = { query: "ports", total: 2, ports: [socket, { ...socket, port: 80, process: "nginx" }] };
    expect(shown("network.info", output, {}, "what listens on port 80?")).toContain("0.0.0.0:80");
    expect(shown("network.info", output, {}, "what listens on port 80?")).not.toContain("0.0.0.0:22");
    expect(shown("network.info", output, {}, "what listens on port 81?")).toBe("Nothing listens on port 81.");
    expect(shown("network.info", output)).toStartWith("2 listening ports:\n\n");
  });

  test("fs.read is fenced beyond any fence in the file, without control characters", () => {
    const output = { path: "a.md", content: "```\n\u001b[31mred\u202e\n```\n", truncated: true, size: 3000, lines: 3 };
    expect(shown("fs.read", output)).toBe(
      "a.md (2.9 KiB):\n\n````\n```\n\\u{1b}[31mred\\u{202e}\n```\n````\n\nThe file goes on after these 3 lines.",
    );
    expect(shown("fs.read", { path: "a.md", content: "", truncated: false, size: 0, lines: 0 })).toBe("a.md is empty.");
  });

  test("fs.list shows folders with a slash and says when there is more", () => {
    const entries = [
      { path: "src", type: "dir", size: 0, modified_ms: 0 },
      { path: "x\u001b[2J\ny", type: "file", size: 1, modified_ms: 0 },
    ];
    const text = shown("fs.list", { path: ".", entries, total: 9, truncated: true });
    expect(text).toStartWith("The 2 entries here (of 9):");
    expect(text).toContain("| src/ ");
    expect(text).toContain("x\\u{1b}[2J\\u{a}y");
    expect(shown("fs.list", { path: "docs", entries: [], total: 0, truncated: false })).toBe(
      "There are no entries in docs.",
    );
  });

  test("code.search says what was looked for, also when nothing was found or the search ended early", () => {
    const output = { path: "src", matches: [{ path: "src/a.ts", line: 3, text: "  // TODO x" }], truncated: null };
    expect(shown("code.search", output, { pattern: "TODO", path: "src" })).toBe(
      '1 match for "TODO" in src in 1 file:\n\n```\nsrc/a.ts:3: // TODO x\n```',
    );
    expect(shown("code.search", { ...output, matches: [], truncated: "time" }, { pattern: "TODO" })).toBe(
      'Nothing matches "TODO".\n\nThe search ended early, at its bound of time: there may be more.',
    );
  });

  test("policy.list without grants says that everything is denied", () => {
    expect(shown("policy.list", { grants: [], total: 0 })).toBe("No capability is granted: everything is denied.");
  });

  test("config.get shows one field as a sentence and all as lines", () => {
    expect(shown("config.get", { field: "model.provider", value: "offline" })).toBe('model.provider is "offline".');
    expect(shown("config.get", { config: { model: { provider: "offline", name: null } } })).toBe(
      "The configuration, without secrets:\n\n- model.name: none\n- model.provider: offline",
    );
  });

  test("run.get of an unknown run says so", () => {
    expect(shown("run.get", { run_id: "x", found: false, run: null })).toBe("There is no run x.");
  });

  test("metrics.get, run.list and secrets.list are tables", () => {
    const tools = [{ tool: "fs.read", calls: 2, errors: 1, total_ms: 3, average_ms: 1.5, max_ms: 2 }];
    expect(shown("metrics.get", { runs_total: 3, states: { failed: 1, queued: 0 }, tools })).toContain(
      "| fs.read |     2 |      1 |  1.5 ms |  2.0 ms |",
    );
    const run = { id: "0189", state: "failed", principal: "agent:a", created_at: "", tool_calls: 1, fault: "no" };
    expect(shown("run.list", { runs: [run], total: 7 })).toStartWith("The newest 1 of 7 runs:");
    expect(shown("secrets.list", { secrets: [{ name: "openai", version: 2, created_at: "" }] })).toContain(
      "| openai |",
    );
  });

  test("a tool without a template, or with other fields than known, is shown as names and values", () => {
    const output = { size_bytes: 2048, wait_s: 61, load_percent: 12.4, list: [1, 2], nested: [{ on: true }], none: [] };
    const lines = [
      "- list: 1, 2",
      "- load_percent: 12 %",
      "- nested[1].on: yes",
      "- none: none",
      "- size_bytes: 2.0 KiB",
      "- wait_s: 1 minute 1 second",
    ];
    expect(shown("new.tool", output)).toBe(`new.tool:\n\n${lines.join("\n")}`);
    expect(shown("fs.list", { other: "shape" })).toBe("fs.list:\n\n- other: shape");
    expect(shown("new.tool", "text")).toBe("new.tool:\n\n- result: text");
  });
});

import { expect, test } from "bun:test";
import { Fault } from "../core/fault.ts";
import type { ProviderEvent, ProviderRequest } from "../define/provider.ts";
import { type Answer, driveConversation, driveDirective, parseDirective, type Ports } from "./drive.ts";

/** Ports that say `turns` one after the other and answer every call with `answer`; what was recorded comes back too. */
function ports(turns: readonly (readonly ProviderEvent[])[], answer: Answer = { ok: true, output: { n: 1 } }) {
  const requests: ProviderRequest[] = [];
  const asked: string[] = [];
  const controller = new AbortController();
  const made: Ports = {
    signal: controller.signal,
    scrub: (text) => text.replaceAll("hunter2", "[secret:x]"),
    checkpoint: () => controller.signal.throwIfAborted(),
    async *stream(request) {
      requests.push({ ...request, messages: [...request.messages] });
      yield* turns[requests.length - 1] ?? [];
    },
    call: async (tool, _input, id) => {
      asked.push(`${id} ${tool}`);
      return answer;
    },
    prompt: () => {},
    turn: () => {},
  };
  return { made, requests, asked, controller };
}

const ask = { system: "s", message: "m", offers: [], max_turns: 3 };
const callOf = (tool: string): ProviderEvent => ({ type: "call", call: { id: "same", tool, arguments: {} } });

test("calls get ids of their own and their results go back as tool messages", async () => {
  const { made, requests, asked } = ports([
    [callOf("a.b"), callOf("c.d"), { type: "done" }],
    [{ type: "text", text: "ok" }, { type: "done" }],
  ]);
  expect(await driveConversation(made, ask)).toEqual({ state: "completed", answer: "ok", fault: null });
  expect(asked).toEqual(["call-1 a.b", "call-2 c.d"]);
  expect(requests[1]?.messages.slice(3)).toEqual([
    { role: "tool", call_id: "call-1", tool: "a.b", ok: true, content: '{"n":1}' },
    { role: "tool", call_id: "call-2", tool: "c.d", ok: true, content: '{"n":1}' },
  ]);
});

test("a provider that never stops asking is stopped at the turn limit", async () => {
  const turn: ProviderEvent[] = [callOf("a.b"), { type: "done" }];
  const { made, asked } = ports([turn, turn, turn, turn, turn]);
  const end = await driveConversation(made, ask);
  expect(end.state).toBe("failed");
  expect(end.fault?.code).toBe("resource_exhausted");
  expect(asked).toHaveLength(3);
});

test("a stream that ends without done or error is a failure, and its calls are not made", async () => {
  const { made, asked } = ports([[callOf("a.b"), { type: "text", text: "half" }]]);
  expect((await driveConversation(made, ask)).fault?.code).toBe("unavailable");
  expect(asked).toEqual([]);
});

test("a provider's error ends the run with its fault", async () => {
  const fault = new Fault("unavailable", "503").toRecord();
  const { made } = ports([[{ type: "error", fault }]]);
  expect(await driveConversation(made, ask)).toEqual({ state: "failed", answer: "", fault });
});

test("a call the ledger could not record ends the run", async () => {
  const fault = new Fault("resource_exhausted", "no space left on the disk").toRecord();
  const { made, asked } = ports([[callOf("a.b"), callOf("c.d"), { type: "done" }]], {
    ok: false,
    code: "ledger.unavailable",
    fault,
  });
  expect((await driveConversation(made, ask)).fault).toEqual(fault);
  expect(asked).toHaveLength(1);
});

test("a canceled run ends as cancelled", async () => {
  const { made, controller } = ports([[{ type: "text", text: "x" }, { type: "done" }]]);
  controller.abort(new Fault("canceled", "stop"));
  expect(await driveConversation(made, ask)).toMatchObject({ state: "cancelled", fault: { code: "canceled" } });
});

test("what the provider says is scrubbed before it is kept", async () => {
  const { made } = ports([[{ type: "text", text: "it is hun" }, { type: "text", text: "ter2" }, { type: "done" }]]);
  expect((await driveConversation(made, ask)).answer).toBe("it is [secret:x]");
});

test("a failed directive is a failed run with the fault of its call", async () => {
  const fault = new Fault("permission_denied", "no").toRecord();
  const { made } = ports([], { ok: false, code: "policy.denied", fault });
  expect(await driveDirective(made, "fs.read", {})).toEqual({
    state: "failed",
    answer: "error: policy.denied (fs.read): no",
    fault,
  });
});

test("a directive stands at the very beginning of the message, alone", () => {
  expect(parseDirective('/tool fs.read {"path":"a"}')).toEqual({ tool: "fs.read", input: { path: "a" } });
  expect(parseDirective("/tool time.now")).toEqual({ tool: "time.now", input: {} });
  expect(parseDirective("please /tool time.now {}")).toBeUndefined();
  expect(parseDirective("/toolbox time.now {}")).toBeUndefined();
  expect(() => parseDirective("/tool")).toThrow("names no tool");
  expect(() => parseDirective("/tool fs.read {path}")).toThrow("not valid JSON");
});

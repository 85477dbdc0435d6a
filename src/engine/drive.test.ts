import { expect, test } from "bun:test";
import type { Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import type { Message, ToolRequest } from "../define/provider.ts";
import type { Effect } from "../define/tool.ts";
import { type Answer, driveConversation, driveDirective, parseDirective, type Ports, type Turn } from "./drive.ts";
import type { LoopLimits } from "./journal.ts";

interface Wish {
  readonly tool: string;
  readonly effect?: Effect;
  readonly input?: Json;
}

const limits: LoopLimits = {
  max_turns: 20,
  max_calls_per_turn: 6,
  no_progress_turns: 3,
  recovery_failures: 2,
  escalation_failures: 3,
  result_chars: 6000,
  error_chars: 1200,
  results_kept: 12,
  context_tokens: 100_000,
  compact_percent: 80,
  compact_keep: 60,
};

type Said = { readonly text?: string; readonly calls?: readonly Wish[] } & Partial<
  Pick<Turn, "fault" | "kind" | "stop">
>;

/** Ports that say `script` one turn after the other, the last one for ever, and answer calls by `answer`. */
function ports(
  script: readonly Said[],
  answer: (request: ToolRequest, nth: number) => Answer | Promise<Answer> = () => ok({ n: 1 }),
) {
  const turns: (readonly Message[])[] = [];
  const withTools: boolean[] = [];
  const asked: string[] = [];
  const notices: string[] = [];
  const declined: string[] = [];
  const reused: string[] = [];
  const forced: number[] = [];
  const controller = new AbortController();
  const made: Ports = {
    signal: controller.signal,
    prompt: () => {},
    turn: async ({ messages, next_call, tools }) => {
      turns.push(messages);
      withTools.push(tools);
      const said = script[Math.min(turns.length, script.length) - 1] ?? {};
      const calls = (said.calls ?? []).map(({ tool, effect, input = {} }, i) => ({
        id: `call-${next_call + i}`,
        tool,
        arguments: input,
        ...(effect ? { effect } : {}),
      }));
      const { text = "", fault = null, kind, stop } = said;
      return { text, calls: fault || !tools ? [] : calls, fault, ...(kind ? { kind } : {}), ...(stop ? { stop } : {}) };
    },
    call: async (request) => {
      asked.push(`${request.id} ${request.tool}`);
      return answer(request, asked.length);
    },
    decline: async (request, code, fault) => {
      declined.push(`${request.id} ${code}`);
      return { ok: false, code, fault };
    },
    reusable: ({ tool }) => tool !== "time.now",
    reused: (call, of) => reused.push(`${call} of ${of}`),
    doubt: async () => "skip",
    result: (_, given) => JSON.stringify(given.ok ? given.output : { code: given.code }),
    compact: async (turn, messages, force) => {
      if (force) forced.push(turn);
      return force ? messages.slice(0, 2) : messages;
    },
    notice: (name) => notices.push(name),
  };
  return { made, turns, withTools, asked, notices, declined, reused, forced, controller };
}

const ok = (output: Json): Answer => ({ ok: true, output });
const failed = (message: string): Answer => ({ ok: false, code: "tool.failed", fault: { code: "internal", message } });
const ask = { system: "s", history: [], message: "m", images: [], limits, schema: null };
const done: Said = { text: "done" };

test("calls get ids of their own, counted through the run, and their results go back as tool messages", async () => {
  const p = ports([{ calls: [{ tool: "a.b" }, { tool: "c.d" }] }, { calls: [{ tool: "e.f" }] }, done]);
  expect(await driveConversation(p.made, ask)).toEqual({ state: "completed", answer: "done", fault: null });
  expect(p.asked).toEqual(["call-1 a.b", "call-2 c.d", "call-3 e.f"]);
  expect(p.turns[1]?.slice(3)).toEqual([
    { role: "tool", call_id: "call-1", tool: "a.b", ok: true, content: '{"n":1}' },
    { role: "tool", call_id: "call-2", tool: "c.d", ok: true, content: '{"n":1}' },
  ]);
  expect(p.turns[1]?.[0]).toEqual({ role: "system", content: "s" });
});

test("what was said before in the session stands between the system prompt and the message", async () => {
  const p = ports([done]);
  await driveConversation(p.made, { ...ask, history: [{ role: "user", content: "earlier" }] });
  expect(p.turns[0]?.map(({ content }) => content)).toEqual(["s", "earlier", "m"]);
});

test("neighbouring reads run beside each other, an effect waits for them and holds up what follows", async () => {
  const order: string[] = [];
  let free = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    free = resolve;
  });
  const calls: readonly Wish[] = [
    { tool: "r.a", effect: "read" },
    { tool: "r.b", effect: "read" },
    { tool: "w.c", effect: "write" },
    { tool: "r.d", effect: "read" },
  ];
  const p = ports([{ calls }, done], async ({ tool }) => {
    order.push(`+${tool}`);
    // The first read ends only when the second has begun.
    if (tool === "r.a") await gate;
    if (tool === "r.b") free();
    order.push(`-${tool}`);
    return ok({});
  });
  await driveConversation(p.made, ask);
  expect(order.slice(0, 2)).toEqual(["+r.a", "+r.b"]);
  expect(order.slice(4)).toEqual(["+w.c", "-w.c", "+r.d", "-r.d"]);
  expect(p.turns[1]?.slice(3).map((message) => message.role === "tool" && message.call_id)).toEqual([
    "call-1",
    "call-2",
    "call-3",
    "call-4",
  ]);
});

test("an identical read is carried out once, until something changed", async () => {
  const read: Said = { calls: [{ tool: "fs.read", effect: "read", input: { path: "a" } }] };
  const write: Said = { calls: [{ tool: "fs.write", effect: "write", input: { path: "a" } }] };
  const p = ports([read, read, write, read, done]);
  await driveConversation(p.made, ask);
  expect(p.asked).toEqual(["call-1 fs.read", "call-3 fs.write", "call-4 fs.read"]);
  expect(p.reused).toEqual(["call-2 of call-1"]);
});

test("the same read twice in one turn is carried out once", async () => {
  const read: Wish = { tool: "fs.read", effect: "read", input: { path: "a" } };
  const p = ports([{ calls: [read, read] }, done]);
  await driveConversation(p.made, ask);
  expect(p.asked).toEqual(["call-1 fs.read"]);
  expect(p.reused).toEqual(["call-2 of call-1"]);
});

test("a read of what changes by itself is never answered from an earlier one", async () => {
  const now: Said = { calls: [{ tool: "time.now", effect: "read" }] };
  const p = ports([now, now, done]);
  await driveConversation(p.made, ask);
  expect(p.asked).toHaveLength(2);
});

test("an effect asked for twice is carried out twice", async () => {
  const append: Said = { calls: [{ tool: "fs.append", effect: "write", input: { path: "a" } }] };
  const p = ports([append, append, done]);
  await driveConversation(p.made, ask);
  expect(p.asked).toHaveLength(2);
});

test("a call may be tried again after an error, and not a third time after the same error twice", async () => {
  const again: Said = { calls: [{ tool: "a.b", effect: "write" }] };
  const p = ports([again, again, again, done], () => failed("broken"));
  await driveConversation(p.made, ask);
  expect(p.asked).toHaveLength(2);
  expect(p.declined).toEqual(["call-3 loop.repeated_failure"]);
});

test("a call that fails in another way each time may be tried again", async () => {
  const again: Said = { calls: [{ tool: "a.b", effect: "write" }] };
  const p = ports([again, again, again, done], (_, nth) => failed(`broken ${nth}`));
  await driveConversation(p.made, ask);
  expect(p.asked).toHaveLength(3);
});

test("calls beyond the limit of a turn are answered as not carried out", async () => {
  const calls = Array.from({ length: 8 }, (_, i): Wish => ({ tool: "a.b", effect: "write", input: { i } }));
  const p = ports([{ calls }, done]);
  await driveConversation(p.made, ask);
  expect(p.asked).toHaveLength(6);
  expect(p.declined).toEqual(["call-7 loop.too_many_calls", "call-8 loop.too_many_calls"]);
});

test("calls that a turn had no room for are no failures of the agent", async () => {
  const calls = Array.from({ length: 20 }, (_, i): Wish => ({ tool: "a.b", effect: "write", input: { i } }));
  const p = ports([{ calls }, done]);
  expect((await driveConversation(p.made, ask)).state).toBe("completed");
  expect(p.turns[1]?.at(-1)?.role).toBe("tool");
});

test("a model that never stops asking gets one last turn without tools, and the run fails with its answer", async () => {
  const p = ports([
    ...Array.from({ length: 3 }, (_, i): Said => ({ calls: [{ tool: "a.b", input: { i } }] })),
    { text: "so far" },
  ]);
  const end = await driveConversation(p.made, { ...ask, limits: { ...limits, max_turns: 3 } });
  expect(end).toMatchObject({ state: "failed", answer: "so far", fault: { code: "resource_exhausted" } });
  expect(p.asked).toHaveLength(3);
  expect(p.withTools).toEqual([true, true, true, false]);
});

test("turns that bring nothing new end the run before the limit", async () => {
  const read: Said = { text: "x", calls: [{ tool: "fs.read", effect: "read", input: {} }] };
  const p = ports([read]);
  const end = await driveConversation(p.made, ask);
  expect(end).toMatchObject({
    state: "failed",
    fault: { code: "failed_precondition", message: "3 turns brought nothing new" },
  });
  expect(p.asked).toHaveLength(1);
  expect(p.turns).toHaveLength(5);
});

test("after two failures the next turn carries advice, as a message and not as a system prompt", async () => {
  const p = ports([{ calls: [{ tool: "a.b" }] }, { calls: [{ tool: "c.d" }] }, done], ({ tool }) => failed(tool));
  await driveConversation(p.made, ask);
  expect(p.turns[1]?.at(-1)?.role).toBe("tool");
  expect(p.turns[2]?.at(-1)).toMatchObject({ role: "user", content: expect.stringContaining("materially different") });
  expect(p.turns[2]?.[0]).toEqual({ role: "system", content: "s" });
});

test("the agent asks for help after three more failures, also with successes between, and says what it tried", async () => {
  const script = Array.from({ length: 9 }, (_, i): Said => ({ calls: [{ tool: `t.n${i}`, input: { i } }] }));
  const p = ports(script, (_, nth) => (nth === 4 ? ok({}) : failed(`no ${nth}`)));
  const end = await driveConversation(p.made, ask);
  expect(end).toMatchObject({ state: "failed", fault: { code: "failed_precondition" } });
  expect(p.asked).toHaveLength(6);
  expect(end.answer).toContain("Goal: m");
  expect(end.answer).toContain('- t.n0 {"i":0}: tool.failed: no 1');
  expect(end.answer).toContain("tool.failed: no 6");
});

test("three successes in a row end the recovery", async () => {
  const script = Array.from({ length: 8 }, (_, i): Said => ({ calls: [{ tool: "t.n", input: { i } }] }));
  const p = ports([...script, done], (_, nth) => (nth <= 4 ? failed(`no ${nth}`) : nth <= 7 ? ok({}) : failed("late")));
  expect((await driveConversation(p.made, ask)).state).toBe("completed");
  expect(p.turns[8]?.at(-1)?.role).toBe("tool");
});

test("an output that tells of an error or a non-zero exit code counts as a failure", async () => {
  const script = Array.from({ length: 9 }, (_, i): Said => ({
    calls: [{ tool: "shell.exec", effect: "execute", input: { i } }],
  }));
  const p = ports(script, (_, nth) => ok(nth % 2 ? { exit_code: nth } : { error: `e${nth}` }));
  const end = await driveConversation(p.made, ask);
  expect(end.state).toBe("failed");
  expect(p.asked).toHaveLength(5);
});

test("a model that fails after results leaves their summary, and the run is failed all the same", async () => {
  const fault = new Fault("unavailable", "503").toRecord();
  const p = ports([{ calls: [{ tool: "a.b" }] }, { fault, kind: "unavailable" }]);
  const end = await driveConversation(p.made, ask);
  expect(end).toMatchObject({ state: "failed", fault });
  expect(end.answer).toContain('- a.b: {"n":1}');
});

test("a model that fails at once ends the run with its fault and no answer", async () => {
  const fault = new Fault("unavailable", "503").toRecord();
  expect(await driveConversation(ports([{ fault, kind: "unavailable" }]).made, ask)).toEqual({
    state: "failed",
    answer: "",
    fault,
  });
});

test("a context that is too long is compacted and asked for once more, and only once", async () => {
  const fault = new Fault("invalid_argument", "too long").toRecord();
  const p = ports([{ fault, kind: "context_length" }, done]);
  expect((await driveConversation(p.made, ask)).state).toBe("completed");
  expect(p.forced).toEqual([1]);
  const q = ports([{ fault, kind: "context_length" }]);
  expect(await driveConversation(q.made, ask)).toMatchObject({ state: "failed", fault });
  expect(q.turns).toHaveLength(2);
});

test.each(["ledger.unavailable", "budget.exhausted"] as const)("a call that ends in %s ends the run", async (code) => {
  const fault = new Fault("resource_exhausted", "used up").toRecord();
  const calls: readonly Wish[] = [
    { tool: "a.b", effect: "write" },
    { tool: "c.d", effect: "write" },
  ];
  const p = ports([{ calls }, done], () => ({ ok: false, code, fault }));
  expect(await driveConversation(p.made, ask)).toMatchObject({ state: "failed", fault });
  expect(p.turns).toHaveLength(1);
});

test("a call that waits for an approval leaves the run waiting, and nothing overtakes it", async () => {
  const fault = new Fault("failed_precondition", "asked").toRecord();
  const calls: readonly Wish[] = [
    { tool: "a.b", effect: "write" },
    { tool: "c.d", effect: "write" },
  ];
  const p = ports([{ calls }, done], () => ({ ok: false, code: "approval.pending", fault }));
  expect(await driveConversation(p.made, ask)).toMatchObject({ state: "waiting", answer: "" });
  expect(p.asked).toEqual(["call-1 a.b"]);
});

test("a call that was cut off is repeated only when that is what was decided, under an id of its own", async () => {
  const interrupted: Answer = { ok: false, code: "interrupted", fault: { code: "canceled", message: "cut off" } };
  for (const [decision, expected] of [
    ["skip", ["call-1 a.b"]],
    ["repeat", ["call-1 a.b", "call-1-again a.b"]],
  ] as const) {
    const p = ports([{ calls: [{ tool: "a.b", effect: "write" }] }, done], ({ id }) =>
      id === "call-1" ? interrupted : ok({}),
    );
    expect((await driveConversation({ ...p.made, doubt: async () => decision }, ask)).state).toBe("completed");
    expect(p.asked).toEqual([...expected]);
  }
  const p = ports([{ calls: [{ tool: "a.b", effect: "write" }] }], () => interrupted);
  expect((await driveConversation({ ...p.made, doubt: async () => "wait" }, ask)).state).toBe("waiting");
});

test("a canceled run ends as cancelled, one whose time is up as failed", async () => {
  const p = ports([done]);
  p.controller.abort(new Fault("canceled", "stop"));
  expect(await driveConversation(p.made, ask)).toMatchObject({ state: "cancelled", fault: { code: "canceled" } });
  const q = ports([done]);
  q.controller.abort(new Fault("deadline_exceeded", "too slow"));
  expect(await driveConversation(q.made, ask)).toMatchObject({ state: "failed", fault: { code: "deadline_exceeded" } });
});

test("an answer that does not fit its schema is corrected twice and then fails", async () => {
  const schema = { type: "object", required: ["n"], properties: { n: { type: "number" } } };
  const p = ports([{ text: "no" }, { text: '{"n":"x"}' }, { text: '```json\n{"n":1}\n```' }]);
  expect((await driveConversation(p.made, { ...ask, schema })).state).toBe("completed");
  expect(p.notices).toEqual(["loop.answer_unfit", "loop.answer_unfit"]);
  const q = ports([{ text: "no" }]);
  expect(await driveConversation(q.made, { ...ask, schema })).toMatchObject({ state: "failed", answer: "no" });
  expect(q.turns).toHaveLength(3);
});

test("an answer cut off at the output limit is told", async () => {
  const p = ports([{ text: "half", stop: "length" }]);
  expect((await driveConversation(p.made, ask)).state).toBe("completed");
  expect(p.notices).toEqual(["loop.answer_cut"]);
});

test("tools that were searched for are offered from the next turn on", async () => {
  const p = ports([{ calls: [{ tool: "tool.search", effect: "read" }] }, done], () => ok({ tools: [{ name: "x.y" }] }));
  const found: string[][] = [];
  await driveConversation(
    {
      ...p.made,
      turn: (turn) => {
        found.push([...turn.found]);
        return p.made.turn(turn);
      },
    },
    ask,
  );
  expect(found).toEqual([[], ["x.y"]]);
});

test("a failed directive is a failed run with the fault of its call", async () => {
  const fault = new Fault("permission_denied", "no").toRecord();
  const p = ports([], () => ({ ok: false, code: "policy.denied", fault }));
  expect(await driveDirective(p.made, { id: "call-1", tool: "fs.read", arguments: {} })).toEqual({
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

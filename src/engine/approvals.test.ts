import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { canonicalize, isJsonObject, parseJson } from "../core/canonical.ts";
import { agent, operator } from "../define/principal.ts";
import type { ProviderEvent } from "../define/provider.ts";
import { savePolicy } from "../policy/change.ts";
import { loadPolicy } from "../policy/policy.ts";
import { decideApproval, digestOf, expireApprovals, takeApproval, takeForRun, wholeInputOf } from "./approvals.ts";
import {
  alter,
  always,
  asked,
  askBeforeWriting,
  bot,
  deskOf,
  entries,
  forRun,
  movable,
  once,
  openAsking,
  rejection,
  waiting,
  write,
} from "./testdata/desk.ts";
import { scripted, seen, useEstate } from "./testdata/estate.ts";

const estate = useEstate();

describe("a call that policy asks about", () => {
  test("waits without being made, is made once when approved, also after a restart, and leaves its trail in the ledger", async () => {
    const { run, id } = await waiting(await openAsking(estate));
    expect(seen).toEqual([]);
    const engine = await estate.open();
    expect((await decideApproval(deskOf(engine), id, operator, once)).state).toBe("approved");
    expect(await engine.resume(run)).toMatchObject({ state: "completed", calls: [{ tool: "note.write", ok: true }] });
    expect(seen).toEqual(["a"]);
    expect(engine.keeper.approvals.get(id)?.state).toBe("used");
    const digest = digestOf({ run, call: "call-1", principal: "agent:default", tool: "note.write", input: write("a") });
    expect(await entries(engine, "approval.requested")).toMatchObject([{ approval: id, kind: "call", digest }]);
    expect(await entries(engine, "approval.decided")).toEqual([
      { approval: id, decision: "approved", scope: "once", digest },
    ]);
    expect(await entries(engine, "approval.used")).toMatchObject([{ approval: id, call: "call-1", digest }]);
  });

  test("still waits when it is resumed unanswered, for the same answer", async () => {
    const engine = await openAsking(estate);
    const { run, id } = await waiting(engine);
    expect(await engine.resume(run)).toMatchObject({ state: "waiting", approval: id });
    expect(engine.keeper.approvals.list({ limit: 9, offset: 0 }).total).toBe(1);
    expect(seen).toEqual([]);
  });

  test("that is denied is not made, and whoever asked is told the reason", async () => {
    const engine = await openAsking(estate);
    const { run, id } = await waiting(engine);
    await decideApproval(deskOf(engine), id, operator, { decision: "deny", reason: "write to drafts instead" });
    const result = await engine.resume(run);
    expect(result.calls).toEqual([{ tool: "note.write", ok: false, code: "approval.denied" }]);
    expect(JSON.stringify(result)).toContain("write to drafts instead");
    expect(seen).toEqual([]);
  });

  test("is denied all the same when policy denies it by the time it is approved", async () => {
    const engine = await openAsking(estate);
    const { run, id } = await waiting(engine);
    await decideApproval(deskOf(engine), id, operator, once);
    const policy = loadPolicy(estate.home.policy);
    const no = { id: "no", effect: "deny", principal: "*", capability: "fs.write:a", reason: "no" } as const;
    savePolicy(estate.home.policy, { ...policy, rules: [...policy.rules, no] });
    expect((await engine.resume(run)).calls).toEqual([{ tool: "note.write", ok: false, code: "policy.denied" }]);
    expect(seen).toEqual([]);
  });

  test("asks again where an approval was used and the call was cut off before its intent", async () => {
    const engine = await openAsking(estate);
    const { run, id } = await waiting(engine);
    await decideApproval(deskOf(engine), id, operator, once);
    const row = engine.keeper.approvals.get(id);
    if (!row) throw new Error("no row");
    expect(await takeApproval(deskOf(engine), row, row.digest)).toBe("approved");
    const again = await engine.resume(run);
    expect(again.state).toBe("waiting");
    expect(again.approval).not.toBe(id);
    expect(seen).toEqual([]);
  });
});

describe("an approval is bound to exactly one call", () => {
  test("the digest changes with the run, the call, the principal, the tool and any part of the input", () => {
    const base = { run: "r", call: "c", principal: "agent:a", tool: "t", input: { a: [1, { b: "x" }] } };
    const others = [
      { run: "R" },
      { call: "C" },
      { principal: "agent:b" },
      { tool: "T" },
      { input: { a: [1, { b: "y" }] } },
      { input: { a: [1, { b: "x" }], c: null } },
      { input: { a: [{ b: "x" }, 1] } },
    ];
    const digests = [base, ...others.map((other) => ({ ...base, ...other }))].map(digestOf);
    expect(new Set(digests).size).toBe(digests.length);
    expect(digestOf({ ...base, input: { a: [1, { b: "x" }] } })).toBe(digestOf(base));
  });

  test.each([
    ["another content", '{"content":"texT","path":"a"}'],
    ["another path", '{"content":"text","path":"b"}'],
    ["one byte of white space", '{"content":"text", "path":"a"}'],
    ["a key given twice", '{"content":"text","path":"a","path":"a"}'],
    ["something that is no JSON", '{"content":"text","path":"a"'],
  ])("an input altered in the database, %s, is data_loss: neither approved nor carried out", async (_, input) => {
    const engine = await openAsking(estate);
    const { id } = await waiting(engine);
    alter(estate, id, "input", input);
    expect(await rejection(decideApproval(deskOf(engine), id, operator, once))).toBe("data_loss");
    const other = await waiting(engine);
    await decideApproval(deskOf(engine), other.id, operator, once);
    alter(estate, other.id, "input", input);
    const result = await engine.resume(other.run);
    expect(result).toMatchObject({ state: "failed", fault: { code: "data_loss" } });
    expect(seen).toEqual([]);
    expect(await entries(engine, "approval.used")).toEqual([]);
  });

  test("an input altered together with its digest is approved for what it says, and does not carry out another call", async () => {
    const engine = await openAsking(estate);
    const { run, id } = await waiting(engine);
    const row = engine.keeper.approvals.get(id);
    if (!row) throw new Error("no row");
    const harmless = write("harmless");
    alter(estate, id, "input", canonicalize(harmless));
    alter(estate, id, "digest", digestOf({ ...row, input: harmless }));
    await decideApproval(deskOf(engine), id, operator, once);
    expect((await engine.resume(run)).fault).toMatchObject({ code: "data_loss" });
    expect(seen).toEqual([]);
  });

  test.each(["none", "another", "its own denial"])(
    "an answer that only the database knows is data_loss, whatever entry of the ledger it names",
    async (entry) => {
      const engine = await openAsking(estate);
      const [{ run, id }, other] = [await waiting(engine), await waiting(engine)];
      await decideApproval(deskOf(engine), other.id, operator, once);
      if (entry === "its own denial") {
        await decideApproval(deskOf(engine), id, operator, { decision: "deny", reason: "no" });
      }
      const named = entry === "another" ? engine.keeper.approvals.get(other.id)?.decided_seq : null;
      if (named != null) alter(estate, id, "decided_seq", String(named));
      alter(estate, id, "scope", "once");
      alter(estate, id, "state", "approved");
      expect(await engine.resume(run)).toMatchObject({ state: "failed", fault: { code: "data_loss" } });
      expect(seen).toEqual([]);
    },
  );

  test("a used approval that is made unused in the database is not used again, nor widened to its run", async () => {
    const engine = await openAsking(estate);
    const { run, id } = await waiting(engine);
    await decideApproval(deskOf(engine), id, operator, once);
    expect((await engine.resume(run)).state).toBe("completed");
    alter(estate, id, "state", "approved");
    const row = engine.keeper.approvals.get(id);
    if (!row) throw new Error("no row");
    expect(await rejection(takeApproval(deskOf(engine), row, row.digest))).toBe("data_loss");
    alter(estate, id, "scope", "run");
    const binding = { run, call: "call-2", principal: "agent:default", tool: "note.write", input: write("b") };
    expect(await rejection(takeForRun(deskOf(engine), binding))).toBe("data_loss");
  });

  test("an approval of one run does not serve the same call of another", async () => {
    const engine = await openAsking(estate);
    const [first, second] = [await waiting(engine), await waiting(engine)];
    await decideApproval(deskOf(engine), first.id, operator, once);
    expect((await engine.resume(second.run)).state).toBe("waiting");
    expect(seen).toEqual([]);
  });
});

describe("who answers", () => {
  test("is never an agent, nor the one who asked", async () => {
    const engine = await openAsking(estate);
    const row = await asked(engine);
    for (const by of [bot, agent("other")]) {
      expect(await rejection(decideApproval(deskOf(engine), row.id, by, once))).toBe("permission_denied");
    }
    const own = await asked(engine, { principal: "operator" });
    expect(await rejection(decideApproval(deskOf(engine), own.id, operator, once))).toBe("permission_denied");
    expect([row, own].map(({ id }) => engine.keeper.approvals.get(id)?.state)).toEqual(["pending", "pending"]);
    expect(await entries(engine, "approval.decided")).toEqual([]);
  });

  test("answers once, and about something that was asked", async () => {
    const engine = await openAsking(estate);
    const { id } = await asked(engine);
    await decideApproval(deskOf(engine), id, operator, { decision: "deny", reason: "no" });
    expect(await rejection(decideApproval(deskOf(engine), id, operator, once))).toBe("failed_precondition");
    expect(await rejection(decideApproval(deskOf(engine), "nothing", operator, once))).toBe("not_found");
    expect(engine.keeper.approvals.get(id)).toMatchObject({ state: "denied", answer_reason: "no" });
  });
});

test("what nobody answered in time has expired: it is recorded once, cannot be approved and is not carried out", async () => {
  const clock = movable();
  const engine = await openAsking(estate, { clock });
  const { run, id } = await waiting(engine);
  const { id: late } = await asked(engine, {}, 10 * 86_400_000);
  clock.ahead_ms = 86_400_000 + 1000;
  expect(await rejection(decideApproval(deskOf(engine), id, operator, once))).toBe("failed_precondition");
  expect((await engine.resume(run)).calls).toEqual([{ tool: "note.write", ok: false, code: "approval.expired" }]);
  expect(await expireApprovals(deskOf(engine))).toBe(0);
  expect(await entries(engine, "approval.expired")).toMatchObject([{ approval: id, was: "pending" }]);
  expect(engine.keeper.approvals.get(late)?.state).toBe("pending");
  expect(seen).toEqual([]);
});

test("what was approved and not used in time has expired too", async () => {
  const clock = movable();
  const engine = await openAsking(estate, { clock });
  const row = await asked(engine);
  await decideApproval(deskOf(engine), row.id, operator, once);
  clock.ahead_ms = 60_001;
  expect(await takeApproval(deskOf(engine), row, row.digest)).toBe("expired");
  expect(await entries(engine, "approval.used")).toEqual([]);
});

/** A process of its own on the same home, which goes on when it is told. */
async function beside(id: string, what: string) {
  const script = Bun.fileURLToPath(import.meta.resolve("./testdata/take-approval.ts"));
  const child = Bun.spawn([process.execPath, script, estate.home.root, id, what], {
    env: {},
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  expect(Buffer.from(value ?? []).toString()).toBe("ready\n");
  return async () => {
    child.stdin.write("go\n");
    await child.stdin.end();
    let said = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) said += Buffer.from(part.value);
    expect(await child.exited).toBe(0);
    return said;
  };
}

describe("two processes at once", () => {
  test("use an approval once between them", async () => {
    const engine = await openAsking(estate);
    for (let round = 0; round < 3; round++) {
      const row = await asked(engine, { call: `call-${round}` });
      await decideApproval(deskOf(engine), row.id, operator, once);
      const both = [await beside(row.id, "take"), await beside(row.id, "take")];
      const said = await Promise.all(both.map((go) => go()));
      expect(said.sort()).toEqual(["approved", "failed_precondition"]);
    }
    expect(await entries(await estate.open(), "approval.used")).toHaveLength(3);
  }, 30_000);

  test("answer a question once between them, and the ledger tells which answer stands", async () => {
    const engine = await openAsking(estate);
    const row = await asked(engine);
    const both = [await beside(row.id, "approve"), await beside(row.id, "deny")];
    const said = await Promise.all(both.map((go) => go()));
    expect(said.filter((word) => word === "failed_precondition")).toHaveLength(1);
    const stands = (await estate.open()).keeper.approvals.get(row.id)?.state;
    expect(stands).toBe(said[0] === "approve" ? "approved" : "denied");
    const decided = await entries(await estate.open(), "approval.decided");
    expect(decided).toMatchObject([{ approval: row.id, decision: stands }]);
  }, 30_000);
});

describe("for this run", () => {
  test("allows the same tool later in that run, and neither another tool nor another run", async () => {
    const call = (id: string, tool: string, path: string): ProviderEvent => ({
      type: "call",
      call: { id, tool, arguments: tool === "note.write" ? write(path) : { path } },
    });
    const turns: ProviderEvent[][] = [
      [call("1", "note.write", "a"), { type: "done" }],
      [call("2", "note.write", "b"), { type: "done" }],
      [call("3", "note.read", "a"), { type: "done" }],
      [{ type: "text", text: "done" }, { type: "done" }],
    ];
    askBeforeWriting(estate);
    const policy = loadPolicy(estate.home.policy);
    const reads = { id: "reads", effect: "ask", principal: "*", capability: "fs.read:**", reason: "reads" } as const;
    savePolicy(estate.home.policy, { ...policy, rules: [...policy.rules, reads] });
    const engine = await estate.open({ providers: [scripted(turns)] });
    const first = await engine.run({ principal: bot, message: "write", source: "cli" });
    expect(first.state).toBe("waiting");
    await decideApproval(deskOf(engine), first.approval ?? "", operator, forRun);
    const second = await engine.resume(first.run_id);
    expect(seen).toEqual(["a", "b"]);
    expect(second.state).toBe("waiting");
    expect(engine.keeper.approvals.get(second.approval ?? "")).toMatchObject({ tool: "note.read", state: "pending" });
    expect(await engine.call(bot, "note.write", write("c"))).toMatchObject({ code: "approval.pending" });
    expect(seen).toEqual(["a", "b"]);
  });

  test("records each later use with the digest of that call, and serves nobody else", async () => {
    const engine = await openAsking(estate);
    const row = await asked(engine);
    await decideApproval(deskOf(engine), row.id, operator, forRun);
    const { run, principal, tool } = row;
    const later = { run, principal, tool, call: "call-2", input: write("b") };
    expect(await takeForRun(deskOf(engine), later)).toBe(false);
    expect(await takeApproval(deskOf(engine), row, row.digest)).toBe("approved");
    expect(await takeForRun(deskOf(engine), later)).toBe(true);
    expect(await takeForRun(deskOf(engine), { ...later, principal: "agent:other" })).toBe(false);
    expect(await takeForRun(deskOf(engine), { ...later, tool: "note.read" })).toBe(false);
    expect(await takeForRun(deskOf(engine), { ...later, run: "another" })).toBe(false);
    expect((await entries(engine, "approval.used")).slice(1)).toMatchObject([
      { approval: row.id, call: "call-2", scope: "run", digest: digestOf(later) },
    ]);
  });

  test("and always are no answers about a call that may have happened, nor about a proposal", async () => {
    const engine = await openAsking(estate);
    for (const kind of ["repeat", "proposal"] as const) {
      const { id } = await asked(engine, { kind });
      for (const answer of [forRun, always]) {
        expect(await rejection(decideApproval(deskOf(engine), id, operator, answer))).toBe("invalid_argument");
      }
      expect((await decideApproval(deskOf(engine), id, operator, once)).state).toBe("approved");
    }
  });
});

test("a proposal is repeated from its record only when nothing was kept from it", async () => {
  const engine = await openAsking(estate);
  const tool = engine.catalogue.find("note.write");
  const whole = await asked(engine, { kind: "proposal" });
  expect(wholeInputOf(whole, tool)).toEqual(write("a"));
  for (const content of ["[secret]", "it is [secret:token].", "[withheld]", "[redacted]"]) {
    const part = await asked(engine, { kind: "proposal", input: { path: "a", content } });
    expect(() => wholeInputOf(part, tool)).toThrow("was withheld");
  }
});

test("a secret in a call that must be asked about reaches neither the question nor the ledger", async () => {
  const engine = await openAsking(estate);
  await engine.call(operator, "secret.keep", { key: "token", value: "hunter2-hunter2" });
  const result = await engine.call(bot, "note.write", { path: "a", content: "it is hunter2-hunter2" });
  expect(result).toMatchObject({ ok: false, code: "policy.denied" });
  expect(engine.keeper.approvals.list({ limit: 9, offset: 0 }).total).toBe(0);
  const proposal = await engine.call(bot, "secret.keep", { key: "other", value: "swordfish-swordfish" });
  expect(proposal).toMatchObject({ ok: false, code: "policy.denied" });
  const [row] = engine.keeper.approvals.list({ limit: 1, offset: 0 }).rows;
  expect(row).toMatchObject({ kind: "proposal", tool: "secret.keep" });
  if (!row) throw new Error("no row");
  expect(parseJson(row.input)).toEqual({ key: "other", value: "[secret]" });
  expect(() => wholeInputOf(row, engine.catalogue.find("secret.keep"))).toThrow("was withheld");
  expect(() => wholeInputOf(row, undefined)).toThrow("was withheld");
  const [created] = await entries(engine, "proposal.created");
  expect(isJsonObject(created) && created["digest"]).toBe(row.digest);
  await estate.close();
  for (const file of ["ledger.db", "ledger.db-wal", "state.db", "state.db-wal"]) {
    const bytes = await Bun.file(join(estate.home.state, file))
      .text()
      .catch(() => "");
    expect([file, bytes.includes("swordfish"), bytes.includes("hunter2")]).toEqual([file, false, false]);
  }
});

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "../core/id.ts";
import { type ApprovalDecision, type ApprovalRow, ApprovalStore } from "./approvals.ts";
import { StateFile } from "./state.ts";

const [early, noon, late] = ["2026-01-01T00:00:00.000Z", "2026-01-01T12:00:00.000Z", "2026-01-02T00:00:00.000Z"];
const yes: ApprovalDecision = {
  state: "approved",
  scope: "once",
  answer_reason: null,
  decided_by: "operator",
  decided_seq: 3,
  decided_at: early,
};

let directory: string;
let file: StateFile;
let approvals: ApprovalStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-approvals-"));
  file = new StateFile(join(directory, "state.db"));
  approvals = new ApprovalStore(file);
});
afterEach(() => {
  file.close();
  rmSync(directory, { recursive: true });
});

function ask(more: Partial<ApprovalRow> = {}): string {
  const id = newId();
  approvals.insert({
    id,
    kind: "call",
    run: "run-1",
    call: "call-1",
    principal: "agent:default",
    tool: "fs.write",
    capability: "fs.write",
    effect: "write",
    input: "{}",
    resources: "[]",
    digest: "d",
    reason: "so it is",
    created_at: early,
    expires_at: noon,
    taint: null,
    ...more,
  });
  return id;
}

const stateOf = (id: string) => approvals.get(id)?.state;

describe("a question", () => {
  test("is pending with nothing decided, and found by its call", () => {
    const id = ask();
    expect(approvals.get(id)).toMatchObject({ state: "pending", scope: null, decided_by: null, decided_at: null });
    expect(approvals.find("run-1", "call-1")?.id).toBe(id);
    expect(approvals.find("run-1", "call-2")).toBeUndefined();
    expect(approvals.find("run-2", "call-1")).toBeUndefined();
  });

  test("is answered once: the first answer stands", () => {
    const id = ask();
    expect(approvals.decide(id, { ...yes, state: "denied", scope: null, answer_reason: "no" })).toBe(true);
    expect(approvals.decide(id, yes)).toBe(false);
    expect(approvals.get(id)).toMatchObject({ state: "denied", answer_reason: "no", decided_by: "operator" });
  });

  test("is not answered any more at the very moment it expires", () => {
    const id = ask();
    expect(approvals.decide(id, { ...yes, decided_at: noon })).toBe(false);
    expect(stateOf(id)).toBe("pending");
    expect(approvals.decide(id, { ...yes, decided_at: "2026-01-01T11:59:59.999Z" })).toBe(true);
  });
});

describe("an approval", () => {
  test("is used once, and only when there is one", () => {
    const id = ask();
    expect(approvals.use(id, early)).toBe(false);
    approvals.decide(id, yes);
    expect([approvals.use(id, early), approvals.use(id, early)]).toEqual([true, false]);
    expect(stateOf(id)).toBe("used");
    const denied = ask();
    approvals.decide(denied, { ...yes, state: "denied" });
    expect(approvals.use(denied, early)).toBe(false);
  });

  test("is not used after its time", () => {
    const id = ask();
    approvals.decide(id, yes);
    expect(approvals.use(id, noon)).toBe(false);
    expect(stateOf(id)).toBe("approved");
  });

  test("that is used up no longer answers for its call: the next question about it does", () => {
    const first = ask();
    approvals.decide(first, yes);
    approvals.use(first, early);
    expect(approvals.find("run-1", "call-1")).toBeUndefined();
    const second = ask();
    expect(approvals.find("run-1", "call-1")?.id).toBe(second);
  });

  test("for a run holds for that tool in that run, once the call it was about has used it", () => {
    const id = ask();
    approvals.decide(id, { ...yes, scope: "run" });
    expect(approvals.allowedForRun("run-1", "fs.write")).toBe(false);
    approvals.use(id, early);
    expect(approvals.allowedForRun("run-1", "fs.write")).toBe(true);
    expect(approvals.allowedForRun("run-1", "fs.delete")).toBe(false);
    expect(approvals.allowedForRun("run-2", "fs.write")).toBe(false);
    const once = ask({ run: "run-3" });
    approvals.decide(once, yes);
    approvals.use(once, early);
    expect(approvals.allowedForRun("run-3", "fs.write")).toBe(false);
  });
});

describe("expiry", () => {
  test("ends what was not answered and what was not used, and nothing else", () => {
    const [open, approved, denied, used, young] = [ask(), ask(), ask(), ask(), ask({ expires_at: late })];
    approvals.decide(approved, yes);
    approvals.decide(denied, { ...yes, state: "denied" });
    approvals.decide(used, yes);
    approvals.use(used, early);
    expect(approvals.due("2026-01-01T11:59:59.999Z")).toEqual([]);
    expect(approvals.due(noon).map((row) => row.id)).toEqual([open, approved]);
    expect(approvals.expire(open, "2026-01-01T11:59:59.999Z")).toBe(false);
    const ended = [open, approved, denied, used, young].map((id) => approvals.expire(id, noon));
    expect(ended).toEqual([true, true, false, false, false]);
    expect([open, approved, denied, used, young].map(stateOf)).toEqual([
      "expired",
      "expired",
      "denied",
      "used",
      "pending",
    ]);
    expect(approvals.due(noon)).toEqual([]);
  });
});

test("the list is newest first, by state, in pages, with the number of all", () => {
  const ids = [ask(), ask(), ask()];
  approvals.decide(ids[1] ?? "", yes);
  const of = (filter: Parameters<ApprovalStore["list"]>[0]) => {
    const { rows, total } = approvals.list(filter);
    return [rows.map((row) => ids.indexOf(row.id)), total];
  };
  expect(of({ limit: 2, offset: 0 })).toEqual([[2, 1], 3]);
  expect(of({ limit: 2, offset: 2 })).toEqual([[0], 3]);
  expect(of({ state: "pending", limit: 9, offset: 0 })).toEqual([[2, 0], 2]);
});

test("an id is found by its beginning or its end, and by no wildcard", () => {
  const id = ask();
  expect(approvals.matching(id.slice(0, 13))).toEqual([id]);
  expect(approvals.matching(id.slice(-12))).toEqual([id]);
  expect(approvals.matching("%")).toEqual([]);
  ask();
  expect(approvals.matching(id.slice(0, 2))).toHaveLength(2);
});

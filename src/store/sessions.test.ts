import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "../core/id.ts";
import { isAlive, thisProcess } from "../core/owner.ts";
import { type SessionRow, SessionStore } from "./sessions.ts";
import { StateFile } from "./state.ts";

const place = { channel: "cli", user: "ada", room: "terminal", agent: "agent:default" };
const created_at = "2026-01-01T00:00:00.000Z";
const untainted = { untrusted: false, private: false };
const later = "2026-01-01T00:01:00.000Z";
const peer = join(import.meta.dir, "testdata", "session-peer.ts");

let directory: string;
let path: string;
let file: StateFile;
let sessions: SessionStore;
const peers: Bun.Subprocess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-sessions-"));
  path = join(directory, "state.db");
  file = new StateFile(path);
  sessions = new SessionStore(file);
});
afterEach(async () => {
  for (const each of peers.splice(0)) {
    each.kill("SIGKILL");
    await each.exited;
  }
  file.close();
  rmSync(directory, { recursive: true });
});

const create = (more: Partial<SessionRow> = {}) =>
  sessions.create({ ...place, title: "a question", created_at, ...more });

const message = (role: string, content: string, tokens = 1) => ({ role, content, tokens, created_at });

/** Another process; `go` lets it do its work, `line` is the next one it prints. */
async function startPeer(id: string, run: string, what: "append" | "claim") {
  const child = Bun.spawn([process.execPath, peer, path, id, run, what], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env: {},
  });
  peers.push(child);
  const reader = child.stdout.getReader();
  let heard = "";
  const line = async (): Promise<string> => {
    for (;;) {
      const end = heard.indexOf("\n");
      if (end >= 0) {
        const found = heard.slice(0, end);
        heard = heard.slice(end + 1);
        return found;
      }
      const { value, done } = await reader.read();
      if (done) throw new Error("the other process is gone");
      heard += Buffer.from(value).toString("utf8");
    }
  };
  expect(await line()).toBe("ready");
  const go = () => {
    child.stdin.write("go\n");
    void child.stdin.flush();
  };
  return { child, go, line };
}

describe("a session", () => {
  test("is found by its whole id and by nothing less", async () => {
    const { id } = await create();
    expect(await sessions.get(id)).toMatchObject({ id, title: "a question", messages: 0, closed_at: null });
    for (const near of ["*", "%", "_", "", id.slice(0, 8), `${id.slice(0, 8)}*`, `${id.slice(0, -1)}%`, `${id}*`]) {
      expect(await sessions.get(near)).toBeUndefined();
      expect(await sessions.close(near, later, isAlive)).toBe(false);
      expect(await sessions.activate(place, near)).toBe(false);
      expect(await sessions.claim(near, newId(), thisProcess(), isAlive)).toBe(false);
      expect(await sessions.tail(near, 1000)).toEqual([]);
    }
  });

  test("is closed once and keeps what was said in it", async () => {
    const { id } = await create();
    await sessions.append(id, newId(), [message("user", "hello")], untainted);
    expect(await sessions.close(id, later, isAlive)).toBe(true);
    expect(await sessions.close(id, "2026-01-01T00:02:00.000Z", isAlive)).toBe(false);
    expect(await sessions.get(id)).toMatchObject({ closed_at: later, updated_at: later, messages: 1 });
    expect(await sessions.tail(id, 100)).toHaveLength(1);
  });

  test("is not closed under a run, and is when the run's process is gone", async () => {
    const { id } = await create();
    await sessions.claim(id, newId(), thisProcess(), isAlive);
    expect(await sessions.close(id, later, isAlive)).toBe(false);
    expect(await sessions.close(id, later, () => false)).toBe(true);
    expect(await sessions.claim(id, newId(), thisProcess(), isAlive)).toBe(false);
  });
});

describe("the active session of a place", () => {
  test("is the one last activated there, and another place has its own", async () => {
    const [first, second] = [await create(), await create()];
    expect(await sessions.active(place)).toBeUndefined();
    expect(await sessions.activate(place, first.id)).toBe(true);
    expect(await sessions.activate(place, second.id)).toBe(true);
    expect((await sessions.active(place))?.id).toBe(second.id);
    for (const elsewhere of [{ channel: "api" }, { user: "bob" }, { room: "x" }, { agent: "agent:ops" }]) {
      expect(await sessions.active({ ...place, ...elsewhere })).toBeUndefined();
    }
  });

  test("is none once it was closed, and a closed one is not activated again", async () => {
    const { id } = await create();
    await sessions.activate(place, id);
    await sessions.close(id, later, isAlive);
    expect(await sessions.active(place)).toBeUndefined();
    expect(await sessions.activate(place, id)).toBe(false);
    const next = await create();
    expect(await sessions.activate(place, next.id)).toBe(true);
    expect(await sessions.active(place)).toMatchObject({ id: next.id });
  });

  test("is never one of another agent", async () => {
    const { id } = await create({ agent: "agent:ops" });
    expect(await sessions.activate(place, id)).toBe(false);
    expect(await sessions.active(place)).toBeUndefined();
  });
});

test("a list is filtered by exact words, the last used first, paged, with the total of all that match", async () => {
  const [a, b, c] = [await create(), await create({ user: "bob" }), await create()];
  await sessions.append(a.id, newId(), [{ ...message("user", "hello"), created_at: later }], untainted);
  await sessions.close(c.id, "2026-01-01T00:00:30.000Z", isAlive);
  const ids = async (filter: object) =>
    (await sessions.list({ include_closed: false, limit: 10, offset: 0, ...filter })).rows.map((row) => row.id);
  expect(await ids({})).toEqual([a.id, b.id]);
  expect(await ids({ include_closed: true })).toEqual([a.id, c.id, b.id]);
  expect(await ids({ user: "bob" })).toEqual([b.id]);
  for (const filter of [{ user: "*" }, { user: "b%" }, { agent: "agent:ops" }, { channel: "c" }, { room: "" }]) {
    expect(await ids(filter)).toEqual([]);
  }
  const page = await sessions.list({ ...place, include_closed: true, limit: 1, offset: 1 });
  expect(page).toMatchObject({ total: 2, rows: [{ id: c.id }] });
});

describe("a claim", () => {
  test("is held by one run until that run lets go", async () => {
    const { id } = await create();
    const [mine, other] = [newId(), newId()];
    expect(await sessions.claim(id, mine, thisProcess(), isAlive)).toBe(true);
    expect(await sessions.claim(id, mine, thisProcess(), isAlive)).toBe(true);
    expect(await sessions.claim(id, other, thisProcess(), isAlive)).toBe(false);
    await sessions.release(id, other);
    expect(await sessions.claim(id, other, thisProcess(), isAlive)).toBe(false);
    await sessions.release(id, mine);
    expect(await sessions.claim(id, other, thisProcess(), isAlive)).toBe(true);
  });

  test("of a run is not another process's as long as the first one lives", async () => {
    const { id } = await create();
    const run = newId();
    await sessions.claim(id, run, thisProcess(), isAlive);
    expect(await sessions.claim(id, run, "another process", isAlive)).toBe(false);
    expect(await sessions.claim(id, run, "another process", () => false)).toBe(true);
  });

  test("goes to one of several processes that want it at once, and is free again when that one is killed", async () => {
    const { id } = await create();
    const others = await Promise.all([1, 2, 3].map(() => startPeer(id, newId(), "claim")));
    for (const each of others) each.go();
    const answers = await Promise.all(others.map((each) => each.line()));
    expect([...answers].sort()).toEqual(["false", "false", "true"]);
    expect(await sessions.claim(id, newId(), thisProcess(), isAlive)).toBe(false);
    const holder = others[answers.indexOf("true")];
    holder?.child.kill("SIGKILL");
    await holder?.child.exited;
    expect(await sessions.claim(id, newId(), thisProcess(), isAlive)).toBe(true);
  });
});

describe("messages", () => {
  test("of two processes at once are all there, each's in its order and none torn from its batch", async () => {
    const { id } = await create();
    const runs = [newId(), newId()];
    const others = await Promise.all(runs.map((run) => startPeer(id, run, "append")));
    for (const each of others) each.go();
    expect(await Promise.all(others.map((each) => each.child.exited))).toEqual([0, 0]);
    const all = await sessions.read(id, { limit: 1000, offset: 0 });
    expect(all.map((each) => each.seq)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
    for (const run of runs) {
      const own = all.filter((each) => each.run === run && each.role === "user").map((each) => Number(each.content));
      expect(own).toEqual(Array.from({ length: 100 }, (_, i) => i));
    }
    for (let i = 0; i < all.length; i += 2) {
      expect(all[i + 1]).toMatchObject({ run: all[i]?.run, role: "assistant", content: all[i]?.content });
    }
    expect(await sessions.get(id)).toMatchObject({ messages: 400, updated_at: "2026-01-01T00:00:01.000Z" });
  });

  test("are all kept or none", async () => {
    const { id } = await create();
    const torn = [message("user", "one"), { ...message("user", "two"), tokens: 1.5 }];
    await expect(sessions.append(id, newId(), torn, untainted)).rejects.toThrow();
    expect(await sessions.read(id, { limit: 10, offset: 0 })).toEqual([]);
    expect(await sessions.get(id)).toMatchObject({ messages: 0 });
  });

  test("written by a clock that was set back do not make the session older", async () => {
    const { id } = await create();
    await sessions.append(id, newId(), [{ ...message("user", "now"), created_at: later }], untainted);
    await sessions.append(id, newId(), [message("user", "earlier")], untainted);
    expect(await sessions.get(id)).toMatchObject({ messages: 2, updated_at: later });
  });

  test("keep what they bring, whatever comes after; a session that is not there brings everything", async () => {
    const { id } = await create();
    expect(await sessions.taint(id)).toEqual(untainted);
    await sessions.append(id, newId(), [message("user", "a")], { untrusted: true, private: false });
    await sessions.append(id, newId(), [message("user", "b")], untainted);
    expect(await sessions.taint(id)).toEqual({ untrusted: true, private: false });
    await sessions.append(id, newId(), [message("user", "c")], { untrusted: false, private: true });
    await sessions.append(id, newId(), [message("user", "d")], untainted);
    expect(await sessions.taint(id)).toEqual({ untrusted: true, private: true });
    expect(await sessions.taint(newId())).toEqual({ untrusted: true, private: true });
  });

  test("for a session that is not there are refused", async () => {
    await expect(sessions.append(newId(), newId(), [message("user", "x")], untainted)).rejects.toMatchObject({
      code: "not_found",
    });
  });

  test("are read a page at a time, oldest first, as they were written", async () => {
    const { id } = await create();
    const words = ["", "a\0b", "ünï 🎈", "x".repeat(100_000)];
    await sessions.append(
      id,
      newId(),
      words.map((text) => message("user", text)),
      untainted,
    );
    const pages = [await sessions.read(id, { limit: 2, offset: 0 }), await sessions.read(id, { limit: 2, offset: 2 })];
    expect(pages.flat().map((each) => each.content)).toEqual(words);
  });
});

describe("the tail", () => {
  test("is the newest messages within the budget, oldest first, and begins with the user's", async () => {
    const { id } = await create();
    const turn = (n: number) => [
      message("user", `q${n}`, 2),
      message("tool", `t${n}`, 3),
      message("assistant", `a${n}`, 5),
    ];
    await sessions.append(id, newId(), [1, 2, 3].flatMap(turn), untainted);
    const words = async (budget: number) => (await sessions.tail(id, budget)).map((each) => each.content);
    expect(await words(30)).toEqual(["q1", "t1", "a1", "q2", "t2", "a2", "q3", "t3", "a3"]);
    expect(await words(29)).toEqual(["q2", "t2", "a2", "q3", "t3", "a3"]);
    expect(await words(20)).toEqual(["q2", "t2", "a2", "q3", "t3", "a3"]);
    expect(await words(19)).toEqual(["q3", "t3", "a3"]);
    expect(await words(9)).toEqual([]);
    expect(await words(0)).toEqual([]);
  });

  test("of any session is a run of its newest messages that fits and cannot be longer", async () => {
    const spoken = fc.array(
      fc.record({ role: fc.constantFrom("user", "assistant", "tool"), tokens: fc.integer({ min: 0, max: 9 }) }),
      { maxLength: 150 },
    );
    await fc.assert(
      fc.asyncProperty(spoken, fc.integer({ min: 0, max: 400 }), async (said, budget) => {
        const { id } = await create();
        await sessions.append(
          id,
          newId(),
          said.map(({ role, tokens }, i) => message(role, String(i), tokens)),
          untainted,
        );
        const tail = await sessions.tail(id, budget);
        const from = said.length - tail.length;
        expect(tail.map((each) => each.content)).toEqual(said.slice(from).map((_, i) => String(from + i)));
        const total = (list: readonly { readonly tokens: number }[]) =>
          list.reduce((sum, each) => sum + each.tokens, 0);
        expect(total(tail)).toBeLessThanOrEqual(budget);
        if (tail[0]) expect(tail[0].role).toBe("user");
        for (let at = from - 1; at >= 0; at--) {
          if (said[at]?.role === "user") expect(total(said.slice(at))).toBeGreaterThan(budget);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("of a long session is read without the rest of it, and what is over the budget alone stays where it is", async () => {
    const { id } = await create();
    const long = Array.from({ length: 1000 }, (_, i) => [
      message("user", `q${i}`, 10),
      message("assistant", `a${i}`, 10),
    ]);
    await sessions.append(id, newId(), long.flat(), untainted);
    await sessions.append(id, newId(), [message("user", "huge ".repeat(10_000), 12_500)], untainted);
    await sessions.append(id, newId(), [message("user", "last", 10), message("assistant", "word", 10)], untainted);
    const read = spyOn(file, "rows");
    try {
      expect((await sessions.tail(id, 1000)).map((each) => each.content)).toEqual(["last", "word"]);
      const rows = read.mock.results.flatMap((each) => each.value as readonly { readonly content: string }[]);
      expect(rows.length).toBeLessThanOrEqual(64);
      expect(rows.some((row) => row.content.startsWith("huge"))).toBe(false);
    } finally {
      read.mockRestore();
    }
    expect(await sessions.tail(id, 15_000)).toHaveLength(251);
  });
});

import { expect, spyOn, test } from "bun:test";
import { newId } from "../core/id.ts";
import { thisProcess, isAlive } from "../core/owner.ts";
import { agent, operator, type Principal } from "../define/principal.ts";
import { sessionsHandle } from "./sessions.ts";
import { useEstate } from "./testdata/estate.ts";

const estate = useEstate();
const created_at = "2026-01-01T00:00:00.000Z";
const everything = { include_closed: true, limit: 50, offset: 0 };

async function open() {
  const { keeper } = await estate.open();
  const make = (name: string) =>
    keeper.sessions.create({ agent: name, channel: "cli", user: "ada", room: "terminal", title: "t", created_at });
  const run_id = newId();
  const as = (principal: Principal) => sessionsHandle(keeper, { principal, run_id });
  return { keeper, run_id, as, mine: await make("agent:default"), others: await make("agent:ops") };
}

test("an agent sees and closes its own sessions; another's is not there for it, whatever it asks", async () => {
  const { keeper, as, mine, others } = await open();
  const own = as(agent("default"));
  expect(await own.list(everything)).toEqual({ sessions: [mine], total: 1 });
  expect(await own.get(mine.id)).toEqual(mine);
  expect(await own.get(others.id)).toBeUndefined();
  await expect(own.close(others.id)).rejects.toMatchObject({ code: "not_found" });
  await expect(own.list({ ...everything, agent: "agent:ops" })).rejects.toMatchObject({ code: "permission_denied" });
  expect((await keeper.sessions.get(others.id))?.closed_at).toBeNull();
});

test("the operator sees and closes every agent's", async () => {
  const { as, mine, others } = await open();
  const all = as(operator);
  expect((await all.list(everything)).total).toBe(2);
  expect((await all.list({ ...everything, agent: "agent:ops" })).sessions).toEqual([others]);
  expect(await all.get(mine.id)).toEqual(mine);
  await all.close(others.id);
  expect((await all.get(others.id))?.closed_at).not.toBeNull();
});

test("closing is in the ledger, once: a session closed already keeps its time", async () => {
  const { keeper, run_id, as, mine } = await open();
  const before = keeper.ledger.size();
  const append = spyOn(keeper.ledger, "append");
  const at = await as(agent("default")).close(mine.id);
  expect(await as(agent("default")).close(mine.id)).toBe(at);
  expect(await as(operator).close(mine.id)).toBe(at);
  expect(keeper.ledger.size()).toBe(before + 1);
  expect(await keeper.ledger.entry(before)).toMatchObject({
    type: "session.closed",
    run: run_id,
    payload: { session: mine.id },
  });
  expect(append.mock.calls.map(([{ actor }]) => actor)).toEqual(["agent:default"]);
});

test("a session is not closed under a run, and one whose process died does not stay open for ever", async () => {
  const { keeper, as, mine } = await open();
  await keeper.sessions.claim(mine.id, newId(), thisProcess(), isAlive);
  await expect(as(operator).close(mine.id)).rejects.toMatchObject({ code: "failed_precondition" });
  expect((await keeper.sessions.get(mine.id))?.closed_at).toBeNull();
  await keeper.sessions.claim(mine.id, newId(), "another-boot/1/1/1", () => false);
  expect(await as(operator).close(mine.id)).toBe((await keeper.sessions.get(mine.id))?.closed_at ?? "");
});

test("an id is exact: a wildcard or the beginning of one closes nothing", async () => {
  const { keeper, as, mine, others } = await open();
  for (const near of ["*", "%", mine.id.slice(0, 8), `${mine.id.slice(0, -1)}_`]) {
    expect(await as(operator).get(near)).toBeUndefined();
    await expect(as(operator).close(near)).rejects.toMatchObject({ code: "not_found" });
  }
  for (const { id } of [mine, others]) expect((await keeper.sessions.get(id))?.closed_at).toBeNull();
});

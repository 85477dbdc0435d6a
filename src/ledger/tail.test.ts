/** The newest entries of a kind, while another process may be writing: in order, each once, with what is kept beside. */
import { expect, test } from "bun:test";
import { openTail } from "./tail.ts";
import { scratch } from "./testdata/scratch.ts";

test("the last ones of a kind come newest last, however far back they lie", async () => {
  using home = scratch();
  const ledger = await home.open();
  const draft = { type: "egress.open", actor: "agent:a", run: null };
  for (let n = 0; n < 3; n++) await ledger.append({ ...draft, payload: { n } });
  await Promise.all(
    Array.from({ length: 600 }, (_, n) => ledger.append({ ...draft, type: "call.intent", payload: { n } })),
  );
  await ledger.append({ ...draft, type: "egress.closed", payload: { n: 3 }, confidential: true });
  await ledger.append({ ...draft, type: "egressive", payload: { n: 4 } });
  const tail = openTail(home.path);
  const seen = (limit: number) => tail.last("egress.", limit).map(({ payload }) => payload);
  expect(seen(100)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }]);
  expect(seen(2)).toEqual([{ n: 2 }, { n: 3 }]);
  expect(tail.last("egress.", 1)).toMatchObject([{ seq: 603, type: "egress.closed", actor: "agent:a", run: null }]);
  expect(tail.last("nothing.", 5)).toEqual([]);
  tail.close();
  await ledger.close();
});

test("what comes later comes once, and an erased payload is shown as none", async () => {
  using home = scratch();
  const ledger = await home.open();
  const draft = { type: "egress.open", actor: "agent:a", run: null, payload: { n: 0 } };
  const { seq } = await ledger.append({ ...draft, confidential: true });
  const tail = openTail(home.path);
  expect(tail.last("egress.", 9)).toMatchObject([{ payload: { n: 0 } }]);
  expect(tail.next("egress.")).toEqual([]);
  await ledger.append({ ...draft, payload: { n: 1 } });
  await ledger.erase(seq);
  expect(tail.next("egress.")).toMatchObject([{ payload: { n: 1 } }]);
  expect(tail.next("egress.")).toEqual([]);
  expect(tail.last("egress.", 9).map(({ payload }) => payload)).toEqual([null, { n: 1 }]);
  tail.close();
  await ledger.close();
});

test("an entry that cannot be read is a fault, and so is a ledger that is not there", async () => {
  using home = scratch();
  await home.fill(3);
  home.tamper((db) => db.run("UPDATE entry SET bytes = CAST('nonsense' AS BLOB) WHERE seq = 1"));
  const tail = openTail(home.path);
  expect(() => tail.last("", 10)).toThrow(expect.objectContaining({ code: "data_loss" }));
  tail.close();
  expect(() => openTail(`${home.path}.none`)).toThrow();
});

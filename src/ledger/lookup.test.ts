import { expect, test } from "bun:test";
import { scratch } from "./testdata/scratch.ts";

test("an entry is looked up with its payload, also one kept beside, and none beyond the tree", async () => {
  using home = scratch();
  const ledger = await home.open();
  const draft = { type: "t.x", actor: "operator", run: "r", payload: { n: 1 } };
  const plain = await ledger.append(draft);
  const beside = await ledger.append({ ...draft, confidential: true });
  expect(await ledger.entry(plain.seq)).toEqual({ type: "t.x", run: "r", payload: { n: 1 } });
  expect(await ledger.entry(beside.seq)).toEqual({ type: "t.x", run: "r", payload: { n: 1 } });
  await expect(ledger.entry(2)).rejects.toThrow("no entry 2");
  await expect(ledger.entry(-1)).rejects.toThrow("no entry -1");
  await ledger.close();
});

test("an old entry that was rewritten is not believed, though start-up reads only the newest", async () => {
  using home = scratch();
  await home.fill(600);
  home.tamper((db) => db.run("UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE seq = 4) WHERE seq = 5"));
  const ledger = await home.open();
  await expect(ledger.entry(5)).rejects.toThrow("entry 5 is not the one the tree holds");
  expect((await ledger.entry(590)).payload).toMatchObject({ i: 590 });
  await ledger.close();
});

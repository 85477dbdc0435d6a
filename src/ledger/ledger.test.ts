import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { base64, fromBase64 } from "../crypto/hash.ts";
import { readCheckpoint, signersOf } from "./checkpoint.ts";
import type { EntryDraft } from "./entry.ts";
import { identityOf, newLogKey } from "./key.ts";
import { verifyInclusion } from "./proof.ts";
import { forge, readEntries } from "./testdata/forge.ts";
import { filled, scratch } from "./testdata/scratch.ts";
import { fileWitness, type Witness } from "./witness.ts";

const draft: EntryDraft = { type: "call.intent", actor: "agent:a", run: "r", payload: { tool: "fs.read" } };

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const thrown = await work.then(
    () => new Error("nothing was thrown"),
    (reason: unknown) => reason,
  );
  if (thrown instanceof Fault) return thrown;
  throw thrown;
}

describe("append", () => {
  test("numbers entries in the order they were asked for and answers with their leaves", async () => {
    using home = scratch();
    const ledger = await home.open();
    const receipts = await Promise.all(Array.from({ length: 600 }, (_, i) => ledger.append({ ...draft, payload: i })));
    expect(receipts.map((receipt) => receipt.seq)).toEqual(receipts.map((_, i) => i));
    expect(fromBase64(receipts[0]?.leaf ?? "")).toHaveLength(32);
    expect(ledger.size()).toBe(600);
    await ledger.close();
    expect(await home.verify()).toMatchObject({ status: "ok", entries: 600, signed_entries: 600, checkpoints: 2 });
  });

  test("resolves only when another process can read the entry", async () => {
    using home = scratch();
    const ledger = await home.open();
    const other = await home.open();
    await ledger.append({ ...draft, payload: "here" });
    expect(await other.latest("call.intent")).toEqual({ seq: 0, payload: "here" });
    await other.close();
    await ledger.close();
  });

  test("goes on where another holder of the same file left off", async () => {
    using home = scratch();
    const [a, b] = [await home.open(), await home.open()];
    for (let i = 0; i < 10; i++) {
      expect((await a.append(draft)).seq).toBe(i * 2);
      expect((await b.append(draft)).seq).toBe(i * 2 + 1);
    }
    await a.close();
    await b.close();
    expect(await home.verify()).toMatchObject({ status: "ok", entries: 20 });
  });

  test("refuses one bad draft without touching those that wait with it", async () => {
    using home = scratch();
    const ledger = await home.open();
    const results = await Promise.allSettled([
      ledger.append(draft),
      ledger.append({ ...draft, payload: "\ud800" }),
      ledger.erase(99),
      ledger.append(draft),
    ]);
    expect(results.map((each) => each.status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(ledger.size()).toBe(2);
    await ledger.close();
    expect((await home.verify()).status).toBe("ok");
  });

  test("refuses the types that only the ledger writes", async () => {
    using home = scratch();
    const ledger = await home.open();
    for (const type of ["clock.accepted", "payload.erased"]) {
      expect((await faultOf(ledger.append({ ...draft, type }))).code).toBe("invalid_argument");
    }
    await ledger.close();
  });

  test("is refused after close, and close may be called twice", async () => {
    using home = scratch();
    const ledger = await home.open();
    await ledger.close();
    await ledger.close();
    expect((await faultOf(ledger.append(draft))).code).toBe("failed_precondition");
  });

  test("refuses everything after the file was replaced under it", async () => {
    using home = scratch();
    await home.fill(3);
    const ledger = await home.open();
    home.tamper((db) => db.run("DELETE FROM entry WHERE seq = 2"));
    expect(await faultOf(ledger.append(draft))).toMatchObject({ code: "data_loss", data: { seq: 1 } });
    expect((await faultOf(ledger.checkpoint())).message).toContain("replaced");
    await ledger.close();
  });
});

describe("the clock", () => {
  test("may be up to 5 s behind: the entry then has the time of the one before", async () => {
    using home = scratch();
    const ledger = await home.open();
    await ledger.append(draft);
    home.clock.now_ms -= 5000;
    await ledger.append(draft);
    await ledger.close();
    expect((await home.verify()).status).toBe("ok");
  });

  test("further behind refuses appends until it is accepted, and says by how much", async () => {
    using home = scratch();
    const ledger = await home.open();
    await ledger.append(draft);
    home.clock.now_ms -= 60_000;
    const fault = await faultOf(ledger.append(draft));
    expect(fault).toMatchObject({ code: "failed_precondition", message: "the clock is 60 s behind the ledger" });
    expect(fault.hint).toContain("reeve doctor --fix");
    expect(ledger.size()).toBe(1);
    await ledger.acceptClock();
    await ledger.append(draft);
    await ledger.close();
    expect(await home.verify()).toMatchObject({ status: "ok", entries: 3 });
  });

  test("outside the years an entry can name is refused", async () => {
    using home = scratch();
    const ledger = await home.open();
    home.clock.now_ms = 253_402_300_800_000;
    expect((await faultOf(ledger.append(draft))).code).toBe("failed_precondition");
    home.clock.now_ms = 0;
    await ledger.close();
  });
});

describe("payloads kept beside", () => {
  const secret = "a word that must be gone afterwards";

  test("come back with the entry", async () => {
    using home = scratch();
    const ledger = await home.open();
    await ledger.append({ ...draft, payload: { secret }, confidential: true });
    expect(await ledger.latest("call.intent")).toEqual({ seq: 0, payload: { secret } });
    await ledger.close();
  });

  test("can be erased: every byte leaves the files, and everything still verifies", async () => {
    using home = scratch();
    const ledger = await home.open();
    await ledger.append({ ...draft, payload: { secret, long: secret.repeat(400) }, confidential: true });
    await ledger.append({ ...draft, type: "other" });
    expect(readFileSync(`${home.path}-wal`).includes(secret)).toBe(true);
    await ledger.erase(0);
    for (const file of [home.path, `${home.path}-wal`]) expect(readFileSync(file).includes(secret)).toBe(false);
    expect((await faultOf(ledger.latest("call.intent"))).code).toBe("not_found");
    expect(await ledger.latest("payload.erased")).toEqual({ seq: 2, payload: { seq: 0 } });
    await ledger.close();
    expect(await home.verify()).toMatchObject({ status: "ok", entries: 3 });
  });

  test("are erased once, and only where there is one", async () => {
    using home = scratch();
    const ledger = await home.open();
    await ledger.append({ ...draft, confidential: true });
    await ledger.append(draft);
    await ledger.erase(0);
    expect((await faultOf(ledger.erase(0))).code).toBe("failed_precondition");
    expect((await faultOf(ledger.erase(1))).code).toBe("not_found");
    expect(ledger.size()).toBe(3);
    await ledger.close();
  });
});

describe("checkpoints", () => {
  test("are made every so many entries, by whoever writes the one that is due", async () => {
    using home = scratch();
    const ledger = await home.open({ checkpoint_entries: 4 });
    for (let i = 0; i < 9; i++) await ledger.append(draft);
    expect(await home.verify()).toMatchObject({ status: "ok", entries: 9, signed_entries: 8, checkpoints: 3 });
    await ledger.close();
    expect(await home.verify()).toMatchObject({ signed_entries: 9, checkpoints: 4 });
  });

  test("are made after the interval when something waits to be signed, without keeping the process alive", async () => {
    using home = scratch();
    const ledger = await home.open({ checkpoint_interval_ms: 1 });
    await ledger.append(draft);
    while (readCheckpoint((await home.witness.latest(ledger.origin)) ?? "").size < 1) await Bun.sleep(1);
    expect((await home.verify()).signed_entries).toBe(1);
    await ledger.close();
  });

  test("on request name size and root, reach the witness, and are the same until something is added", async () => {
    using home = scratch();
    const ledger = await home.open();
    await ledger.append(draft);
    const first = await ledger.checkpoint();
    const { size, root } = readCheckpoint(first.note);
    expect([size, base64(root)]).toEqual([first.size, first.root]);
    expect(await home.witness.latest(ledger.origin)).toBe(first.note);
    expect(await ledger.checkpoint()).toEqual(first);
    await ledger.close();
  });

  test("prove any entry of theirs", async () => {
    using home = scratch();
    const ledger = await home.open();
    const receipts = await Promise.all(Array.from({ length: 700 }, () => ledger.append(draft)));
    const { size, note } = await ledger.checkpoint();
    const { root } = readCheckpoint(note);
    for (const { seq, leaf } of receipts.filter((_, i) => i % 97 === 0)) {
      expect(verifyInclusion({ seq, size, leaf: fromBase64(leaf), root }, ledger.proveInclusion(seq, size))).toBe(true);
    }
    expect(() => ledger.proveInclusion(700, 700)).toThrow("not in a tree");
    await ledger.close();
  });

  test("whose witness cannot be reached stay in the file, and the failure is told", async () => {
    using home = scratch();
    let broken = false;
    const flaky: Witness = {
      name: "flaky",
      latest: (origin) => home.witness.latest(origin),
      add: (...request) =>
        broken ? Promise.reject(new Fault("unavailable", "unplugged")) : home.witness.add(...request),
    };
    const ledger = await home.open({ witnesses: [flaky] });
    await ledger.append(draft);
    broken = true;
    expect((await faultOf(ledger.checkpoint())).message).toBe("unplugged");
    expect(await home.verify()).toMatchObject({ status: "ok", signed_entries: 1, witnesses: [{ size: 0 }] });
    broken = false;
    await ledger.append(draft);
    await ledger.close();
    expect(await home.verify()).toMatchObject({ status: "ok", witnesses: [{ size: 2 }] });
  });
});

test("a witness that holds another tree of this log stops every further append", async () => {
  using home = await filled();
  using twin = await filled();
  const { origin, verifier_keys } = identityOf(home.key);
  const entries = readEntries(twin.path).map((entry) => ({ ...entry, log: origin }));
  forge({ path: twin.path, origin, keys: verifier_keys, entries, signers: signersOf(home.key, Date.now) });
  const twinWitness = fileWitness(join(home.dir, "twin.json"));
  const fork = await home.open({ path: twin.path, witnesses: [twinWitness] });
  await fork.append({ ...draft, payload: "another history" });
  let split = false;
  const witness: Witness = {
    name: "split",
    latest: (log) => (split ? twinWitness : home.witness).latest(log),
    add: (...request) => (split ? twinWitness : home.witness).add(...request),
  };
  const ledger = await home.open({ witnesses: [witness] });
  await fork.close();
  split = true;
  await ledger.append(draft);
  await ledger.append(draft);
  expect((await faultOf(ledger.checkpoint())).code).toBe("data_loss");
  expect(ledger.trouble?.code).toBe("data_loss");
  expect((await faultOf(ledger.append(draft))).code).toBe("data_loss");
  expect(ledger.size()).toBe(14);
  expect((await faultOf(ledger.close())).code).toBe("data_loss");
});

describe("open", () => {
  test("says not_found for a missing file that nobody knows", async () => {
    using home = scratch();
    expect((await faultOf(home.open({ create: false }))).code).toBe("not_found");
  });

  test("says data_loss for a missing file that a witness knows, also when it may create one", async () => {
    using home = scratch();
    await (await home.open()).close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${home.path}${suffix}`, { force: true });
    for (const create of [true, false]) {
      expect(await faultOf(home.open({ create }))).toMatchObject({ code: "data_loss", data: { size: 0 } });
    }
  });

  test("refuses the ledger of another key", async () => {
    using home = scratch();
    await home.fill(1);
    expect((await faultOf(home.open({ key: newLogKey() }))).code).toBe("data_loss");
  });

  test("keeps the file private and its key lines usable as a pin", async () => {
    using home = scratch();
    const ledger = await home.open();
    expect(statSync(home.path).mode & 0o777).toBe(0o600);
    expect(ledger.verifierKeys()).toEqual(home.pinned);
    await ledger.close();
  });

  test("finds everything in a ledger much longer than the tail it reads", async () => {
    using home = scratch();
    const ledger = await home.open();
    await Promise.all(
      Array.from({ length: 3000 }, (_, i) =>
        ledger.append({ ...draft, type: i === 5 ? "rare" : "common", payload: i }),
      ),
    );
    await ledger.close();
    const again = await home.open({ create: false });
    expect(again.size()).toBe(3000);
    expect(await again.latest("rare")).toEqual({ seq: 5, payload: 5 });
    await again.append(draft);
    await again.close();
    expect(await home.verify()).toMatchObject({ status: "ok", entries: 3001 });
  });

  const attacks: Record<string, (home: ReturnType<typeof scratch>) => void> = {
    "an entry changed in the tail": ({ tamper }) =>
      tamper((db) =>
        db.run("UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'words', 'WORDS') AS BLOB) WHERE seq = 7"),
      ),
    "an entry deleted": ({ tamper }) => tamper((db) => db.run("DELETE FROM entry WHERE seq = 7")),
    "the last entries cut off": ({ tamper }) => tamper((db) => db.run("DELETE FROM entry WHERE seq > 7")),
    "the last entries and checkpoints cut off": ({ tamper }) =>
      tamper((db) =>
        db.run("DELETE FROM entry WHERE seq > 7; DELETE FROM checkpoint WHERE size > 8; DELETE FROM latest"),
      ),
    "every checkpoint deleted": ({ tamper }) => tamper((db) => db.run("DELETE FROM checkpoint")),
    "a checkpoint with another note": ({ tamper }) =>
      tamper((db) => db.run("UPDATE checkpoint SET note = 'x' WHERE size = 12")),
    "an index that names an older entry": ({ tamper }) => tamper((db) => db.run("UPDATE latest SET seq = 3")),
    "an index that names nothing": ({ tamper }) => tamper((db) => db.run("DELETE FROM latest")),
    "a file cut in half": ({ path }) => truncateSync(path, statSync(path).size / 2),
    "an empty file": ({ path }) => truncateSync(path, 0),
    "a witness file that is damaged": ({ witnessPath }) => writeFileSync(witnessPath, '{"v":1,"notes":{'),
    "a witness note with a broken signature": ({ witnessPath }) =>
      writeFileSync(witnessPath, readFileSync(witnessPath, "utf8").replace(/\\n12\\n/, "\\n11\\n")),
  };
  for (const [what, attack] of Object.entries(attacks)) {
    test(`says data_loss for ${what}`, async () => {
      using home = scratch();
      await home.fill(8);
      await home.fill(4);
      attack(home);
      expect((await faultOf(home.open())).code).toBe("data_loss");
    });
  }

  test("says data_loss for entries cut off behind a checkpoint, also without a witness", async () => {
    using home = await filled();
    home.tamper((db) => db.run("DELETE FROM entry WHERE seq > 9; UPDATE latest SET seq = 9"));
    expect(await faultOf(home.open({ witnesses: [] }))).toMatchObject({ code: "data_loss", data: { seq: 10 } });
  });

  test("says data_loss for yesterday's copy of the home, and for one rebuilt to the same length with its own key", async () => {
    using home = scratch();
    await home.fill(4);
    home.save("yesterday");
    await home.fill(4);
    home.restore("yesterday");
    const fault = await faultOf(home.open());
    expect(fault).toMatchObject({ code: "data_loss", data: { seq: 4 } });
    expect(fault.message).toContain("rolled back");
    // The thief has the key, but not the witness: the copy is continued to the old length with other entries.
    const forged = await home.open({ witnesses: [] });
    for (let i = 0; i < 4; i++) await forged.append({ ...draft, payload: "forged" });
    await forged.close();
    expect((await faultOf(home.open())).code).toBe("data_loss");
    expect((await home.verify()).status).toBe("rolled_back");
  });
});

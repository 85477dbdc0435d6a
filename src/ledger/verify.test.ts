import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { identityOf, newLogKey } from "./key.ts";
import { readEntries } from "./testdata/forge.ts";
import { filled, replaceText, scratch } from "./testdata/scratch.ts";
import { verifyLedger, verifyStatuses } from "./verify.ts";

describe("verification", () => {
  test("of a good ledger names origin, size, root and what each witness holds, and changes nothing", async () => {
    using home = await filled();
    const before = readFileSync(home.path);
    expect(await home.verify()).toMatchObject({
      status: "ok",
      exit: 0,
      ok: true,
      pinned: true,
      origin: identityOf(home.key).origin,
      entries: 12,
      checkpoints: 3,
      signed_entries: 12,
      witnesses: [{ size: 12 }],
      problem: null,
    });
    expect(readFileSync(home.path).equals(before)).toBe(true);
  });

  test("without a pinned key says so, whoever signed the file", async () => {
    using home = await filled();
    expect(await home.verify({ key: undefined })).toMatchObject({
      status: "unpinned",
      exit: 24,
      ok: false,
      pinned: false,
    });
    home.tamper((db) => db.run(replaceText(3, "words", "wordz")));
    expect((await home.verify({ key: undefined })).status).toBe("damaged");
  });

  test("never believes the keys stored beside the log when others are pinned", async () => {
    using home = await filled();
    const other = identityOf(newLogKey()).verifier_keys;
    expect(await home.verify({ key: other, witnesses: [] })).toMatchObject({ status: "signature", exit: 20 });
    home.tamper((db) => db.run("UPDATE log SET keys = ?", [other.join("\n")]));
    expect((await home.verify()).status).toBe("ok");
    expect((await home.verify({ key: undefined })).status).toBe("signature");
  });

  test("of a file nobody knows says not_found, and of a bad key file invalid_argument", async () => {
    using home = scratch();
    const codeOf = (work: Promise<unknown>) =>
      work.catch((thrown: unknown) => (thrown instanceof Fault ? thrown.code : thrown));
    expect(await codeOf(home.verify())).toBe("not_found");
    expect(await codeOf(home.verify({ key: ["hello"] }))).toBe("invalid_argument");
    expect(await codeOf(home.verify({ key: [] }))).toBe("invalid_argument");
  });

  test("of a ledger in use sees one moment of it", async () => {
    using home = scratch();
    const ledger = await home.open();
    await ledger.append({ type: "t.n", actor: "agent:a", run: null, payload: 0 });
    expect(await home.verify()).toMatchObject({ status: "ok", entries: 1, signed_entries: 0 });
    await ledger.close();
  });

  test("has an exit status of its own for every outcome, none of them that of a fault it could be mistaken for", () => {
    const exits = Object.values(verifyStatuses);
    expect(new Set(exits).size).toBe(exits.length);
    for (const [status, exit] of Object.entries(verifyStatuses)) {
      if (status !== "ok" && status !== "damaged") expect(exit).toBeGreaterThan(15);
    }
  });

  test("notices any single changed byte of any entry", async () => {
    using home = await filled();
    const size = readEntries(home.path).length;
    home.save("good");
    await fc.assert(
      fc.asyncProperty(fc.nat(size - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), async (seq, at, mask) => {
        home.restore("good");
        home.tamper((db) => {
          const row = db.query<{ bytes: Uint8Array }, [number]>("SELECT bytes FROM entry WHERE seq = ?").get(seq);
          const bytes = Uint8Array.from(row?.bytes ?? []);
          const index = at % bytes.length;
          bytes[index] = (bytes[index] ?? 0) ^ mask;
          db.run("UPDATE entry SET bytes = ? WHERE seq = ?", [bytes, seq]);
        });
        const report = await verifyLedger({ path: home.path, key: home.pinned });
        expect(report.ok).toBe(false);
        expect(report.problem?.seq ?? size).toBeLessThanOrEqual(seq);
      }),
      { numRuns: 40 },
    );
  });
});

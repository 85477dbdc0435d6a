import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { canonicalize } from "../core/canonical.ts";
import { signersOf } from "./checkpoint.ts";
import { identityOf, newLogKey } from "./key.ts";
import { type ForgedEntry, forge, readEntries } from "./testdata/forge.ts";
import { filled, replaceText, type Scratch, scratch } from "./testdata/scratch.ts";
import { type VerifyStatus, verifyStatuses } from "./verify.ts";

const now = () => 1_700_000_000_000;

function rebuild(
  home: Scratch,
  change: (entries: ForgedEntry[]) => ForgedEntry[],
  options: Partial<Parameters<typeof forge>[0]> = {},
): void {
  const { origin, verifier_keys } = identityOf(home.key);
  const entries = change(readEntries(home.path));
  forge({ path: home.path, origin, keys: verifier_keys, entries, signers: signersOf(home.key, now), ...options });
}

interface Attack {
  readonly status: VerifyStatus;
  readonly seq?: number | null;
  run(home: Scratch): void | Promise<void>;
}

const attacks: Record<string, Attack> = {
  "a byte of a payload edited": {
    status: "damaged",
    seq: 3,
    run: (home) => home.tamper((db) => db.run(replaceText(3, "words", "wordz"))),
  },
  "a byte of the last payload edited": {
    status: "inconsistent",
    seq: 8,
    run: (home) => home.tamper((db) => db.run(replaceText(11, "words", "wordz"))),
  },
  "a bit flipped in the file itself, where SQLite does not look": {
    status: "damaged",
    seq: 5,
    run: (home) => {
      const bytes = readFileSync(home.path);
      const at = bytes.indexOf('"payload":{"i":5,"text":"some');
      bytes[at + 25] = (bytes[at + 25] ?? 0) ^ 2;
      writeFileSync(home.path, bytes);
    },
  },
  "an entry edited and the next one made to follow it": {
    status: "damaged",
    seq: 4,
    run: (home) => {
      const original = readEntries(home.path);
      rebuild(home, (entries) =>
        entries.map((entry) => (entry["seq"] === 3 ? { ...entry, payload: "edited" } : entry)),
      );
      const edited = [3, 4].map((seq) => readEntries(home.path)[seq]);
      rebuild(home, () => original);
      home.tamper((db) => {
        for (const entry of edited) {
          db.run("UPDATE entry SET bytes = ? WHERE seq = ?", [
            Buffer.from(canonicalize(entry ?? null)),
            Number(entry?.["seq"]),
          ]);
        }
      });
    },
  },
  "an entry deleted": {
    status: "damaged",
    seq: 5,
    run: (home) => home.tamper((db) => db.run("DELETE FROM entry WHERE seq = 5")),
  },
  "an entry deleted and the rest renumbered": {
    status: "damaged",
    seq: 5,
    run: (home) =>
      home.tamper((db) => db.run("DELETE FROM entry WHERE seq = 5; UPDATE entry SET seq = seq - 1 WHERE seq > 5")),
  },
  "two entries swapped": {
    status: "damaged",
    seq: 5,
    run: (home) =>
      home.tamper((db) =>
        db.run(
          "UPDATE entry SET seq = 100 WHERE seq = 5; UPDATE entry SET seq = 5 WHERE seq = 6; UPDATE entry SET seq = 6 WHERE seq = 100",
        ),
      ),
  },
  "an entry inserted": {
    status: "damaged",
    seq: 12,
    run: (home) => home.tamper((db) => db.run("INSERT INTO entry SELECT 12, bytes FROM entry WHERE seq = 3")),
  },
  "a number used twice": {
    status: "damaged",
    seq: 6,
    run: (home) =>
      home.tamper((db) => db.run("UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE seq = 5) WHERE seq = 6")),
  },
  "an entry of another log": {
    status: "damaged",
    seq: 2,
    run: (home) =>
      rebuild(home, (entries) =>
        entries.map((entry) => (entry["seq"] === 2 ? { ...entry, log: "agent-ledger/other" } : entry)),
      ),
  },
  "the last entries cut off": {
    status: "inconsistent",
    seq: 10,
    run: (home) => home.tamper((db) => db.run("DELETE FROM entry WHERE seq >= 10")),
  },
  "everything cut off after an earlier checkpoint": {
    status: "rolled_back",
    seq: 8,
    run: (home) =>
      home.tamper((db) =>
        db.run("DELETE FROM entry WHERE seq >= 8; DELETE FROM checkpoint WHERE size > 8; UPDATE latest SET seq = 7"),
      ),
  },
  "the whole rewritten by someone without the key, who keeps the checkpoints": {
    status: "inconsistent",
    seq: 0,
    run: (home) => {
      const edited = (entries: ForgedEntry[]) => entries.map((entry) => ({ ...entry, actor: "agent:b" }));
      const store = readCheckpoints(home);
      rebuild(home, edited);
      home.tamper((db) => {
        db.run("DELETE FROM checkpoint");
        for (const row of store) db.run("INSERT INTO checkpoint VALUES (?, ?, ?)", row);
      });
    },
  },
  "the whole rewritten with the tree state beside each old checkpoint": {
    status: "inconsistent",
    seq: 0,
    run: (home) => {
      const notes = readCheckpoints(home);
      rebuild(home, (entries) => entries.map((entry) => ({ ...entry, actor: "agent:b" })));
      home.tamper((db) => {
        for (const [size, note] of notes) db.run("UPDATE checkpoint SET note = ? WHERE size = ?", [note, size]);
      });
    },
  },
  "the whole rewritten and signed with a new key": {
    status: "signature",
    seq: null,
    run: (home) => {
      const key = newLogKey();
      const { origin, verifier_keys } = identityOf(key);
      const entries = (old: ForgedEntry[]) => old.map((entry) => ({ ...entry, log: origin }));
      rebuild(home, entries, { origin, keys: verifier_keys, signers: signersOf(key, now) });
    },
  },
  "the whole rewritten and signed with the stolen Ed25519 key alone": {
    status: "signature",
    seq: null,
    run: (home) =>
      rebuild(home, (entries) => entries.map((entry) => ({ ...entry, actor: "agent:b" })), {
        signers: signersOf(home.key, now).slice(0, 1),
      }),
  },
  "the whole rewritten and signed with the stolen Ed25519 key and another ML-DSA-44 key": {
    status: "signature",
    seq: null,
    run: (home) => {
      const half = { ed25519_seed: home.key.ed25519_seed, mldsa44_seed: newLogKey().mldsa44_seed };
      rebuild(home, (entries) => entries, { keys: identityOf(half).verifier_keys, signers: signersOf(half, now) });
    },
  },
  "the whole rewritten with both keys, while the witness is out of reach": {
    status: "rolled_back",
    seq: null,
    run: (home) => rebuild(home, (entries) => entries.map((entry) => ({ ...entry, actor: "agent:b" }))),
  },
  "every checkpoint removed": {
    status: "signature",
    seq: 0,
    run: (home) => home.tamper((db) => db.run("DELETE FROM checkpoint")),
  },
  "a checkpoint removed together with the signature's reach": {
    status: "inconsistent",
    seq: null,
    run: (home) => home.tamper((db) => db.run("UPDATE checkpoint SET size = 9 WHERE size = 8")),
  },
  "a checkpoint of 2^63 entries": {
    status: "signature",
    seq: null,
    run: (home) =>
      home.tamper((db) =>
        db.run(
          "UPDATE checkpoint SET note = replace(note, char(10) || '8' || char(10), char(10) || '9223372036854775808' || char(10)) WHERE size = 8",
        ),
      ),
  },
  "a checkpoint with Windows line ends": {
    status: "signature",
    seq: null,
    run: (home) =>
      home.tamper((db) =>
        db.run("UPDATE checkpoint SET note = replace(note, char(10), char(13) || char(10)) WHERE size = 8"),
      ),
  },
  "an entry signed in another form than the canonical one": {
    status: "damaged",
    seq: 0,
    run: (home) =>
      rebuild(home, (entries) => entries, {
        write: (entry) => JSON.stringify(Object.fromEntries(Object.entries(entry).reverse())),
      }),
  },
  "an entry signed with a time before that of the one before it": {
    status: "damaged",
    seq: 6,
    run: (home) =>
      rebuild(home, (entries) =>
        entries.map((entry) => (entry["seq"] === 6 ? { ...entry, ts: "2020-01-01T00:00:00.000Z" } : entry)),
      ),
  },
  "the index made to name an older entry": {
    status: "damaged",
    seq: 3,
    run: (home) => home.tamper((db) => db.run("UPDATE latest SET seq = 3")),
  },
  "the index emptied": {
    status: "damaged",
    seq: null,
    run: (home) => home.tamper((db) => db.run("DELETE FROM latest")),
  },
  "a tree node added for entries to come": {
    status: "damaged",
    seq: null,
    run: (home) => home.tamper((db) => db.run("INSERT INTO node VALUES (1, 0, zeroblob(32))")),
  },
  "a payload added that no entry committed to": {
    status: "damaged",
    seq: null,
    run: (home) => home.tamper((db) => db.run("INSERT INTO payload VALUES (3, zeroblob(32), zeroblob(3), NULL)")),
  },
  "the database replaced by yesterday's": {
    status: "rolled_back",
    seq: 12,
    async run(home) {
      home.save("yesterday");
      await home.fill(3);
      home.restore("yesterday");
    },
  },
  "the write-ahead log removed before it reached the file": {
    status: "rolled_back",
    seq: 12,
    async run(home) {
      const ledger = await home.open();
      await ledger.append({ type: "t.n", actor: "agent:a", run: null, payload: 0 });
      await ledger.checkpoint();
      home.save("live");
      await ledger.close();
      home.restore("live");
      for (const suffix of ["-wal", "-shm"]) rmSync(`${home.path}${suffix}`, { force: true });
    },
  },
  "the database deleted": { status: "missing", seq: 0, run: (home) => rmSync(home.path) },
  "the database overwritten with noise": {
    status: "damaged",
    seq: 0,
    run: (home) => writeFileSync(home.path, "noise".repeat(4000)),
  },
  "the witness note replaced by one nobody signed": {
    status: "signature",
    seq: null,
    run: (home) =>
      writeFileSync(home.witnessPath, readFileSync(home.witnessPath, "utf8").replace("\\n12\\n", "\\n10\\n")),
  },
};

function readCheckpoints(home: Scratch): [number, string, Uint8Array][] {
  let rows: [number, string, Uint8Array][] = [];
  home.tamper((db) => {
    rows = db.query("SELECT size, note, peaks FROM checkpoint").values() as [number, string, Uint8Array][];
  });
  return rows;
}

describe("verification finds", () => {
  for (const [what, { status, seq, run }] of Object.entries(attacks)) {
    test(`${what}: ${status}`, async () => {
      using home = await filled();
      expect((await home.verify()).status).toBe("ok");
      await run(home);
      const report = await home.verify();
      expect({ status: report.status, message: report.problem?.message }).toMatchObject({ status });
      expect(report.exit).toBe(verifyStatuses[status]);
      expect(report.ok).toBe(false);
      if (seq !== undefined) expect(report.problem?.seq ?? null).toBe(seq);
    });
  }
});

describe("payloads kept beside", () => {
  const beside: Record<string, string> = {
    changed: "UPDATE payload SET body = CAST('\"other\"' AS BLOB) WHERE seq = 0",
    "given another salt": "UPDATE payload SET salt = zeroblob(32) WHERE seq = 0",
    deleted: "DELETE FROM payload WHERE seq = 0",
    "marked as erased by an entry that did not":
      "UPDATE payload SET salt = NULL, body = NULL, erased_by = 1 WHERE seq = 0",
    "marked as erased by the entry that erased another":
      "UPDATE payload SET salt = NULL, body = NULL, erased_by = 3 WHERE seq = 0",
  };
  for (const [what, sql] of Object.entries(beside)) {
    test(`are found when ${what}`, async () => {
      using home = scratch();
      const ledger = await home.open();
      for (const payload of ["secret", "open", "secret too"]) {
        await ledger.append({
          type: "t.n",
          actor: "agent:a",
          run: null,
          payload,
          confidential: payload.startsWith("secret"),
        });
      }
      await ledger.erase(2);
      await ledger.close();
      expect((await home.verify()).status).toBe("ok");
      home.tamper((db) => db.run(sql));
      expect(await home.verify()).toMatchObject({ status: "damaged", problem: { seq: 0 } });
    });
  }
});

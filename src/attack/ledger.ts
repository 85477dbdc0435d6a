/** Attacks on the record: a copy of the scratch ledger is altered by someone who can write the file and does not hold the log's keys. */
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalize, type Json, parseJson } from "../core/canonical.ts";
import { systemClock } from "../core/clock.ts";
import { utf8 } from "../core/text.ts";
import { Chain } from "../ledger/chain.ts";
import { signCheckpoint, signersOf } from "../ledger/checkpoint.ts";
import { identityOf, type LogKey, newLogKey } from "../ledger/key.ts";
import { Ledger } from "../ledger/ledger.ts";
import { type VerifyReport, verifyLedger } from "../ledger/verify.ts";
import { fileWitness } from "../ledger/witness.ts";
import { type EntryStore, openEntries } from "../store/entries.ts";
import { type Attack, area, unless, type Verdict } from "./attack.ts";
import type { Ground } from "./ground.ts";
import type { Wall } from "./wall.ts";

/** A copy of the scratch home's ledger with what verifies it, as an attacker finds it. */
interface Copy {
  readonly path: string;
  readonly keys: readonly string[];
  readonly witness: string;
  /** The size the witness saw. */
  readonly size: number;
}

async function copyOf(ground: Ground): Promise<Copy> {
  const { ledger } = ground.engine.keeper;
  await ledger.checkpoint();
  await ledger.append({ type: "attack.note", actor: "agent:worker", run: null, payload: { text: "some words" } });
  const { size } = await ledger.checkpoint();
  const path = ground.copy(ground.home.ledger);
  const wal = `${ground.home.ledger}-wal`;
  if (existsSync(wal)) copyFileSync(wal, `${path}-wal`);
  const witness = ground.copy(ground.witness);
  return { path, keys: ledger.verifierKeys(), witness, size };
}

/** What `reeve verify-ledger` says of the copy. */
async function verify(ground: Ground, { path, keys, witness }: Copy): Promise<Verdict> {
  const { without } = ground;
  const report = await verifyLedger({
    path,
    key: without.has("ledger-signature") ? undefined : keys,
    witnesses: without.has("witness") ? [] : [fileWitness(witness)],
  });
  return unless(isBelieved(report, ground), "the altered ledger was believed");
}

function isBelieved({ status }: VerifyReport, { without }: Ground): boolean {
  if (status === "ok" || status === "unpinned") return true;
  return without.has("ledger-chain") && (status === "damaged" || status === "inconsistent");
}

/** Opens the file as root can: without the triggers that are there against slips. */
function tamper(path: string, change: (store: EntryStore) => void): void {
  const store = openEntries(path, { create: false });
  try {
    const triggers = store.database.query<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
    );
    for (const { name } of triggers.all()) store.database.run(`DROP TRIGGER ${name}`);
    change(store);
  } finally {
    store.close();
  }
}

type Entry = Readonly<Record<string, Json>>;

function entriesOf(path: string): readonly Entry[] {
  const store = openEntries(path, { create: false });
  try {
    return store.entries(0, 1_000_000).map(([, bytes]) => parseJson(Buffer.from(bytes).toString("utf8")) as Entry);
  } finally {
    store.close();
  }
}

/** Writes the file anew from `entries`, chained and signed with `key`. */
function forge(path: string, entries: readonly Entry[], key: LogKey): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  const { origin, verifier_keys } = identityOf(key);
  const store = openEntries(path, { create: true, log: { origin, keys: `${verifier_keys.join("\n")}\n` } });
  try {
    const chain = new Chain(origin);
    const signers = signersOf(key, () => systemClock.now());
    const sign = () => {
      const note = signCheckpoint({ origin, size: chain.size, root: chain.range.root() }, signers);
      store.addCheckpoint({ size: chain.size, note, peaks: chain.range.encode() });
    };
    sign();
    for (const entry of entries) {
      const bytes = utf8(canonicalize({ ...entry, log: origin, seq: chain.size, prev: chain.prev }));
      store.addEntry(chain.size, bytes);
      store.setLatest(String(entry["type"]), chain.size);
      chain.append(bytes, String(entry["ts"]), (level, position, hash) => store.addNode(level, position, hash));
    }
    sign();
  } finally {
    store.close();
  }
}

function member(id: string, title: string, expects: Wall, perform: Attack["perform"]): Omit<Attack, "area"> {
  return { id, title, expects, perform };
}

const replaceWords = "CAST(replace(CAST(bytes AS TEXT), 'operator', 'somebody') AS BLOB)";

/** What is done to the file by SQL; `size` is the number of entries. */
const statements: readonly (readonly [id: string, title: string, sql: (size: number) => string])[] = [
  ["edit-first", "the first entry edited", () => `UPDATE entry SET bytes = ${replaceWords} WHERE seq = 0`],
  [
    "edit-middle",
    "an entry in the middle edited",
    (size) =>
      `UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), '"actor"', '"actoR"') AS BLOB) WHERE seq = ${size >> 1}`,
  ],
  [
    "edit-last",
    "the last signed entry edited",
    (size) =>
      `UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'some words', 'other word') AS BLOB) WHERE seq = ${size - 1}`,
  ],
  [
    "swap-outcome",
    "who acted exchanged in every entry",
    () => "UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'agent:worker', 'agent:reader') AS BLOB)",
  ],
  ["delete-one", "an entry deleted", (size) => `DELETE FROM entry WHERE seq = ${size >> 1}`],
  [
    "delete-renumber",
    "an entry deleted and the rest renumbered",
    (size) => `DELETE FROM entry WHERE seq = ${size - 2}; UPDATE entry SET seq = seq - 1 WHERE seq > ${size - 2}`,
  ],
  [
    "swap-two",
    "two entries exchanged",
    (size) =>
      `UPDATE entry SET seq = 999999 WHERE seq = ${size - 2}; UPDATE entry SET seq = ${size - 2} WHERE seq = ${size - 3}; UPDATE entry SET seq = ${size - 3} WHERE seq = 999999`,
  ],
  [
    "insert",
    "an entry inserted at the end",
    (size) => `INSERT INTO entry SELECT ${size}, bytes FROM entry WHERE seq = 1`,
  ],
  [
    "repeat",
    "an entry put in another's place",
    () => "UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE seq = 1) WHERE seq = 2",
  ],
  ["cut-end", "the end cut off and the checkpoints kept", (size) => `DELETE FROM entry WHERE seq >= ${size - 1}`],
  [
    "index",
    "the index made to name an older entry",
    () => "UPDATE latest SET seq = 0 WHERE type = 'call.intent' OR seq = (SELECT max(seq) FROM latest)",
  ],
  ["index-emptied", "the index emptied", () => "DELETE FROM latest"],
  ["tree-node", "a node of the tree altered", () => "INSERT OR REPLACE INTO node VALUES (1, 0, zeroblob(32))"],
  [
    "tree-ahead",
    "tree nodes added for entries to come",
    (size) => `INSERT INTO node VALUES (1, ${size}, zeroblob(32))`,
  ],
  [
    "payload",
    "a payload added that no entry committed to",
    () => "INSERT INTO payload VALUES (3, zeroblob(32), zeroblob(3), NULL)",
  ],
  [
    "checkpoint-moved",
    "a checkpoint stored for another size",
    (size) => `UPDATE checkpoint SET size = ${size + 3} WHERE size = ${size}`,
  ],
];

const altered = statements.map(([id, title, sql]) =>
  member(id, title, "ledger-chain", async (ground) => {
    const copy = await copyOf(ground);
    tamper(copy.path, ({ database }) => database.run(sql(copy.size)));
    return verify(ground, copy);
  }),
);

const inPlace = [
  member("bit", "a bit flipped in the file, past SQLite", "ledger-chain", async (ground) => {
    const copy = await copyOf(ground);
    tamper(copy.path, (store) => void store.emptyLog());
    const bytes = readFileSync(copy.path);
    const at = bytes.lastIndexOf("some words");
    if (at < 0) throw new Error("the entry is not where it was expected");
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(copy.path, bytes);
    return verify(ground, copy);
  }),
];

const rewritten = [
  member("new-key", "the whole rewritten and signed with another key", "ledger-signature", async (ground) => {
    const copy = await copyOf(ground);
    const entries = entriesOf(copy.path).map((entry) => ({ ...entry, actor: "agent:reader" }));
    forge(copy.path, entries, newLogKey());
    return verify(ground, copy);
  }),
  member("other-log", "the ledger of another home put in its place", "ledger-signature", async (ground) => {
    const copy = await copyOf(ground);
    const beside = join(ground.copy(ground.outside), "ledger.db");
    const other = await Ledger.open({
      path: beside,
      key: newLogKey(),
      witnesses: [],
      clock: systemClock,
      create: true,
    });
    await other.append({ type: "attack.note", actor: "operator", run: null, payload: {} });
    await other.close();
    for (const suffix of ["-wal", "-shm"]) rmSync(`${copy.path}${suffix}`, { force: true });
    copyFileSync(beside, copy.path);
    return verify(ground, copy);
  }),
  member("cut-new-key", "the end cut off and the rest signed with another key", "ledger-signature", async (ground) => {
    const copy = await copyOf(ground);
    forge(copy.path, entriesOf(copy.path).slice(0, 4), newLogKey());
    return verify(ground, copy);
  }),
];

/** The ledger as it was, with the witness as it is now. */
async function yesterday(ground: Ground): Promise<Copy> {
  const before = await copyOf(ground);
  for (let i = 0; i < 3; i++) await ground.operate("time.now", {});
  const { witness } = await copyOf(ground);
  return { ...before, witness };
}

const behind = [
  member("yesterday", "the ledger replaced by yesterday's", "witness", async (ground) =>
    verify(ground, await yesterday(ground)),
  ),
  member("cut-checkpoint", "everything cut off after an earlier checkpoint", "witness", async (ground) => {
    const copy = await copyOf(ground);
    const store = openEntries(copy.path, { create: false });
    const size = store.checkpointUpTo(copy.size - 1)?.size ?? 0;
    store.close();
    if (size === 0) throw new Error("there is no earlier checkpoint");
    tamper(copy.path, (opened) => cutTo(opened, size));
    return verify(ground, copy);
  }),
  member("reopen", "the home goes on with yesterday's ledger as if nothing were missing", "witness", async (ground) => {
    const copy = await yesterday(ground);
    const witnesses = ground.without.has("witness") ? [] : [fileWitness(copy.witness)];
    const key = ground.logKey;
    const { clock } = ground;
    const opened = await Ledger.open({ path: copy.path, key, witnesses, clock, create: false }).catch(() => undefined);
    if (!opened) return unless(false, "");
    await opened.close();
    return unless(existsSync(copy.path), "yesterday's ledger was taken up");
  }),
];

/** The file as it was when it had `size` entries, everything derived from them included. */
function cutTo({ database }: EntryStore, size: number): void {
  database.run("DELETE FROM entry WHERE seq >= ?", [size]);
  database.run("DELETE FROM checkpoint WHERE size > ?", [size]);
  database.run("DELETE FROM payload WHERE seq >= ?", [size]);
  database.run("DELETE FROM node WHERE (position + 1) * (1 << (8 * level)) > ?", [size]);
  database.run("DELETE FROM latest");
  database.run(
    "INSERT INTO latest SELECT json_extract(CAST(bytes AS TEXT), '$.type') AS type, max(seq) FROM entry GROUP BY type",
  );
}

export const ledger = area("ledger", [...altered, ...inPlace, ...rewritten, ...behind]);

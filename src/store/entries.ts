/**
 * The tables of `ledger.db`. Everything but `entry` and `checkpoint` can be derived from those two and is checked against
 * them by verification. The triggers are seat belts against slips of our own; integrity never rests on them.
 */
import { Fault } from "../core/fault.ts";
import { type Database, openDatabase, transact } from "./open.ts";

const migrations: readonly string[] = [
  `CREATE TABLE log (one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT NOT NULL, keys TEXT NOT NULL) STRICT;
   CREATE TABLE entry (seq INTEGER PRIMARY KEY CHECK (seq >= 0), bytes BLOB NOT NULL) STRICT;
   CREATE TABLE payload (
     seq INTEGER PRIMARY KEY, salt BLOB, body BLOB, erased_by INTEGER,
     CHECK ((salt IS NULL) = (erased_by IS NOT NULL)), CHECK ((body IS NULL) = (erased_by IS NOT NULL))
   ) STRICT;
   CREATE TABLE node (
     level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, position)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE latest (type TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE checkpoint (size INTEGER PRIMARY KEY CHECK (size >= 0), note TEXT NOT NULL, peaks BLOB NOT NULL) STRICT;
   CREATE TRIGGER entry_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entries never change'); END;
   CREATE TRIGGER entry_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
   CREATE TRIGGER checkpoint_update BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoints never change'); END;
   CREATE TRIGGER checkpoint_delete BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
   CREATE TRIGGER payload_delete BEFORE DELETE ON payload BEGIN SELECT RAISE(ABORT, 'payloads are erased, not deleted'); END;`,
];

export interface CheckpointRow {
  readonly size: number;
  readonly note: string;
  /** The compact range at `size`: its subtree hashes of 32 bytes each, left to right. */
  readonly peaks: Uint8Array;
}

export interface PayloadRow {
  readonly salt: Uint8Array | null;
  readonly body: Uint8Array | null;
  readonly erased_by: number | null;
}

interface EntryStoreOptions {
  readonly create: boolean;
  readonly readonly?: boolean;
  /** Identity written when the file is created. */
  readonly log?: { readonly origin: string; readonly keys: string };
}

export type EntryStore = ReturnType<typeof openEntries>;

/**
 * The repository of one ledger file. Its methods are synchronous, unlike those of `state.db`: an append is one
 * transaction of thousands of them. Writers call them inside `transact`, readers of a consistent view inside `read`.
 */
export function openEntries(path: string, options: EntryStoreOptions) {
  const database = openDatabase(path, {
    migrations,
    synchronous: "FULL",
    create: options.create,
    readonly: options.readonly ?? false,
    onCreate: (created) => {
      created.query("INSERT INTO log VALUES (1, ?, ?)").run(options.log?.origin ?? "", options.log?.keys ?? "");
    },
  });
  // Erased payloads are overwritten with zeros, not only unlinked.
  if (!options.readonly) database.run("PRAGMA secure_delete = ON");
  return { path, database, ...readers(database), ...writers(database) };
}

function readers(db: Database) {
  const log = db.query<{ origin: string; keys: string }, []>("SELECT origin, keys FROM log");
  const last = db.query<{ seq: number | null }, []>("SELECT max(seq) AS seq FROM entry");
  const version = db.query<{ data_version: number }, []>("PRAGMA data_version");
  const one = db.query<{ bytes: Uint8Array }, [number]>("SELECT bytes FROM entry WHERE seq = ?");
  const some = db.query<unknown, [number, number]>("SELECT seq, bytes FROM entry WHERE seq >= ? ORDER BY seq LIMIT ?");
  const payload = db.query<PayloadRow, [number]>("SELECT salt, body, erased_by FROM payload WHERE seq = ?");
  const payloads = db.query<{ n: number }, []>("SELECT count(*) AS n FROM payload");
  const node = db.query<{ hash: Uint8Array }, [number, number]>(
    "SELECT hash FROM node WHERE level = ? AND position = ?",
  );
  const nodes = db.query<{ n: number }, []>("SELECT count(*) AS n FROM node");
  const latest = db.query<{ seq: number }, [string]>("SELECT seq FROM latest WHERE type = ?");
  const types = db.query<{ type: string; seq: number }, []>("SELECT type, seq FROM latest ORDER BY seq");
  const lastCheckpoint = db.query<CheckpointRow, [number]>(
    "SELECT size, note, peaks FROM checkpoint WHERE size <= ? ORDER BY size DESC LIMIT 1",
  );
  const checkpoints = db.query<CheckpointRow, [number, number]>(
    "SELECT size, note, peaks FROM checkpoint WHERE size >= ? ORDER BY size LIMIT ?",
  );
  return {
    /** What the file says of itself; never a source of trust. */
    log(): { readonly origin: string; readonly keys: string } {
      const row = log.get();
      if (!row) throw new Fault("data_loss", `${db.filename} is damaged: it names no log`);
      return row;
    },
    size: (): number => (last.get()?.seq ?? -1) + 1,
    /** Changes when another connection has written. */
    version: (): number => version.get()?.data_version ?? 0,
    entry: (seq: number): Uint8Array | undefined => one.get(seq)?.bytes,
    /** Up to `limit` rows from `seq` on, in order; a gap shows as a jump of the number. */
    entries: (seq: number, limit: number) => some.values(seq, limit) as [number, Uint8Array][],
    payload: (seq: number): PayloadRow | undefined => payload.get(seq) ?? undefined,
    payloadCount: (): number => payloads.get()?.n ?? 0,
    node: (level: number, position: number): Uint8Array | undefined => node.get(level, position)?.hash,
    nodeCount: (): number => nodes.get()?.n ?? 0,
    latest: (type: string): number | undefined => latest.get(type)?.seq,
    latestTypes: (): readonly { readonly type: string; readonly seq: number }[] => types.all(),
    /** The newest checkpoint of at most `size` entries. */
    checkpointUpTo: (size: number): CheckpointRow | undefined => lastCheckpoint.get(size) ?? undefined,
    checkpoints: (size: number, limit: number): readonly CheckpointRow[] => checkpoints.all(size, limit),
    /** Runs `work` over one snapshot of the file. */
    read<T>(work: () => T): T {
      db.run("BEGIN");
      try {
        return work();
      } finally {
        db.run("COMMIT");
      }
    },
  };
}

function writers(db: Database) {
  const entry = db.query("INSERT INTO entry VALUES (?, ?)");
  const payload = db.query("INSERT INTO payload VALUES (?, ?, ?, NULL)");
  const erase = db.query("UPDATE payload SET salt = NULL, body = NULL, erased_by = ? WHERE seq = ?");
  const node = db.query("INSERT INTO node VALUES (?, ?, ?)");
  const latest = db.query("INSERT INTO latest VALUES (?, ?) ON CONFLICT (type) DO UPDATE SET seq = excluded.seq");
  const checkpoint = db.query("INSERT INTO checkpoint VALUES (?, ?, ?)");
  return {
    transact: <T>(work: () => T): T => transact(db, work),
    addEntry: (seq: number, bytes: Uint8Array): void => void entry.run(seq, bytes),
    addPayload: (seq: number, salt: Uint8Array, body: Uint8Array): void => void payload.run(seq, salt, body),
    erasePayload: (seq: number, by: number): void => void erase.run(by, seq),
    addNode: (level: number, position: number, hash: Uint8Array): void => void node.run(level, position, hash),
    setLatest: (type: string, seq: number): void => void latest.run(type, seq),
    addCheckpoint: (row: CheckpointRow): void => void checkpoint.run(row.size, row.note, row.peaks),
    /** Moves the write-ahead log into the file and empties it, so that erased bytes are nowhere; false when readers prevent it. */
    emptyLog: (): boolean => db.query<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy === 0,
    close: (): void => db.close(),
  };
}

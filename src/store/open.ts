/** Opens SQLite files durably: created whole or not at all, migrated in one transaction, never opened when damaged. */
import { constants, Database, SQLiteError } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "../core/atomic.ts";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";

export type { Database } from "bun:sqlite";

interface OpenOptions {
  /** SQL scripts, oldest first; `user_version` is the number of them applied. A released one is never edited. */
  readonly migrations: readonly string[];
  /** FULL: an answered commit survives a power cut. NORMAL: it survives a crash of the process. */
  readonly synchronous: "FULL" | "NORMAL";
  /** Whether a missing file is created (the default) or `not_found`. */
  readonly create?: boolean;
  /** Reads only: nothing is created or migrated, and a file on read-only media opens too. */
  readonly readonly?: boolean;
  /** Fills a new database inside the transaction that creates it. */
  readonly onCreate?: (database: Database) => void;
}

/**
 * A WAL database with foreign keys on and a busy timeout of 10 s. A new file appears under `path` with mode 0600 only
 * when all of it is on disk, so a file that is empty or half there was damaged: `data_loss` naming it. A file of a later
 * version is `failed_precondition`; `not_found`, `unavailable` and `resource_exhausted` as the system says.
 */
export function openDatabase(path: string, options: OpenOptions): Database {
  if (!existsSync(path)) {
    if (options.readonly || options.create === false)
      throw new Fault("not_found", `${path}: no such file or directory`);
    createDatabase(path, options);
  }
  if (statOf(path).size === 0) throw damaged(path, "the file is empty");
  const database = options.readonly ? openForReading(path) : connect(path, constants.SQLITE_OPEN_READWRITE);
  try {
    database.run("PRAGMA busy_timeout = 10000");
    database.run("PRAGMA foreign_keys = ON");
    checkVersion(database, path, options);
    if (!options.readonly) {
      database.run("PRAGMA journal_mode = WAL");
      database.run(`PRAGMA synchronous = ${options.synchronous}`);
      migrate(database, options.migrations);
    }
    return database;
  } catch (thrown) {
    database.close();
    throw storeFault(thrown, path);
  }
}

/** Runs `work` between BEGIN IMMEDIATE and COMMIT; whatever is thrown rolls back and is thrown on as it was. */
export function transact<T>(database: Database, work: () => T): T {
  database.run("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.run("COMMIT");
    return result;
  } catch (thrown) {
    if (database.inTransaction) database.run("ROLLBACK");
    throw thrown;
  }
}

/** SQLite's failure as a Fault naming `what`: full, read-only and busy disks and damaged files each get their own code. */
export function storeFault(thrown: unknown, what: string): Fault {
  if (!(thrown instanceof SQLiteError)) return asFault(thrown, what);
  const code = thrown.code ?? "";
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE") {
    const hint = "free some space and try again";
    return new Fault("resource_exhausted", `${what}: no space left on the disk`, { hint, cause: thrown });
  }
  if (code === "SQLITE_CORRUPT" || code.startsWith("SQLITE_CORRUPT_") || code === "SQLITE_NOTADB") {
    return damaged(what, thrown.message, thrown);
  }
  if (code === "SQLITE_BUSY" || code.startsWith("SQLITE_BUSY_") || code === "SQLITE_LOCKED") {
    const hint = "try again when the other process is done";
    return new Fault("unavailable", `${what}: another process holds the database`, { hint, cause: thrown });
  }
  if (code.startsWith("SQLITE_READONLY") || code === "SQLITE_CANTOPEN" || code === "SQLITE_PERM") {
    const hint = "check that the file and its directory are writable and the file system is not mounted read-only";
    return new Fault("unavailable", `${what}: ${thrown.message}`, { hint, cause: thrown });
  }
  if (code.startsWith("SQLITE_IOERR")) {
    const hint = "check the disk and the kernel log before writing anything more";
    return new Fault("unavailable", `${what}: ${thrown.message} (${code})`, { hint, cause: thrown });
  }
  return new Fault("internal", `${what}: ${thrown.message}`, { cause: thrown });
}

function damaged(path: string, why: string, cause?: unknown): Fault {
  return new Fault("data_loss", `${path} is damaged: ${why}`, {
    hint: "restore it from a backup; it was not changed",
    ...(cause === undefined ? {} : { cause }),
  });
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    throw asFault(cause, path);
  }
}

function connect(path: string, flags: number): Database {
  try {
    return new Database(path, flags);
  } catch (thrown) {
    throw storeFault(thrown, path);
  }
}

/**
 * A WAL file wants its `-shm` file. Where that cannot be made and no log is pending, the file cannot change either: the
 * media are read-only, or the disk is full and the log cannot grow.
 */
function openForReading(path: string): Database {
  const database = connect(path, constants.SQLITE_OPEN_READONLY);
  try {
    database.query("SELECT count(*) FROM sqlite_schema").get();
    return database;
  } catch (thrown) {
    database.close();
    const code = thrown instanceof SQLiteError ? (thrown.code ?? "") : "";
    const isFrozen = /^SQLITE_(CANTOPEN|READONLY|FULL|IOERR_SHM)/.test(code);
    const pending = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (!isFrozen || pending > 0) throw storeFault(thrown, path);
    const address = `file:${encodeURI(path).replaceAll("?", "%3f").replaceAll("#", "%23")}?immutable=1`;
    return connect(address, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
  }
}

function checkVersion(database: Database, path: string, options: OpenOptions): void {
  const version = readVersion(database);
  const known = options.migrations.length;
  // Creation is atomic, so a file of format 0 was never one of ours, or lost its first page.
  if (version === 0 && known > 0) throw damaged(path, "it holds no tables of ours");
  if (version > known) {
    throw new Fault(
      "failed_precondition",
      `${path} was written by a later version (format ${version}, known ${known})`,
      {
        hint: "use the version that wrote it, or a newer one",
      },
    );
  }
  if (options.readonly && version < known) {
    throw new Fault("failed_precondition", `${path} has format ${version}, this version reads format ${known}`, {
      hint: "open it once for writing with this version",
    });
  }
}

function readVersion(database: Database): number {
  const row = database.query<{ user_version: number }, []>("PRAGMA user_version").get();
  return row?.user_version ?? 0;
}

function migrate(database: Database, migrations: readonly string[]): void {
  if (readVersion(database) === migrations.length) return;
  transact(database, () => {
    for (const script of migrations.slice(readVersion(database))) database.run(script);
    database.run(`PRAGMA user_version = ${migrations.length}`);
  });
}

/** Builds the file under another name and links it into place; when another process was faster, its file stands. */
function createDatabase(path: string, options: OpenOptions): void {
  const beside = `${path}.${process.pid}.${Bun.randomUUIDv7().slice(-12)}.tmp`;
  try {
    closeSync(openSync(beside, "wx", 0o600));
    const database = connect(beside, constants.SQLITE_OPEN_READWRITE);
    try {
      database.run("PRAGMA journal_mode = DELETE");
      database.run("PRAGMA synchronous = FULL");
      transact(database, () => {
        for (const script of options.migrations) database.run(script);
        options.onCreate?.(database);
        database.run(`PRAGMA user_version = ${options.migrations.length}`);
      });
    } finally {
      database.close();
    }
    syncFile(beside);
    linkSync(beside, path);
    syncDirectory(dirname(path));
  } catch (thrown) {
    if (systemErrorName(thrown) !== "EEXIST") throw storeFault(thrown, path);
  } finally {
    for (const suffix of ["", "-journal"]) rmSync(`${beside}${suffix}`, { force: true });
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { openDatabase, storeFault, transact } from "./open.ts";

const one = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;";
const two = "ALTER TABLE note ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody';";

function withDir(body: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), "reeve-open-"));
  try {
    body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function open(path: string, migrations: readonly string[] = [one]) {
  return openDatabase(path, { migrations, synchronous: "FULL" });
}

function faultOf(work: () => unknown): Fault {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

describe("openDatabase", () => {
  test("makes a private WAL file with durable commits and nothing left beside it", () => {
    withDir((dir) => {
      const db = open(join(dir, "a.db"));
      expect(statSync(join(dir, "a.db")).mode & 0o777).toBe(0o600);
      expect(db.query("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
      expect(db.query("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
      expect(db.query("PRAGMA foreign_keys").get()).toEqual({ foreign_keys: 1 });
      expect(db.query("PRAGMA busy_timeout").get()).toEqual({ timeout: 10_000 });
      db.close();
      expect(readdirSync(dir).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    });
  });

  test("keeps the log files as private as the database", () => {
    withDir((dir) => {
      const db = open(join(dir, "a.db"));
      db.run("INSERT INTO note VALUES (1, 'x')");
      expect(statSync(join(dir, "a.db-wal")).mode & 0o077).toBe(0);
      db.close();
    });
  });

  test("applies the migrations that a file does not have, once, and keeps its rows", () => {
    withDir((dir) => {
      const path = join(dir, "a.db");
      const first = open(path);
      first.run("INSERT INTO note VALUES (1, 'kept')");
      first.close();
      open(path, [one, two]).close();
      const again = open(path, [one, two]);
      expect(again.query("SELECT * FROM note").all()).toEqual([{ id: 1, text: "kept", author: "nobody" }]);
      again.close();
    });
  });

  test("leaves the file as it was when a migration fails", () => {
    withDir((dir) => {
      const path = join(dir, "a.db");
      open(path).close();
      expect(() => open(path, [one, "CREATE TABLE half (x) STRICT"])).toThrow(Fault);
      const db = open(path);
      expect(db.query("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "note" }]);
      db.close();
    });
  });

  test("refuses a file of a later version", () => {
    withDir((dir) => {
      const path = join(dir, "a.db");
      open(path, [one, two]).close();
      expect(faultOf(() => open(path)).code).toBe("failed_precondition");
    });
  });

  test("leaves nothing under the name when creating fails halfway", () => {
    withDir((dir) => {
      expect(() => open(join(dir, "a.db"), [one, "not sql"])).toThrow(Fault);
      expect(readdirSync(dir)).toEqual([]);
    });
  });

  const damages: Record<string, (path: string) => void> = {
    "an empty file": (path) => truncateSync(path, 0),
    "a file cut in half": (path) => truncateSync(path, statSync(path).size / 2),
    "a file that is no database": (path) => writeFileSync(path, "hello ".repeat(2000)),
    "a file whose first page is zeros": (path) => writeFileSync(path, new Uint8Array(statSync(path).size)),
  };
  for (const [what, damage] of Object.entries(damages)) {
    test(`reports ${what} as data loss, names it and does not touch it`, () => {
      withDir((dir) => {
        const path = join(dir, "a.db");
        const db = open(path);
        db.run("INSERT INTO note VALUES (1, ?)", ["x".repeat(20_000)]);
        db.close();
        damage(path);
        const before = readFileSync(path);
        const fault = faultOf(() => open(path).query("SELECT * FROM note").all());
        expect(fault.code).toBe("data_loss");
        expect(fault.message).toContain(path);
        expect(readFileSync(path).equals(before)).toBe(true);
      });
    });
  }

  test("says not_found for a missing file that it may not create", () => {
    withDir((dir) => {
      const path = join(dir, "a.db");
      expect(faultOf(() => openDatabase(path, { migrations: [one], synchronous: "FULL", create: false })).code).toBe(
        "not_found",
      );
      expect(faultOf(() => openDatabase(path, { migrations: [one], synchronous: "FULL", readonly: true })).code).toBe(
        "not_found",
      );
      expect(existsSync(path)).toBe(false);
    });
  });

  test("opens read-only what it may not write", () => {
    withDir((dir) => {
      const path = join(dir, "a.db");
      const db = open(path);
      db.run("INSERT INTO note VALUES (1, 'x')");
      db.close();
      chmodSync(path, 0o400);
      const reader = openDatabase(path, { migrations: [one], synchronous: "FULL", readonly: true });
      expect(reader.query("SELECT text FROM note").all()).toEqual([{ text: "x" }]);
      expect(() => reader.run("INSERT INTO note VALUES (2, 'y')")).toThrow();
      reader.close();
    });
  });
});

describe("transact", () => {
  test("keeps all of the work or none of it", () => {
    withDir((dir) => {
      const db = open(join(dir, "a.db"));
      const insert = () => db.run("INSERT INTO note VALUES (1, 'x')");
      expect(() =>
        transact(db, () => {
          insert();
          throw new Fault("canceled", "stop");
        }),
      ).toThrow("stop");
      expect(db.query("SELECT count(*) AS n FROM note").get()).toEqual({ n: 0 });
      transact(db, insert);
      expect(db.query("SELECT count(*) AS n FROM note").get()).toEqual({ n: 1 });
      db.close();
    });
  });

  test("fails whole with resource_exhausted when the file may not grow", () => {
    withDir((dir) => {
      const db = open(join(dir, "a.db"));
      db.run("PRAGMA max_page_count = 4");
      const fault = faultOf(() => {
        try {
          transact(db, () => {
            for (let i = 0; i < 10; i++) db.run("INSERT INTO note VALUES (?, ?)", [i, "x".repeat(4000)]);
          });
        } catch (thrown) {
          throw storeFault(thrown, "a.db");
        }
      });
      expect(fault.code).toBe("resource_exhausted");
      expect(db.query("SELECT count(*) AS n FROM note").get()).toEqual({ n: 0 });
      db.close();
    });
  });
});

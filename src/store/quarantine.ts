/** Contents written by runs that had read untrusted text, in `state.db`, until the operator accepts them; one method is one transaction. */
import type { StateFile } from "./state.ts";

export interface QuarantineRow {
  readonly path: string;
  readonly run: string;
  readonly sha256: string;
  readonly at: string;
}

/** Every method throws the store's Fault. */
export class QuarantineStore {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  /** From now on what the run writes belongs here; its undo records up to number `seen` were looked at. */
  mark(run: string, at: string, seen: number): void {
    const sql = `INSERT INTO untrusted_runs (run, at, seen) VALUES (?, ?, ?)
                 ON CONFLICT (run) DO UPDATE SET seen = max(seen, excluded.seen)`;
    this.#file.change(sql, [run, at, seen]);
  }

  /** Up to which undo record a marked run was looked at; undefined for one that is not marked. */
  seen(run: string): number | undefined {
    return this.#file.rows<{ seen: number }>("SELECT seen FROM untrusted_runs WHERE run = ?", [run])[0]?.seen;
  }

  add(rows: readonly QuarantineRow[]): void {
    if (rows.length === 0) return;
    this.#file.transact(() => {
      for (const { path, run, sha256, at } of rows) {
        const sql = "INSERT OR IGNORE INTO quarantine (run, path, sha256, at) VALUES (?, ?, ?, ?)";
        this.#file.change(sql, [run, path, sha256, at]);
      }
    });
  }

  isEmpty(): boolean {
    return this.#file.rows("SELECT 1 FROM quarantine LIMIT 1", []).length === 0;
  }

  /** The runs that wrote this content and were not accepted, oldest first. */
  runsOf(sha256: string): readonly string[] {
    const sql = "SELECT DISTINCT run FROM quarantine WHERE sha256 = ? ORDER BY run";
    return this.#file.rows<{ run: string }>(sql, [sha256]).map(({ run }) => run);
  }

  /** All that was written at a path or beneath it, `.` for everything. */
  beneath(path: string): readonly QuarantineRow[] {
    const sql = `SELECT path, run, sha256, at FROM quarantine
                 WHERE ?1 = '.' OR path = ?1 OR substr(path, 1, length(?1) + 1) = ?1 || '/' ORDER BY path, run`;
    return this.#file.rows<QuarantineRow>(sql, [path]);
  }

  /** Lets go of what a run wrote so far, which stays marked; how many contents that were. */
  release(run: string): number {
    return this.#file.change("DELETE FROM quarantine WHERE run = ?", [run]);
  }
}

/** What is known of runs, calls and proposals in `state.db`; one method is one transaction. */
import { type Database, openDatabase, storeFault, transact } from "./open.ts";

/** Oldest first; a released one is never edited. */
const migrations: readonly string[] = [
  `CREATE TABLE runs (
     id TEXT PRIMARY KEY, principal TEXT NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL,
     created_at TEXT NOT NULL, ended_at TEXT, tool_calls INTEGER NOT NULL DEFAULT 0, fault TEXT,
     owner TEXT NOT NULL, cancel_requested INTEGER NOT NULL DEFAULT 0, end_seq INTEGER
   ) STRICT;
   CREATE INDEX runs_by_state ON runs (state, id);
   CREATE TABLE calls (
     run TEXT NOT NULL, call TEXT NOT NULL, tool TEXT NOT NULL, code TEXT, duration_ms REAL NOT NULL,
     PRIMARY KEY (run, call)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE proposals (
     id TEXT PRIMARY KEY, run TEXT NOT NULL, principal TEXT NOT NULL, tool TEXT NOT NULL, capability TEXT NOT NULL,
     input TEXT NOT NULL, reason TEXT NOT NULL, created_at TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open'
   ) STRICT;`,
];

export interface RunRow {
  readonly id: string;
  readonly principal: string;
  readonly source: string;
  readonly state: string;
  readonly created_at: string;
  readonly ended_at: string | null;
  readonly tool_calls: number;
  readonly fault: string | null;
  /** The process that drives the run, see core/owner.ts. */
  readonly owner: string;
  /** The ledger entry that holds the manifest's digest; null while the run is not over, or when the ledger never heard of it. */
  readonly end_seq: number | null;
}

export type RunEnd = Pick<RunRow, "state" | "fault" | "end_seq"> & { readonly ended_at: string };

interface RowFilter {
  readonly principal?: string;
  readonly state?: string;
  readonly limit: number;
  readonly offset: number;
}

interface ProposalRow {
  readonly id: string;
  readonly run: string;
  readonly principal: string;
  readonly tool: string;
  readonly capability: string;
  readonly input: string;
  readonly reason: string;
  readonly created_at: string;
}

export interface CallRow {
  readonly call: string;
  readonly tool: string;
  /** Null for a call that succeeded. */
  readonly code: string | null;
  readonly duration_ms: number;
}

interface ToolTotals {
  readonly tool: string;
  readonly calls: number;
  readonly errors: number;
  readonly total_ms: number;
  readonly max_ms: number;
}

const columns = "id, principal, source, state, created_at, ended_at, tool_calls, fault, owner, end_seq";
const matches = "(?1 IS NULL OR principal = ?1) AND (?2 IS NULL OR state = ?2)";

type Value = string | number | null;

/** Every method throws the store's Fault: no space, read-only, damaged. */
export class RunStore {
  readonly #path: string;
  readonly #db: Database;

  constructor(path: string) {
    this.#path = path;
    this.#db = openDatabase(path, { migrations, synchronous: "NORMAL" });
  }

  close(): void {
    this.#db.close();
  }

  async insert(row: Pick<RunRow, "id" | "principal" | "source" | "created_at" | "owner">): Promise<void> {
    this.#change(
      "INSERT INTO runs (id, principal, source, state, created_at, owner) VALUES (?, ?, ?, 'running', ?, ?)",
      [row.id, row.principal, row.source, row.created_at, row.owner],
    );
  }

  /** Makes `to` the owner of a run that is not over and still `from`'s; false when another process was faster. */
  async claim(id: string, from: string, to: string): Promise<boolean> {
    return (
      this.#change("UPDATE runs SET owner = ? WHERE id = ? AND owner = ? AND ended_at IS NULL", [to, id, from]) === 1
    );
  }

  /** Notes that nobody drives a run any more that is not over: the next start ends it. */
  async release(id: string): Promise<void> {
    this.#change("UPDATE runs SET state = 'interrupted', owner = '' WHERE id = ? AND ended_at IS NULL", [id]);
  }

  /** Ends a run that is not over yet; false when it was over already. */
  async end(id: string, end: RunEnd): Promise<boolean> {
    const sql = "UPDATE runs SET state = ?, ended_at = ?, fault = ?, end_seq = ? WHERE id = ? AND ended_at IS NULL";
    return this.#change(sql, [end.state, end.ended_at, end.fault, end.end_seq, id]) === 1;
  }

  /** The calls of a run, all of them, replacing what was written of it before. */
  async setCalls(run: string, calls: readonly CallRow[]): Promise<void> {
    this.#guard(() =>
      transact(this.#db, () => {
        for (const { call, tool, code, duration_ms } of calls) {
          const row = [run, call, tool, code, duration_ms];
          this.#change("INSERT OR REPLACE INTO calls (run, call, tool, code, duration_ms) VALUES (?, ?, ?, ?, ?)", row);
        }
        this.#change("UPDATE runs SET tool_calls = ? WHERE id = ?", [calls.length, run]);
      }),
    );
  }

  async get(id: string): Promise<RunRow | undefined> {
    return this.#rows<RunRow>(`SELECT ${columns} FROM runs WHERE id = ?`, [id])[0];
  }

  /** Runs not over, oldest first. */
  async open(): Promise<readonly RunRow[]> {
    return this.#rows<RunRow>(`SELECT ${columns} FROM runs WHERE ended_at IS NULL ORDER BY id`, []);
  }

  /** Newest first, with the number of all that match. */
  async list(filter: RowFilter): Promise<{ readonly rows: readonly RunRow[]; readonly total: number }> {
    const where = whereOf(filter);
    const counted = this.#rows<{ n: number }>(`SELECT count(*) AS n FROM runs WHERE ${matches}`, where);
    const page = [...where, filter.limit, filter.offset];
    const rows = this.#rows<RunRow>(
      `SELECT ${columns} FROM runs WHERE ${matches} ORDER BY id DESC LIMIT ?3 OFFSET ?4`,
      page,
    );
    return { rows, total: counted[0]?.n ?? 0 };
  }

  /** At most two ids that begin or end with `part`, so that a caller can tell one match from several. */
  async matching(part: string): Promise<readonly string[]> {
    const like = part.replace(/[\\%_]/g, "\\$&");
    return this.#rows<{ id: string }>(
      "SELECT id FROM runs WHERE id LIKE ?1 ESCAPE '\\' OR id LIKE ?2 ESCAPE '\\' ORDER BY id DESC LIMIT 2",
      [`${like}%`, `%${like}`],
    ).map((row) => row.id);
  }

  async newest(): Promise<string | undefined> {
    return this.#rows<{ id: string }>("SELECT id FROM runs ORDER BY id DESC LIMIT 1", [])[0]?.id;
  }

  /** Notes that the run should stop; false when it is unknown or over. */
  async requestCancel(id: string): Promise<boolean> {
    return this.#change("UPDATE runs SET cancel_requested = 1 WHERE id = ? AND ended_at IS NULL", [id]) === 1;
  }

  cancelRequested(id: string): boolean {
    return (
      this.#rows<{ asked: number }>("SELECT cancel_requested AS asked FROM runs WHERE id = ?", [id])[0]?.asked === 1
    );
  }

  async totals(filter: RowFilter): Promise<{
    readonly runs_total: number;
    readonly states: Readonly<Record<string, number>>;
    readonly tools: readonly ToolTotals[];
  }> {
    const where = whereOf(filter);
    const states = this.#rows<{ state: string; n: number }>(
      `SELECT state, count(*) AS n FROM runs WHERE ${matches} GROUP BY state ORDER BY state`,
      where,
    );
    const tools = this.#rows<ToolTotals>(
      `SELECT tool, count(*) AS calls, sum(code IS NOT NULL) AS errors, sum(duration_ms) AS total_ms,
              max(duration_ms) AS max_ms
       FROM calls WHERE run IN (SELECT id FROM runs WHERE ${matches} ORDER BY id DESC LIMIT ?3 OFFSET ?4)
       GROUP BY tool ORDER BY calls DESC, tool`,
      [...where, filter.limit, filter.offset],
    );
    return {
      runs_total: states.reduce((sum, row) => sum + row.n, 0),
      states: Object.fromEntries(states.map((row) => [row.state, row.n])),
      tools,
    };
  }

  async propose(row: ProposalRow): Promise<void> {
    this.#change(
      `INSERT INTO proposals (id, run, principal, tool, capability, input, reason, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [row.id, row.run, row.principal, row.tool, row.capability, row.input, row.reason, row.created_at],
    );
  }

  /** Newest first. */
  async proposals(): Promise<readonly ProposalRow[]> {
    return this.#rows<ProposalRow>(
      "SELECT id, run, principal, tool, capability, input, reason, created_at FROM proposals ORDER BY id DESC",
      [],
    );
  }

  #rows<T>(sql: string, values: readonly Value[]): T[] {
    return this.#guard(() => this.#db.query<T, Value[]>(sql).all(...values));
  }

  #change(sql: string, values: readonly Value[]): number {
    return this.#guard(() => this.#db.query<unknown, Value[]>(sql).run(...values).changes);
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw storeFault(thrown, this.#path);
    }
  }
}

function whereOf(filter: RowFilter): readonly Value[] {
  return [filter.principal ?? null, filter.state ?? null];
}

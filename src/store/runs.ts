/** What is known of runs and their calls in `state.db`; one method is one transaction. */
import type { StateFile, Value } from "./state.ts";

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
  readonly session: string | null;
  /** The run that started it as a sub-agent. */
  readonly parent: string | null;
  /** The beginning of its message. */
  readonly message: string;
}

type NewRun = Pick<RunRow, "id" | "principal" | "source" | "created_at" | "owner"> &
  Partial<Pick<RunRow, "session" | "parent" | "message">>;

export type RunEnd = Pick<RunRow, "state" | "fault" | "end_seq"> & { readonly ended_at: string };

interface RowFilter {
  readonly principal?: string;
  readonly state?: string;
  readonly limit: number;
  readonly offset: number;
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

const columns =
  "id, principal, source, state, created_at, ended_at, tool_calls, fault, owner, end_seq, session, parent, message";
const matches = "(?1 IS NULL OR principal = ?1) AND (?2 IS NULL OR state = ?2)";

/** Every method throws the store's Fault: no space, read-only, damaged. */
export class RunStore {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  async insert(row: NewRun): Promise<void> {
    this.#file.change(
      `INSERT INTO runs (id, principal, source, state, created_at, owner, session, parent, message)
       VALUES (?, ?, ?, 'running', ?, ?, ?, ?, ?)`,
      [
        row.id,
        row.principal,
        row.source,
        row.created_at,
        row.owner,
        row.session ?? null,
        row.parent ?? null,
        row.message ?? "",
      ],
    );
  }

  /** A run whose process may go: it waits for an answer and belongs to nobody. */
  async suspend(id: string): Promise<void> {
    this.#file.change("UPDATE runs SET state = 'waiting', owner = '' WHERE id = ? AND ended_at IS NULL", [id]);
  }

  /** Takes up a run that waits or is over; false when another process drives it. */
  async reopen(id: string, from: RunRow, owner: string): Promise<boolean> {
    const sql = `UPDATE runs SET state = 'running', owner = ?, ended_at = NULL, end_seq = NULL, fault = NULL, cancel_requested = 0
                 WHERE id = ? AND state = ? AND owner = ?`;
    return this.#file.change(sql, [owner, id, from.state, from.owner]) === 1;
  }

  /** Makes `to` the owner of a run that is not over and still `from`'s; false when another process was faster. */
  async claim(id: string, from: string, to: string): Promise<boolean> {
    return (
      this.#file.change("UPDATE runs SET owner = ? WHERE id = ? AND owner = ? AND ended_at IS NULL", [to, id, from]) ===
      1
    );
  }

  /** Notes that nobody drives a run any more that is not over: the next start ends it. */
  async release(id: string): Promise<void> {
    this.#file.change("UPDATE runs SET state = 'interrupted', owner = '' WHERE id = ? AND ended_at IS NULL", [id]);
  }

  /** Ends a run that is not over yet; false when it was over already. */
  async end(id: string, end: RunEnd): Promise<boolean> {
    const sql = "UPDATE runs SET state = ?, ended_at = ?, fault = ?, end_seq = ? WHERE id = ? AND ended_at IS NULL";
    return this.#file.change(sql, [end.state, end.ended_at, end.fault, end.end_seq, id]) === 1;
  }

  /** The calls of a run, all of them, replacing what was written of it before. */
  async setCalls(run: string, calls: readonly CallRow[]): Promise<void> {
    this.#file.transact(() => {
      for (const { call, tool, code, duration_ms } of calls) {
        const row = [run, call, tool, code, duration_ms];
        this.#file.change(
          "INSERT OR REPLACE INTO calls (run, call, tool, code, duration_ms) VALUES (?, ?, ?, ?, ?)",
          row,
        );
      }
      this.#file.change("UPDATE runs SET tool_calls = ? WHERE id = ?", [calls.length, run]);
    });
  }

  async get(id: string): Promise<RunRow | undefined> {
    return this.#file.rows<RunRow>(`SELECT ${columns} FROM runs WHERE id = ?`, [id])[0];
  }

  /** Runs not over, oldest first, without those that wait. */
  async open(): Promise<readonly RunRow[]> {
    return this.#file.rows<RunRow>(
      `SELECT ${columns} FROM runs WHERE ended_at IS NULL AND state <> 'waiting' ORDER BY id`,
      [],
    );
  }

  /** Newest first, with the number of all that match. */
  async list(filter: RowFilter): Promise<{ readonly rows: readonly RunRow[]; readonly total: number }> {
    const where = whereOf(filter);
    const counted = this.#file.rows<{ n: number }>(`SELECT count(*) AS n FROM runs WHERE ${matches}`, where);
    const page = [...where, filter.limit, filter.offset];
    const rows = this.#file.rows<RunRow>(
      `SELECT ${columns} FROM runs WHERE ${matches} ORDER BY id DESC LIMIT ?3 OFFSET ?4`,
      page,
    );
    return { rows, total: counted[0]?.n ?? 0 };
  }

  /** At most two ids that begin or end with `part`, so that a caller can tell one match from several. */
  async matching(part: string): Promise<readonly string[]> {
    const like = part.replace(/[\\%_]/g, "\\$&");
    return this.#file
      .rows<{ id: string }>(
        "SELECT id FROM runs WHERE id LIKE ?1 ESCAPE '\\' OR id LIKE ?2 ESCAPE '\\' ORDER BY id DESC LIMIT 2",
        [`${like}%`, `%${like}`],
      )
      .map((row) => row.id);
  }

  async newest(): Promise<string | undefined> {
    return this.#file.rows<{ id: string }>("SELECT id FROM runs ORDER BY id DESC LIMIT 1", [])[0]?.id;
  }

  /** All runs of sub-agents that a run led to, newest first. */
  async beneath(id: string): Promise<readonly string[]> {
    const sql = `WITH RECURSIVE below (id) AS (
                   SELECT id FROM runs WHERE parent = ?
                   UNION SELECT runs.id FROM runs JOIN below ON runs.parent = below.id
                 ) SELECT id FROM below ORDER BY id DESC`;
    return this.#file.rows<{ id: string }>(sql, [id]).map((row) => row.id);
  }

  /** The newest run of an agent's own that can be taken up again. */
  async newestStopped(): Promise<string | undefined> {
    const sql = `SELECT id FROM runs WHERE state IN ('waiting', 'interrupted', 'failed', 'cancelled') AND parent IS NULL
                 AND principal <> 'operator' ORDER BY id DESC LIMIT 1`;
    return this.#file.rows<{ id: string }>(sql, [])[0]?.id;
  }

  /** Notes that the run should stop; false when it is unknown or over. */
  async requestCancel(id: string): Promise<boolean> {
    return this.#file.change("UPDATE runs SET cancel_requested = 1 WHERE id = ? AND ended_at IS NULL", [id]) === 1;
  }

  /** Runs of this owner that were asked to stop. */
  cancelRequests(owner: string): readonly string[] {
    const sql = "SELECT id FROM runs WHERE ended_at IS NULL AND cancel_requested = 1 AND owner = ?";
    return this.#file.rows<{ id: string }>(sql, [owner]).map((row) => row.id);
  }

  async totals(filter: RowFilter): Promise<{
    readonly runs_total: number;
    readonly states: Readonly<Record<string, number>>;
    readonly tools: readonly ToolTotals[];
  }> {
    const where = whereOf(filter);
    const states = this.#file.rows<{ state: string; n: number }>(
      `SELECT state, count(*) AS n FROM runs WHERE ${matches} GROUP BY state ORDER BY state`,
      where,
    );
    const tools = this.#file.rows<ToolTotals>(
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
}

function whereOf(filter: RowFilter): readonly Value[] {
  return [filter.principal ?? null, filter.state ?? null];
}

/** Questions to the operator in `state.db`: each is answered once, and an answer is used once; one method is one transaction. */
import type { StateFile } from "./state.ts";

export type ApprovalState = "pending" | "approved" | "denied" | "expired" | "used";

export interface ApprovalRow {
  readonly id: string;
  /** `call` waits in a run; `repeat` was cut off and may have happened; `proposal` is the operator's to make or leave. */
  readonly kind: "call" | "repeat" | "proposal";
  readonly run: string;
  readonly call: string;
  readonly principal: string;
  readonly tool: string;
  readonly capability: string;
  readonly effect: string;
  /** Canonical JSON. */
  readonly input: string;
  /** JSON list of the resources the call names. */
  readonly resources: string;
  /** SHA-256 of everything the answer is bound to, lower-case hexadecimal. */
  readonly digest: string;
  readonly reason: string;
  readonly state: ApprovalState;
  readonly scope: "once" | "run" | "always" | null;
  readonly answer_reason: string | null;
  readonly decided_by: string | null;
  readonly decided_at: string | null;
  /** The ledger's entry about the answer. */
  readonly decided_seq: number | null;
  readonly created_at: string;
  readonly expires_at: string;
  /** JSON of what would leave and where its bytes come from, when the run's context is why it is asked; else null. */
  readonly taint: string | null;
}

export interface ApprovalDecision {
  readonly state: "approved" | "denied";
  readonly scope: "once" | "run" | "always" | null;
  readonly answer_reason: string | null;
  readonly decided_by: string;
  readonly decided_at: string;
  readonly decided_seq: number;
}

type NewApproval = Omit<ApprovalRow, "state" | "scope" | "answer_reason" | "decided_by" | "decided_at" | "decided_seq">;

const columns = `id, kind, run, call, principal, tool, capability, effect, input, resources, digest, reason, state, scope,
  answer_reason, decided_by, decided_at, decided_seq, created_at, expires_at, taint`;

/** Every method throws the store's Fault. */
export class ApprovalStore {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  insert(row: NewApproval): void {
    this.#file.change(
      `INSERT INTO approvals (id, kind, run, call, principal, tool, capability, effect, input, resources, digest, reason,
         state, created_at, expires_at, taint)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)`,
      [
        row.id,
        row.kind,
        row.run,
        row.call,
        row.principal,
        row.tool,
        row.capability,
        row.effect,
        row.input,
        row.resources,
        row.digest,
        row.reason,
        row.created_at,
        row.expires_at,
        row.taint,
      ],
    );
  }

  get(id: string): ApprovalRow | undefined {
    return this.#file.rows<ApprovalRow>(`SELECT ${columns} FROM approvals WHERE id = ?`, [id])[0];
  }

  /** What was asked about a call last and is not used up: a call made once more is a new question. */
  find(run: string, call: string): ApprovalRow | undefined {
    const sql = `SELECT ${columns} FROM approvals WHERE run = ? AND call = ? AND state <> 'used' ORDER BY id DESC LIMIT 1`;
    return this.#file.rows<ApprovalRow>(sql, [run, call])[0];
  }

  /** Newest first, with the number of all that match. */
  list(filter: { readonly state?: ApprovalState; readonly limit: number; readonly offset: number }): {
    readonly rows: readonly ApprovalRow[];
    readonly total: number;
  } {
    const state = filter.state ?? null;
    const rows = this.#file.rows<ApprovalRow>(
      `SELECT ${columns} FROM approvals WHERE ?1 IS NULL OR state = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3`,
      [state, filter.limit, filter.offset],
    );
    const [counted] = this.#file.rows<{ n: number }>(
      "SELECT count(*) AS n FROM approvals WHERE ?1 IS NULL OR state = ?1",
      [state],
    );
    return { rows, total: counted?.n ?? 0 };
  }

  /** At most two ids that begin or end with `part`. */
  matching(part: string): readonly string[] {
    const like = part.replace(/[\\%_]/g, "\\$&");
    const sql =
      "SELECT id FROM approvals WHERE id LIKE ?1 ESCAPE '\\' OR id LIKE ?2 ESCAPE '\\' ORDER BY id DESC LIMIT 2";
    return this.#file.rows<{ id: string }>(sql, [`${like}%`, `%${like}`]).map(({ id }) => id);
  }

  /** False when it was answered already or its time was up at `decided_at`. */
  decide(id: string, decision: ApprovalDecision): boolean {
    const { state, scope, answer_reason, decided_by, decided_at, decided_seq } = decision;
    const sql = `UPDATE approvals
                 SET state = ?, scope = ?, answer_reason = ?, decided_by = ?, decided_at = ?, decided_seq = ?
                 WHERE id = ? AND state = 'pending' AND expires_at > ?`;
    const values = [state, scope, answer_reason, decided_by, decided_at, decided_seq, id, decided_at];
    return this.#file.change(sql, values) === 1;
  }

  /** Uses an approval up; false for the second one who tries, and after its time. */
  use(id: string, now: string): boolean {
    const sql = "UPDATE approvals SET state = 'used' WHERE id = ? AND state = 'approved' AND expires_at > ?";
    return this.#file.change(sql, [id, now]) === 1;
  }

  /** The used approval by which the operator allowed this tool for the rest of the run. */
  heldForRun(run: string, tool: string): ApprovalRow | undefined {
    const sql = `SELECT ${columns} FROM approvals
                 WHERE run = ? AND tool = ? AND kind = 'call' AND scope = 'run' AND state = 'used' ORDER BY id LIMIT 1`;
    return this.#file.rows<ApprovalRow>(sql, [run, tool])[0];
  }

  /** Whether the operator allowed this tool for the rest of the run, by an approval the call it was asked about has used. */
  allowedForRun(run: string, tool: string): boolean {
    return this.heldForRun(run, tool) !== undefined;
  }

  /** What nobody answered or used in time and is not marked so yet, oldest first. */
  due(now: string): readonly ApprovalRow[] {
    const sql = `SELECT ${columns} FROM approvals
                 WHERE state IN ('pending', 'approved') AND expires_at <= ? ORDER BY id`;
    return this.#file.rows<ApprovalRow>(sql, [now]);
  }

  /** False for one that is not due at `now`. */
  expire(id: string, now: string): boolean {
    const sql = `UPDATE approvals SET state = 'expired'
                 WHERE id = ? AND state IN ('pending', 'approved') AND expires_at <= ?`;
    return this.#file.change(sql, [id, now]) === 1;
  }
}

/** What was issued for the road out in `state.db`, and how much of it is used; one method is one transaction. */
import type { StateFile } from "./state.ts";

/** Nothing here opens anything: the token itself is kept by nobody but its bearer. */
export interface EgressTokenRow {
  readonly id: string;
  readonly run: string;
  readonly agent: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly revoked_at: string | null;
  readonly connections: number;
  readonly bytes_up: number;
  readonly bytes_down: number;
}

export type EgressDirection = "up" | "down";

const columns = "id, run, agent, created_at, expires_at, revoked_at, connections, bytes_up, bytes_down";
const column = { up: "bytes_up", down: "bytes_down" } as const;

/** Every method throws the store's Fault. Times are RFC 3339 in UTC, so they compare as text. */
export class EgressStore {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  insert(row: Pick<EgressTokenRow, "id" | "run" | "agent" | "created_at" | "expires_at">): void {
    this.#file.change("INSERT INTO egress_tokens (id, run, agent, created_at, expires_at) VALUES (?, ?, ?, ?, ?)", [
      row.id,
      row.run,
      row.agent,
      row.created_at,
      row.expires_at,
    ]);
  }

  /** Oldest first. */
  list(): readonly EgressTokenRow[] {
    return this.#file.rows<EgressTokenRow>(`SELECT ${columns} FROM egress_tokens ORDER BY created_at, id`, []);
  }

  get(id: string): EgressTokenRow | undefined {
    return this.#file.rows<EgressTokenRow>(`SELECT ${columns} FROM egress_tokens WHERE id = ?`, [id])[0];
  }

  /** Counts one more connection; false, and nothing is counted, beyond `max`, after its time and once revoked. */
  connect(id: string, max: number | null, now: string): boolean {
    const sql = `UPDATE egress_tokens SET connections = connections + 1
                 WHERE id = ?1 AND revoked_at IS NULL AND expires_at > ?2 AND (?3 IS NULL OR connections < ?3)`;
    return this.#file.change(sql, [id, now, max]) === 1;
  }

  /** Counts up to `bytes` as used and returns how many; 0 when `max` is reached, after its time and once revoked. */
  lease(id: string, direction: EgressDirection, bytes: number, max: number | null, now: string): number {
    return this.#file.transact(() => {
      const row = this.get(id);
      if (!row || row.revoked_at !== null || row.expires_at <= now) return 0;
      const left = max === null ? bytes : Math.max(max - row[column[direction]], 0);
      const granted = Math.min(bytes, left);
      this.#add(id, direction, granted);
      return granted;
    });
  }

  /** Bytes that were leased and not used after all. */
  giveBack(id: string, direction: EgressDirection, bytes: number): void {
    this.#add(id, direction, -bytes);
  }

  #add(id: string, direction: EgressDirection, bytes: number): void {
    const name = column[direction];
    this.#file.change(`UPDATE egress_tokens SET ${name} = max(${name} + ?, 0) WHERE id = ?`, [bytes, id]);
  }

  /** False when there is none or it was revoked already. */
  revoke(id: string, now: string): boolean {
    const sql = "UPDATE egress_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";
    return this.#file.change(sql, [now, id]) === 1;
  }

  /** How many of the run's were still good. */
  revokeRun(run: string, now: string): number {
    const sql = "UPDATE egress_tokens SET revoked_at = ? WHERE run = ? AND revoked_at IS NULL AND expires_at > ?";
    return this.#file.change(sql, [now, run, now]);
  }

  /** Forgets those whose time was up before `before`; returns how many. */
  forget(before: string): number {
    return this.#file.change("DELETE FROM egress_tokens WHERE expires_at < ?", [before]);
  }
}

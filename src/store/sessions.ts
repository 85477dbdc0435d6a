/** Sessions and what was said in them, in `state.db`; one run at a time holds a session; one method is one transaction. */
import { Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import type { StateFile, Value } from "./state.ts";

export interface SessionRow {
  readonly id: string;
  readonly agent: string;
  readonly channel: string;
  readonly user: string;
  readonly room: string;
  readonly title: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly closed_at: string | null;
  readonly messages: number;
}

export interface SessionMessage {
  readonly seq: number;
  readonly run: string;
  readonly role: string;
  readonly content: string;
  readonly tokens: number;
  readonly created_at: string;
}

/** One entrance, one person, one room there, one agent. */
export interface SessionPlace {
  readonly channel: string;
  readonly user: string;
  readonly room: string;
  readonly agent: string;
}

const columns = "id, agent, channel, user, room, title, created_at, updated_at, closed_at, messages";
const page = 64;

/** Every method throws the store's Fault. */
export class SessionStore {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  async create(made: SessionPlace & { readonly title: string; readonly created_at: string }): Promise<SessionRow> {
    const id = newId();
    const { agent, channel, user, room, title, created_at } = made;
    this.#file.change(
      `INSERT INTO sessions (id, agent, channel, user, room, title, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [id, agent, channel, user, room, title, created_at, created_at],
    );
    return { id, ...made, updated_at: created_at, closed_at: null, messages: 0 };
  }

  /** By its full id and nothing else. */
  async get(id: string): Promise<SessionRow | undefined> {
    return this.#file.rows<SessionRow>(`SELECT ${columns} FROM sessions WHERE id = ?`, [id])[0];
  }

  async list(filter: {
    readonly agent?: string;
    readonly channel?: string;
    readonly user?: string;
    readonly room?: string;
    readonly include_closed: boolean;
    readonly limit: number;
    readonly offset: number;
  }): Promise<{ readonly rows: readonly SessionRow[]; readonly total: number }> {
    const where = `(?1 IS NULL OR agent = ?1) AND (?2 IS NULL OR channel = ?2) AND (?3 IS NULL OR user = ?3)
                   AND (?4 IS NULL OR room = ?4) AND (?5 = 1 OR closed_at IS NULL)`;
    const values: readonly Value[] = [
      filter.agent ?? null,
      filter.channel ?? null,
      filter.user ?? null,
      filter.room ?? null,
      filter.include_closed ? 1 : 0,
    ];
    const rows = this.#file.rows<SessionRow>(
      `SELECT ${columns} FROM sessions WHERE ${where} ORDER BY updated_at DESC, id DESC LIMIT ?6 OFFSET ?7`,
      [...values, filter.limit, filter.offset],
    );
    const [counted] = this.#file.rows<{ n: number }>(`SELECT count(*) AS n FROM sessions WHERE ${where}`, values);
    return { rows, total: counted?.n ?? 0 };
  }

  /** False while a run of a living process holds it, when it is closed already or not there. */
  async close(id: string, at: string, isAlive: (owner: string) => boolean): Promise<boolean> {
    return this.#file.transact(() => {
      const held = this.#holder(id);
      if (!held || (held.run !== null && isAlive(held.owner))) return false;
      this.#file.change(
        "UPDATE sessions SET closed_at = ?1, updated_at = ?1, active_run = NULL, owner = '' WHERE id = ?2",
        [at, id],
      );
      return true;
    });
  }

  /** The session last used at a place; a closed one is none. */
  async active({ channel, user, room, agent }: SessionPlace): Promise<SessionRow | undefined> {
    return this.#file.rows<SessionRow>(
      `SELECT ${columns} FROM sessions WHERE closed_at IS NULL AND id =
         (SELECT session FROM active_sessions WHERE channel = ? AND user = ? AND room = ? AND agent = ?)`,
      [channel, user, room, agent],
    )[0];
  }

  /** False for a session that is closed, of another agent or not there. */
  async activate({ channel, user, room, agent }: SessionPlace, id: string): Promise<boolean> {
    return (
      this.#file.change(
        `INSERT INTO active_sessions (channel, user, room, agent, session)
         SELECT ?1, ?2, ?3, ?4, id FROM sessions WHERE id = ?5 AND agent = ?4 AND closed_at IS NULL
         ON CONFLICT DO UPDATE SET session = excluded.session`,
        [channel, user, room, agent, id],
      ) === 1
    );
  }

  /**
   * Takes the session for a run that `owner` drives; false while another run of a living process holds it, or another
   * living process this run, and when it is closed or not there.
   */
  async claim(id: string, run: string, owner: string, isAlive: (owner: string) => boolean): Promise<boolean> {
    return this.#file.transact(() => {
      const held = this.#holder(id);
      if (!held) return false;
      const isMine = held.run === run && held.owner === owner;
      if (held.run !== null && !isMine && isAlive(held.owner)) return false;
      this.#file.change("UPDATE sessions SET active_run = ?, owner = ? WHERE id = ?", [run, owner, id]);
      return true;
    });
  }

  async release(id: string, run: string): Promise<void> {
    this.#file.change("UPDATE sessions SET active_run = NULL, owner = '' WHERE id = ? AND active_run = ?", [id, run]);
  }

  /** Adds messages at the end, in order, all or none. Throws `not_found`. */
  async append(
    id: string,
    run: string,
    messages: readonly Pick<SessionMessage, "role" | "content" | "tokens" | "created_at">[],
  ): Promise<void> {
    this.#file.transact(() => {
      const [last] = this.#file.rows<{ seq: number }>("SELECT messages AS seq FROM sessions WHERE id = ?", [id]);
      if (!last) throw new Fault("not_found", `there is no session ${id}`, { hint: "start another one" });
      let { seq } = last;
      for (const { role, content, tokens, created_at } of messages) {
        this.#file.change(
          "INSERT INTO session_messages (session, seq, run, role, content, tokens, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
          [id, ++seq, run, role, content, tokens, created_at],
        );
      }
      const at = messages.at(-1)?.created_at ?? "";
      this.#file.change("UPDATE sessions SET messages = ?, updated_at = max(updated_at, ?) WHERE id = ?", [
        seq,
        at,
        id,
      ]);
    });
  }

  /** Whether it has messages of that run and time. */
  async holds(id: string, run: string, created_at: string): Promise<boolean> {
    const sql = "SELECT 1 FROM session_messages WHERE session = ? AND run = ? AND created_at = ? LIMIT 1";
    return this.#file.rows(sql, [id, run, created_at]).length > 0;
  }

  /**
   * The newest messages whose tokens together stay within `max_tokens`, oldest first, beginning with one of the user.
   * Only as many rows are read as are returned, give or take a page, and none that alone is over the budget.
   */
  async tail(id: string, max_tokens: number): Promise<readonly SessionMessage[]> {
    const kept: SessionMessage[] = [];
    let tokens = 0;
    let before = Number.MAX_SAFE_INTEGER;
    for (let full = false; !full;) {
      const rows = this.#file.rows<SessionMessage>(
        `SELECT seq, run, role, iif(tokens > ?3, '', content) AS content, tokens, created_at FROM session_messages
         WHERE session = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ${page}`,
        [id, before, max_tokens],
      );
      for (const row of rows) {
        full ||= tokens + row.tokens > max_tokens;
        if (full) break;
        tokens += row.tokens;
        kept.push(row);
      }
      full ||= rows.length < page;
      before = rows.at(-1)?.seq ?? 0;
    }
    const oldestFirst = kept.reverse();
    const first = oldestFirst.findIndex(({ role }) => role === "user");
    return first < 0 ? [] : oldestFirst.slice(first);
  }

  /** All of it, oldest first, a page at a time. */
  async read(
    id: string,
    options: { readonly limit: number; readonly offset: number },
  ): Promise<readonly SessionMessage[]> {
    return this.#file.rows<SessionMessage>(
      `SELECT seq, run, role, content, tokens, created_at FROM session_messages WHERE session = ?
       ORDER BY seq LIMIT ? OFFSET ?`,
      [id, options.limit, options.offset],
    );
  }

  /** Who has an open session; undefined for one that is closed or not there. */
  #holder(id: string): { readonly run: string | null; readonly owner: string } | undefined {
    const sql = "SELECT active_run AS run, owner FROM sessions WHERE id = ? AND closed_at IS NULL";
    return this.#file.rows<{ run: string | null; owner: string }>(sql, [id])[0];
  }
}

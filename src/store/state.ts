/** `state.db`, shared by the stores of runs, sessions, approvals and usage; one method of theirs is one transaction. */
import { type Database, openDatabase, storeFault, transact } from "./open.ts";
import { stateMigrations } from "./state-schema.ts";

export type Value = string | number | null;

/** Every method throws the store's Fault: no space, read-only, damaged. */
export class StateFile {
  readonly #path: string;
  readonly #db: Database;

  constructor(path: string) {
    this.#path = path;
    this.#db = openDatabase(path, { migrations: stateMigrations, synchronous: "NORMAL" });
  }

  close(): void {
    this.#db.close();
  }

  rows<T>(sql: string, values: readonly Value[]): T[] {
    return this.#guard(() => this.#db.query<T, Value[]>(sql).all(...values));
  }

  /** How many rows were changed. */
  change(sql: string, values: readonly Value[]): number {
    return this.#guard(() => this.#db.query<unknown, Value[]>(sql).run(...values).changes);
  }

  /** `work` is synchronous: nothing of another task can come between its statements. */
  transact<T>(work: () => T): T {
    return this.#guard(() => transact(this.#db, work));
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw storeFault(thrown, this.#path);
    }
  }
}

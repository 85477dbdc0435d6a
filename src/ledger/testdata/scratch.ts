/** A ledger in a temporary directory for tests, with the means an attacker has: the file, the keys beside it, a copy of both. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { openEntries } from "../../store/entries.ts";
import type { Database } from "../../store/open.ts";
import { identityOf, type LogKey, newLogKey } from "../key.ts";
import { Ledger } from "../ledger.ts";
import { type VerifyReport, verifyLedger } from "../verify.ts";
import { fileWitness, type Witness } from "../witness.ts";

export interface Scratch extends Disposable {
  readonly dir: string;
  readonly path: string;
  readonly key: LogKey;
  readonly pinned: readonly string[];
  readonly witness: Witness;
  readonly witnessPath: string;
  readonly clock: Clock & { now_ms: number };
  open(options?: Partial<Parameters<typeof Ledger.open>[0]>): Promise<Ledger>;
  /** A closed ledger of `count` entries of type `t.n`. */
  fill(count: number, options?: Partial<Parameters<typeof Ledger.open>[0]>): Promise<void>;
  verify(options?: Partial<Parameters<typeof verifyLedger>[0]>): Promise<VerifyReport>;
  /** Changes the file as root can: without the triggers. */
  tamper(change: (database: Database) => void): void;
  save(name: string): void;
  restore(name: string): void;
}

export function scratch(): Scratch {
  const dir = mkdtempSync(join(tmpdir(), "reeve-ledger-"));
  const home = join(dir, "home");
  mkdirSync(home);
  const path = join(home, "ledger.db");
  const witnessPath = join(dir, "outside", "witness.json");
  const witness = fileWitness(witnessPath);
  const key = newLogKey();
  const clock = { now_ms: Date.UTC(2026, 10, 20, 8), now: () => clock.now_ms, monotonic: () => clock.now_ms };
  const pinned = identityOf(key).verifier_keys;
  const open: Scratch["open"] = (options) =>
    Ledger.open({ path, key, witnesses: [witness], clock, create: true, ...options });
  return {
    dir,
    path,
    key,
    pinned,
    witness,
    witnessPath,
    clock,
    open,
    async fill(count, options) {
      const ledger = await open(options);
      const from = ledger.size();
      for (let i = 0; i < count; i++) {
        await ledger.append({ type: "t.n", actor: "agent:a", run: null, payload: { i: from + i, text: "some words" } });
      }
      await ledger.close();
    },
    verify: (options) => verifyLedger({ path, key: pinned, witnesses: [witness], ...options }),
    tamper(change) {
      const store = openEntries(path, { create: false });
      const triggers = store.database
        .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .all();
      for (const { name } of triggers) store.database.run(`DROP TRIGGER ${name}`);
      change(store.database);
      store.close();
    },
    save: (name) => cpSync(home, join(dir, name), { recursive: true }),
    restore(name) {
      if (!existsSync(join(dir, name))) throw new Error(`nothing saved as ${name}`);
      rmSync(home, { recursive: true });
      cpSync(join(dir, name), home, { recursive: true });
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Twelve entries, checkpoints of 0, 8 and 12. */
export async function filled(): Promise<Scratch> {
  const home = scratch();
  await home.fill(8);
  await home.fill(4);
  return home;
}

/** SQL that edits the text of one entry. */
export const replaceText = (seq: number, from: string, to: string) =>
  `UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), '${from}', '${to}') AS BLOB) WHERE seq = ${seq}`;

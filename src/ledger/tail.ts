/** The newest entries of some kind, read beside a ledger that others write. They are shown, not proved: `verify` proves. */
import type { Json } from "../core/canonical.ts";
import { asFault } from "../core/fault.ts";
import { openEntries } from "../store/entries.ts";
import { storeFault } from "../store/open.ts";
import { batch_entries, payloadOf } from "./chain.ts";
import { type Entry, readEntry } from "./entry.ts";

export interface TailEntry {
  readonly seq: number;
  readonly ts: string;
  readonly type: string;
  readonly actor: string;
  readonly run: string | null;
  /** Null when it was erased. */
  readonly payload: Json;
}

export interface Tail {
  /** The last `limit` entries whose type begins with `prefix`, newest last. */
  last(prefix: string, limit: number): readonly TailEntry[];
  /** Those that came since this or `last` was asked. */
  next(prefix: string): readonly TailEntry[];
  close(): void;
}

/** Throws the faults of the store, `data_loss` for an entry that cannot be read. */
export function openTail(path: string): Tail {
  const store = openEntries(path, { create: false, readonly: true });
  let seen = 0;
  const between = (from: number, to: number, prefix: string) =>
    store.entries(from, to - from).flatMap(([, bytes]) => {
      const entry = readEntry(bytes, true);
      return entry.type.startsWith(prefix) ? [shown(entry)] : [];
    });
  const shown = (entry: Entry): TailEntry => {
    const { seq, ts, type, actor, run } = entry;
    return { seq, ts, type, actor, run, payload: payloadIfKept(entry) };
  };
  const payloadIfKept = (entry: Entry): Json => {
    try {
      return payloadOf(store, entry);
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.code === "not_found") return null;
      throw fault;
    }
  };
  const guarded = <T>(work: () => T): T => {
    try {
      return store.read(work);
    } catch (thrown) {
      throw storeFault(thrown, path);
    }
  };
  return {
    last: (prefix, limit) =>
      guarded(() => {
        seen = store.size();
        const found: TailEntry[] = [];
        for (let to = seen; to > 0 && found.length < limit; to -= batch_entries) {
          found.unshift(...between(Math.max(0, to - batch_entries), to, prefix));
        }
        return found.slice(-limit);
      }),
    next: (prefix) =>
      guarded(() => {
        const from = seen;
        seen = Math.max(seen, store.size());
        return between(from, seen, prefix);
      }),
    close: () => store.close(),
  };
}

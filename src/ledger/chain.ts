/** What every entry must be to follow the one before it; the same rule for start-up, other processes' entries and verification. */
import { type Json, parseJson } from "../core/canonical.ts";
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { fromUtf8 } from "../core/text.ts";
import type { EntryStore } from "../store/entries.ts";
import { base64 } from "../crypto/hash.ts";
import { type Entry, opensCommit, readEntry } from "./entry.ts";
import type { SubtreeSource } from "./proof.ts";
import { CompactRange, hash_bytes, leafHash, type NodeListener, nodeHash } from "./tree.ts";

/** Entries read from the file at once; an entry has at most 64 KiB, so this bounds memory. */
export const batch_entries = 256;

/** The type whose entry may carry an earlier time than the one before it. */
export const clockAccepted = "clock.accepted";

const slack_ms = 5000;

/** A log up to its newest entry: the tree, the leaf hash that the next entry names, and the time it may not precede. */
export class Chain {
  readonly log: string;
  readonly range: CompactRange;
  /** Base64 leaf hash of the newest entry. */
  prev: string;
  ts: string;

  constructor(log: string, range = new CompactRange(), prev = base64(new Uint8Array(hash_bytes)), ts = "") {
    this.log = log;
    this.range = range;
    this.prev = prev;
    this.ts = ts;
  }

  get size(): number {
    return this.range.size;
  }

  copy(): Chain {
    return new Chain(this.log, this.range.copy(), this.prev, this.ts);
  }

  /** Takes an entry that this process wrote. Returns its leaf in base64. */
  append(bytes: Uint8Array, ts: string, onNode?: NodeListener): string {
    const leaf = leafHash(bytes);
    this.range.append(leaf, onNode);
    this.prev = base64(leaf);
    this.ts = ts;
    return this.prev;
  }

  /** Takes an entry read from outside. Throws `data_loss` with `data.seq` when it is not the one that follows. */
  accept(seq: number, bytes: Uint8Array, canonical: boolean, onNode?: NodeListener): Entry {
    if (seq !== this.size) throw brokenAt(this.size, `entry ${this.size} is missing: entry ${seq} stands in its place`);
    const entry = readAt(seq, bytes, canonical);
    if (entry.seq !== seq) throw brokenAt(seq, `entry ${seq} says that it is entry ${entry.seq}`);
    if (entry.log !== this.log) throw brokenAt(seq, `entry ${seq} belongs to the log ${entry.log}`);
    if (entry.prev !== this.prev) {
      throw brokenAt(
        seq === 0 ? 0 : seq - 1,
        `entry ${seq} does not follow: entry ${Math.max(0, seq - 1)} was changed or replaced`,
      );
    }
    if (entry.ts < this.ts && entry.type !== clockAccepted) {
      throw brokenAt(seq, `entry ${seq} is older than the one before it`);
    }
    this.append(bytes, entry.ts, onNode);
    return entry;
  }
}

/** Feeds the entries from `chain.size` to the end of the file through `chain`. */
export function follow(store: EntryStore, chain: Chain, canonical: boolean, onEntry: (entry: Entry) => void): void {
  for (;;) {
    const rows = store.entries(chain.size, batch_entries);
    for (const [seq, bytes] of rows) onEntry(chain.accept(seq, bytes, canonical));
    if (rows.length < batch_entries) return;
  }
}

/** An entry's payload, also one kept beside. `not_found` when it was erased, `data_loss` when it is not the one committed to. */
export function payloadOf(store: EntryStore, { seq, payload, commit }: Entry): Json {
  if (payload !== undefined) return payload;
  const row = store.payload(seq);
  if (row?.erased_by != null) {
    throw new Fault("not_found", `the payload of entry ${seq} was erased by entry ${row.erased_by}`);
  }
  if (!row?.salt || !row.body || !opensCommit(commit ?? "", row.salt, row.body)) {
    throw brokenAt(seq, `the payload kept for entry ${seq} is not the one it committed to`);
  }
  return parseJson(fromUtf8(row.body) ?? "", `the payload of entry ${seq}`);
}

/** Subtree hashes from the file: stored nodes where a level has them, entries below. Throws `data_loss` for a missing one. */
export function subtrees(store: EntryStore): SubtreeSource {
  const source: SubtreeSource = (height, position) => {
    if (height < 8) return subtreeOfEntries(store, position * 2 ** height, 2 ** height);
    if (height % 8 === 0) return store.node(height / 8, position) ?? missing(`tree node ${height / 8}/${position}`);
    return nodeHash(source(height - 1, position * 2), source(height - 1, position * 2 + 1));
  };
  return source;
}

function subtreeOfEntries(store: EntryStore, from: number, count: number): Uint8Array {
  const range = new CompactRange();
  for (const [seq, bytes] of store.entries(from, count)) {
    if (seq !== from + range.size) missing(`entry ${from + range.size}`);
    range.append(leafHash(bytes));
  }
  return range.size === count ? range.root() : missing(`entry ${from + range.size}`);
}

/** The clock's reading as entries write it. Throws `failed_precondition` for one that no entry can hold. */
export function stampOf(now_ms: number): string {
  if (now_ms >= 0 && now_ms < 253_402_300_800_000) return rfc3339(now_ms);
  throw new Fault("failed_precondition", "the clock reads a time outside the years 1970 to 9999", {
    hint: "fix the clock",
  });
}

/** The time of an entry after one of time `ts`: the clock's, or `ts` itself while the clock is at most 5 s behind it. */
export function timeAfter(ts: string, now: string): string {
  if (now >= ts) return now;
  const behind_ms = Date.parse(ts) - Date.parse(now);
  if (behind_ms <= slack_ms) return ts;
  throw new Fault("failed_precondition", `the clock is ${Math.ceil(behind_ms / 1000)} s behind the ledger`, {
    hint: "fix the clock, or accept it with `reeve doctor --fix`",
    data: { behind_ms },
  });
}

export function brokenAt(seq: number, message: string, cause?: unknown): Fault {
  return new Fault("data_loss", message, {
    hint: "keep the file as evidence, run `reeve verify-ledger`, and restore from a backup the witness agrees with",
    data: { seq },
    ...(cause === undefined ? {} : { cause }),
  });
}

function readAt(seq: number, bytes: Uint8Array, canonical: boolean): Entry {
  try {
    return readEntry(bytes, canonical);
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    throw brokenAt(seq, `entry ${seq} is damaged: ${cause.message}`, cause);
  }
}

function missing(what: string): never {
  throw new Fault("data_loss", `${what} is missing from the ledger`, { hint: "run `reeve verify-ledger`" });
}

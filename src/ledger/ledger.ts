/** The writer of the record: entries that are durable before anyone acts on them, checkpoints, and their witnesses. */
import { existsSync } from "node:fs";
import type { Json } from "../core/canonical.ts";
import type { Clock } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import { base64, equalBytes } from "../crypto/hash.ts";
import { type EntryStore, openEntries } from "../store/entries.ts";
import { storeFault } from "../store/open.ts";
import { brokenAt, type Chain, clockAccepted, follow, payloadOf, stampOf, subtrees, timeAfter } from "./chain.ts";
import { readCheckpoint, signCheckpoint, signersOf, verifierOf } from "./checkpoint.ts";
import { type EntryDraft, type PreparedDraft, prepareDraft, readEntry, writeEntry } from "./entry.ts";
import { identityOf, type LogIdentity, type LogKey } from "./key.ts";
import { type NoteSigner, parseVerifierKey } from "./note.ts";
import { lookUp, type ProvenEntry } from "./lookup.ts";
import { inclusionProof } from "./proof.ts";
import { heldNotes, pushCheckpoint } from "./push.ts";
import { checkTail } from "./startup.ts";
import { leafHash } from "./tree.ts";
import type { Witness } from "./witness.ts";

export interface EntryReceipt {
  readonly seq: number;
  /** Base64 leaf hash. */
  readonly leaf: string;
}

export interface SignedCheckpoint {
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly note: string;
}

interface LedgerOptions {
  readonly path: string;
  readonly key: LogKey;
  readonly witnesses: readonly Witness[];
  readonly clock: Clock;
  /** Whether a missing file is begun. Either way it is `data_loss` when a witness knows the log. */
  readonly create: boolean;
  readonly checkpoint_entries?: number;
  readonly checkpoint_interval_ms?: number;
}

/** An append that waits for its group; `erases` is the entry whose payload goes in the same transaction. */
interface Waiting {
  readonly draft: PreparedDraft;
  readonly erases?: number;
  readonly resolve: (receipt: EntryReceipt) => void;
  readonly reject: (fault: Fault) => void;
}

type Timer = ReturnType<typeof setTimeout>;

const group_entries = 4096;
const push_interval_ms = 100;
const reserved = new Set([clockAccepted, "payload.erased"]);

export class Ledger {
  readonly origin: string;
  readonly #identity: LogIdentity;
  readonly #options: LedgerOptions;
  readonly #store: EntryStore;
  readonly #signers: readonly NoteSigner[];
  #chain: Chain;
  /** Size of the newest checkpoint in the file. */
  #signed: number;
  #version: number;
  #queue: Waiting[] = [];
  #scheduled = false;
  #closed = false;
  #timer: Timer | undefined;
  #pushTimer: Timer | undefined;
  #pushing: Promise<void> = Promise.resolve();
  #pushQueued = false;
  #background: Fault | undefined;

  /**
   * Opens the ledger after checking its tail, its last checkpoint and what the witnesses hold. `data_loss` when any of
   * them disagree, `not_found` for a missing file nobody knows unless `create`.
   */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const identity = identityOf(options.key);
    // Asked before the file is read: entries are in the file before a witness hears of them, never after.
    const held = await heldNotes(options.witnesses, identity.origin);
    const [first] = held;
    if (!existsSync(options.path) && first !== undefined) {
      const { size } = readCheckpoint(first.note);
      throw new Fault(
        "data_loss",
        `${options.path} is missing, but ${first.witness} holds a checkpoint of ${size} entries`,
        {
          hint: "restore the ledger from a backup of at least that size",
          data: { seq: 0, size },
        },
      );
    }
    const log = { origin: identity.origin, keys: `${identity.verifier_keys.join("\n")}\n` };
    const store = openEntries(options.path, { create: options.create, log });
    try {
      const verifiers = identity.verifier_keys.map((line) => verifierOf(parseVerifierKey(line)));
      const version = store.version();
      const chain = checkTail(store, identity.origin, verifiers, held);
      const ledger = new Ledger(options, identity, store, chain, version);
      // The empty tree is signed and witnessed too, so that a log is known from its birth.
      if (ledger.#signed < 0) await ledger.checkpoint();
      return ledger;
    } catch (thrown) {
      store.close();
      throw storeFault(thrown, options.path);
    }
  }

  private constructor(options: LedgerOptions, identity: LogIdentity, store: EntryStore, chain: Chain, version: number) {
    this.origin = identity.origin;
    this.#identity = identity;
    this.#options = options;
    this.#store = store;
    this.#signers = signersOf(options.key, () => options.clock.now(), identity);
    this.#chain = chain;
    this.#version = version;
    this.#signed = store.checkpointUpTo(chain.size)?.size ?? -1;
    if (this.#isDirty()) this.#startTimer();
  }

  /** Entries in the log as far as this process knows. */
  size(): number {
    return this.#chain.size;
  }

  /** C2SP vkey lines: Ed25519, then ML-DSA-44. To be pinned outside the home. */
  verifierKeys(): readonly string[] {
    return this.#identity.verifier_keys;
  }

  /** The failure of the last checkpoint to reach the file or a witness, until one succeeds. */
  get trouble(): Fault | undefined {
    return this.#background;
  }

  /**
   * Resolves when the entry is on disk; those that wait together share one fsync. A rejected append wrote nothing:
   * `resource_exhausted` for a full disk, `unavailable` for one that cannot be written, `failed_precondition` for a clock
   * more than 5 s behind the ledger, `data_loss` when the file is no longer the one this process knows.
   */
  async append(draft: EntryDraft): Promise<EntryReceipt> {
    if (reserved.has(draft.type)) {
      throw new Fault("invalid_argument", `the entry type ${draft.type} is written by the ledger alone`);
    }
    return this.#enqueue(prepareDraft(draft));
  }

  /** Signs the tree as it is now and hands it to the witnesses; returns the one there is when nothing was added. */
  async checkpoint(): Promise<SignedCheckpoint> {
    this.#refuseClosed();
    this.#flush();
    const signed = this.#guard(() => this.#store.transact(() => this.#sign()));
    this.#signed = signed.size;
    await this.#push();
    return signed;
  }

  /** The newest entry of a type with its payload. `data_loss` when the payload kept beside is not the one committed to. */
  async latest(type: string): Promise<{ readonly seq: number; readonly payload: Json } | undefined> {
    return this.#guard(() => {
      const seq = this.#store.latest(type);
      if (seq === undefined) return undefined;
      const entry = readEntry(this.#store.entry(seq) ?? new Uint8Array(0), true);
      if (entry.type !== type || entry.seq !== seq)
        throw brokenAt(seq, `the index names entry ${seq} as the newest ${type}`);
      return { seq, payload: payloadOf(this.#store, entry) };
    });
  }

  /**
   * Deletes the payload kept beside entry `seq`; the entry and every proof stay as they are, and `payload.erased` records
   * it. `not_found` when that entry keeps none, `failed_precondition` when it is erased already.
   */
  async erase(seq: number): Promise<void> {
    const draft = prepareDraft({ type: "payload.erased", actor: "operator", run: null, payload: { seq } });
    await this.#enqueue(draft, seq);
    this.#guard(() => this.#store.emptyLog());
  }

  /** Records that the operator accepts the clock as it is; times may restart lower from this entry on. */
  async acceptClock(): Promise<void> {
    await this.#enqueue(prepareDraft({ type: clockAccepted, actor: "operator", run: null, payload: {} }));
  }

  /** A proof that entry `seq` is in the tree of `size` entries, leaf to root (RFC 6962 section 2.1.1). */
  proveInclusion(seq: number, size: number): readonly Uint8Array[] {
    if (!(seq >= 0 && seq < size && size <= this.size())) {
      throw new Fault("invalid_argument", `entry ${seq} is not in a tree of ${size} of ${this.size()} entries`);
    }
    return this.#guard(() => inclusionProof(subtrees(this.#store), seq, size));
  }

  /** Entry `seq`, once it is shown to be in the tree; see `lookUp`. */
  async entry(seq: number): Promise<ProvenEntry> {
    return this.#guard(() => lookUp(this.#store, seq, { size: this.size(), root: this.#chain.range.root() }));
  }

  /** Writes what waits, signs and witnesses what is unsigned, and closes the file; the file is closed also when that fails. */
  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      this.#flush();
      if (this.#isDirty() || this.#background || this.#pushTimer) await this.checkpoint();
      else await this.#pushing;
    } finally {
      this.#closed = true;
      clearTimeout(this.#timer);
      clearTimeout(this.#pushTimer);
      this.#store.close();
    }
  }

  #enqueue(draft: PreparedDraft, erases?: number): Promise<EntryReceipt> {
    this.#refuseClosed();
    // A witness that knows another tree: nothing may be added to this one before an operator has looked.
    if (this.#background?.code === "data_loss") return Promise.reject(this.#background);
    return new Promise((resolve, reject) => {
      this.#queue.push({ draft, resolve, reject, ...(erases === undefined ? {} : { erases }) });
      this.#schedule();
    });
  }

  /** After the current turn of the event loop: everyone it wakes joins the group, and a lone append waits for no timer. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, group_entries);
      try {
        const settle = this.#store.transact(() => this.#commit(group));
        settle();
      } catch (thrown) {
        // Whatever the file holds now is read again before the next group.
        this.#version = -1;
        const fault = storeFault(thrown, this.#options.path);
        for (const { reject } of group) reject(fault);
      }
    }
    if (this.#isDirty()) this.#startTimer();
  }

  /** Inside the transaction. Nothing of this object changes before the function it returns runs, after COMMIT. */
  #commit(group: readonly Waiting[]): () => void {
    this.#catchUp();
    const chain = this.#chain.copy();
    const now = stampOf(this.#options.clock.now());
    const settled: (() => void)[] = [];
    const latest = new Map<string, number>();
    for (const waiting of group) {
      try {
        const receipt = this.#write(waiting, chain, now);
        latest.set(waiting.draft.type, receipt.seq);
        settled.push(() => waiting.resolve(receipt));
      } catch (thrown) {
        // Refused on its own, before anything of it was written; the rest of the group goes on.
        if (!(thrown instanceof Fault) || thrown.code === "data_loss") throw thrown;
        settled.push(() => waiting.reject(thrown));
      }
    }
    for (const [type, seq] of latest) this.#store.setLatest(type, seq);
    const due = chain.size - this.#signed >= (this.#options.checkpoint_entries ?? 256);
    if (due) this.#addCheckpoint(chain);
    return () => {
      this.#chain = chain;
      if (due) {
        this.#signed = chain.size;
        this.#pushSoon();
      }
      for (const each of settled) each();
    };
  }

  #write({ draft, erases }: Waiting, chain: Chain, now: string): EntryReceipt {
    const ts = draft.type === clockAccepted ? now : timeAfter(chain.ts, now);
    if (erases !== undefined) this.#checkErasable(erases);
    const seq = chain.size;
    const bytes = writeEntry(draft, { log: this.origin, seq, prev: chain.prev, ts });
    this.#store.addEntry(seq, bytes);
    if (draft.side) this.#store.addPayload(seq, draft.side.salt, draft.side.body);
    if (erases !== undefined) this.#store.erasePayload(erases, seq);
    const leaf = chain.append(bytes, ts, (level, position, hash) => this.#store.addNode(level, position, hash));
    return { seq, leaf };
  }

  #checkErasable(seq: number): void {
    const row = this.#store.payload(seq);
    if (row === undefined) throw new Fault("not_found", `entry ${seq} keeps no payload that can be erased`);
    if (row.erased_by !== null)
      throw new Fault("failed_precondition", `the payload of entry ${seq} was erased by entry ${row.erased_by}`);
  }

  /** Takes in what other processes appended, checking it like everything else that comes from outside. */
  #catchUp(): void {
    const version = this.#store.version();
    if (version === this.#version) return;
    const chain = this.#chain.copy();
    const size = this.#store.size();
    const head = size >= chain.size && chain.size > 0 ? this.#store.entry(chain.size - 1) : undefined;
    if (size < chain.size || (chain.size > 0 && (head === undefined || base64(leafHash(head)) !== chain.prev))) {
      throw brokenAt(Math.max(0, Math.min(size, chain.size) - 1), "the ledger was replaced while it was open");
    }
    follow(this.#store, chain, false, () => undefined);
    this.#chain = chain;
    this.#signed = this.#store.checkpointUpTo(size)?.size ?? -1;
    this.#version = version;
  }

  /** Inside a transaction: the checkpoint of the newest entry, made if there is none. */
  #sign(): SignedCheckpoint {
    this.#catchUp();
    const root = this.#chain.range.root();
    const size = this.#chain.size;
    if (this.#signed < size) {
      return { size, root: base64(root), note: this.#addCheckpoint(this.#chain) };
    }
    const note = this.#store.checkpointUpTo(size)?.note ?? "";
    if (!equalBytes(readCheckpoint(note).root, root))
      throw brokenAt(size, `the checkpoint at size ${size} is of another tree`);
    return { size, root: base64(root), note };
  }

  #addCheckpoint({ range }: Chain): string {
    const checkpoint = { origin: this.origin, size: range.size, root: range.root() };
    const note = signCheckpoint(checkpoint, this.#signers);
    this.#store.addCheckpoint({ size: range.size, note, peaks: range.encode() });
    return note;
  }

  #isDirty(): boolean {
    return this.#signed >= 0 && this.#signed < this.#chain.size;
  }

  #startTimer(): void {
    if (this.#closed) return;
    this.#timer ??= this.#later(this.#options.checkpoint_interval_ms ?? 60_000, () => {
      this.#timer = undefined;
      return this.#isDirty() ? this.checkpoint() : undefined;
    });
  }

  /** One push at a time; a push that has not begun serves everyone who asks meanwhile. */
  #push(): Promise<void> {
    if (this.#pushQueued) return this.#pushing;
    this.#pushQueued = true;
    const before = this.#pushing.catch(() => undefined);
    this.#pushing = before.then(async () => {
      this.#pushQueued = false;
      try {
        await pushCheckpoint(this.#options.witnesses, this.#store, this.origin);
        this.#background = undefined;
      } catch (thrown) {
        this.#background = asFault(thrown);
        throw thrown;
      }
    });
    return this.#pushing;
  }

  /** Witnesses of a busy log get a checkpoint ten times a second, not hundreds of times. */
  #pushSoon(): void {
    this.#pushTimer ??= this.#later(push_interval_ms, () => {
      this.#pushTimer = undefined;
      return this.#push();
    });
  }

  /** Work in the background that keeps no process alive; its failure is remembered. */
  #later(delay_ms: number, work: () => Promise<unknown> | undefined): Timer {
    const remember = (thrown: unknown) => {
      this.#background = asFault(thrown);
    };
    const timer = setTimeout(() => void work()?.catch(remember), delay_ms);
    timer.unref();
    return timer;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw storeFault(thrown, this.#options.path);
    }
  }

  #refuseClosed(): void {
    if (this.#closed) throw new Fault("failed_precondition", "the ledger is closed");
  }
}

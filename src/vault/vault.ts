/**
 * Secrets on disk, encrypted one by one under one master key. Every change is planned first, so that the digest it leads
 * to can be written down elsewhere, and takes effect in one step: the replacement of the manifest.
 */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { writeAtomic } from "../core/atomic.ts";
import { type Clock, rfc3339, systemClock } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import { acquire, acquireSync, type Lock } from "../core/lock.ts";
import { type AgeSource, type AgeTarget, openAge, sealAge } from "./age.ts";
import { commitSteps, type VaultPaths, vaultPaths } from "./commit.ts";
import { manifestDigest, newStoreId, writeManifest } from "./manifest.ts";
import { createMasterKey, isWrapped, masterKeyPath, readMasterKey, subKey } from "./master-key.ts";
import { type Destination, isInternal, type SecretContent } from "./name.ts";
import { type Plan, planRemove, planRotation, planSet } from "./plan.ts";
import { checkPrivateDirectory } from "./private-file.ts";
import { openRecord } from "./record.ts";
import { resolveReferences } from "./reference.ts";
import { type Held, load, readManifestText, type Snapshot } from "./snapshot.ts";

export interface VaultPlace {
  /** Directory of manifest and records. */
  readonly dir: string;
  /** Directory of the master key. */
  readonly keys: string;
}

export interface SecretListing {
  readonly name: string;
  readonly version: number;
  readonly epoch: number;
  /** When this version was set, RFC 3339. */
  readonly created_at: string;
}

export interface StagedChange {
  /** base64 SHA-256 of the manifest after the change. */
  readonly manifest: string;
  /**
   * Makes the change durable. Throws `unavailable` when another process has changed the vault since it was staged, or is
   * changing it now; nothing is written then.
   */
  commit(): void;
}

const lockWait_ms = 10_000;

/**
 * Makes a new, empty vault; with a passphrase, its key is wrapped. A creation that was cut off is finished when the key
 * on disk has the form asked for. Throws `already_exists` where there is a vault, `data_loss` where there are records only.
 */
export async function createVault(
  options: VaultPlace & { readonly passphrase?: string; readonly clock?: Clock },
): Promise<Vault> {
  const paths = vaultPaths(options.dir);
  const { passphrase } = options;
  try {
    mkdirSync(paths.records, { recursive: true, mode: 0o700 });
    checkPrivateDirectory(paths.root);
    if (existsSync(paths.manifest)) throw new Fault("already_exists", `there is already a vault in ${paths.root}`);
    if (readdirSync(paths.records).length > 0) throw missing(paths.manifest);
    const master = existsSync(masterKeyPath(options.keys))
      ? await adoptKey(options.keys, passphrase)
      : createMasterKey(options.keys, passphrase);
    writeAtomic(paths.manifest, writeManifest(master, { store: newStoreId(), serial: 1, epoch: 1, records: [] }));
    return new Vault(paths, master, options.clock ?? systemClock);
  } catch (cause) {
    throw asFault(cause, `cannot create a vault in ${paths.root}`);
  }
}

async function adoptKey(keys: string, passphrase: string | undefined): Promise<Uint8Array> {
  if (isWrapped(keys) === (passphrase !== undefined)) return readMasterKey(keys, async () => passphrase);
  throw new Fault(
    "already_exists",
    `${masterKeyPath(keys)} exists and is ${passphrase === undefined ? "" : "not "}protected by a passphrase`,
    {
      hint: "remove it if no vault needs it any more, or create the vault the way the key was made",
    },
  );
}

/**
 * Opens a vault; `passphrase` is asked for only when the key is wrapped. Throws `not_found` when there is none,
 * `failed_precondition` with the chmod to run when others may reach key or vault, `unauthenticated` for a wrong or missing
 * passphrase, `data_loss` naming the file when key, manifest or a record is missing, damaged or not the current one.
 */
export async function openVault(
  options: VaultPlace & { readonly passphrase?: () => Promise<string | undefined>; readonly clock?: Clock },
): Promise<Vault> {
  const paths = vaultPaths(options.dir);
  const keyFile = masterKeyPath(options.keys);
  const hasKey = existsSync(keyFile);
  if (!existsSync(paths.manifest)) {
    if (hasKey || existsSync(paths.records)) throw missing(paths.manifest);
    throw new Fault("not_found", `there is no vault in ${paths.root}`, { hint: "run `reeve init` first" });
  }
  if (!hasKey) throw missing(keyFile);
  checkPrivateDirectory(paths.root);
  return new Vault(paths, await readMasterKey(options.keys, options.passphrase), options.clock ?? systemClock);
}

function missing(path: string): Fault {
  return new Fault("data_loss", `${path} is missing`, { hint: "restore it from a backup; nothing was changed" });
}

/** Whether `openVault` will ask for a passphrase. Throws as it does when the key file is missing or unfit. */
export function vaultNeedsPassphrase(place: Pick<VaultPlace, "keys">): boolean {
  return isWrapped(place.keys);
}

/** An open vault. Not for concurrent `exclusive` calls nested in one another; everything else may interleave. */
export class Vault {
  readonly #paths: VaultPaths;
  readonly #clock: Clock;
  readonly #master: Uint8Array;
  #state: Snapshot;
  #lock: Lock | undefined;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(paths: VaultPaths, master: Uint8Array, clock: Clock) {
    this.#paths = paths;
    this.#clock = clock;
    this.#master = master;
    this.#state = load(paths, master, undefined);
  }

  /** base64 SHA-256 of the manifest this vault last read or wrote. */
  get manifest(): string {
    return manifestDigest(this.#state.text);
  }

  /** Counts the changes of the vault; authenticated with the manifest, so it cannot be raised without the key. */
  get serial(): number {
    return this.#state.manifest.serial;
  }

  /** Name, version, epoch and time of every secret that is not Reeve's own, by name. */
  list(): readonly SecretListing[] {
    return this.#held()
      .filter(({ record }) => !isInternal(record.name))
      .map(({ record: { name, version, epoch, created_at } }) => ({ name, version, epoch, created_at }));
  }

  value(name: string): Uint8Array | undefined {
    return this.#content(name)?.value;
  }

  /** The plaintext of every secret, Reeve's own included, for the scrubber. */
  values(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#held().map(({ record }) => [record.name, openRecord(this.#key(), record)]));
  }

  /** `text` with its `{{secret:name}}` references replaced for one destination; see `resolveReferences`. */
  resolve(text: string, destination: Destination): string {
    return resolveReferences(text, destination, (name) => (isInternal(name) ? undefined : this.#content(name)));
  }

  /** 32 secret bytes for one purpose of Reeve's own, the same as long as this vault lasts, also after a rotation. */
  derive(purpose: string): Uint8Array {
    const { master, store } = this.#key();
    return subKey(master, store, `derived/${purpose}`);
  }

  /** A new version of a secret; without `allow` it keeps the bindings it has, a new one is bound to nothing. */
  stageSet(name: string, value: Uint8Array, options: { readonly allow?: readonly string[] } = {}): StagedChange {
    this.refresh();
    const allow = options.allow ?? this.#state.held.get(name)?.record.allow ?? [];
    return this.stageImport(new Map([[name, { value, allow }]]));
  }

  /** New versions of several secrets in one change. */
  stageImport(contents: ReadonlyMap<string, SecretContent>): StagedChange {
    this.refresh();
    return this.#stage(planSet(this.#master, this.#state, contents, rfc3339(this.#clock.now())));
  }

  /** Undefined when there is no such secret. */
  stageRemove(name: string): StagedChange | undefined {
    this.refresh();
    const plan = planRemove(this.#master, this.#state, name);
    return plan && this.#stage(plan);
  }

  /** Every record encrypted again under the key of a new epoch; versions and values stay. */
  stageRotate(): StagedChange & { readonly epoch: number } {
    this.refresh();
    const plan = planRotation(this.#master, this.#state);
    return { ...this.#stage(plan), epoch: plan.next.manifest.epoch };
  }

  /**
   * Takes in what another process has changed. Throws `data_loss` when the vault on disk is damaged, another store, or
   * older than what this process has already seen.
   */
  refresh(): void {
    this.#key();
    if (readManifestText(this.#paths) !== this.#state.text) this.#state = load(this.#paths, this.#master, this.#state);
  }

  /**
   * Keeps every other process from changing the vault while `work` runs: staging, writing down the digest and committing
   * then cannot interleave with another's. Throws `unavailable` when the vault stays locked for 10 seconds.
   */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#last;
    this.#last = promise;
    await before;
    try {
      const lock = await acquire(this.#paths.lock, lockWait_ms);
      this.#lock = lock;
      try {
        this.refresh();
        return await work();
      } finally {
        this.#lock = undefined;
        lock.release();
      }
    } finally {
      resolve();
    }
  }

  /** An age file with every secret that is not Reeve's own, bindings included. */
  async exportAge(to: AgeTarget): Promise<Uint8Array> {
    this.refresh();
    const contents = new Map<string, SecretContent>();
    for (const { record } of this.#held()) {
      if (isInternal(record.name)) continue;
      contents.set(record.name, { value: openRecord(this.#key(), record), allow: record.allow });
    }
    return sealAge(contents, to);
  }

  /** What an age file holds, checked as a whole; stage it with `stageImport`. See `openAge`. */
  readAge(file: Uint8Array, source: AgeSource): Promise<ReadonlyMap<string, SecretContent>> {
    return openAge(file, source);
  }

  /** Overwrites the master key in memory; nothing but `manifest` answers afterwards. */
  close(): void {
    this.#master.fill(0);
    this.#closed = true;
  }

  #key(): { readonly master: Uint8Array; readonly store: string } {
    if (this.#closed) throw new Fault("failed_precondition", "the vault is closed");
    return { master: this.#master, store: this.#state.manifest.store };
  }

  #held(): readonly Held[] {
    this.#key();
    return [...this.#state.held.values()].sort((a, b) => (a.record.name < b.record.name ? -1 : 1));
  }

  #content(name: string): SecretContent | undefined {
    const key = this.#key();
    const record = this.#state.held.get(name)?.record;
    return record && { value: openRecord(key, record), allow: record.allow };
  }

  #stage(plan: Plan): StagedChange {
    return { manifest: manifestDigest(plan.next.text), commit: () => this.#commit(plan) };
  }

  #commit(plan: Plan): void {
    this.#key();
    const own = this.#lock === undefined ? acquireSync(this.#paths.lock, lockWait_ms) : undefined;
    try {
      if (readManifestText(this.#paths) !== plan.base.text) {
        throw new Fault("unavailable", "the vault was changed by somebody else in the meantime", { hint: "try again" });
      }
      for (const step of commitSteps(this.#paths, plan.change)) if (step === "manifest") this.#state = plan.next;
    } catch (cause) {
      throw asFault(cause, `cannot change the vault in ${this.#paths.root}`);
    } finally {
      own?.release();
    }
  }
}

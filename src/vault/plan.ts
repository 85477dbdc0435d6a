/** What a change of the vault will write, worked out before anything is: the state after it and the files that lead there. */
import { utf8 } from "../core/text.ts";
import { base64, sha256 } from "../crypto/hash.ts";
import type { Change } from "./commit.ts";
import { recordFile, writeManifest } from "./manifest.ts";
import { checkBindings, checkSecretName, checkSecretValue, type SecretContent } from "./name.ts";
import { openRecord, type SecretRecord, sealRecord, writeRecord } from "./record.ts";
import type { Held, Snapshot } from "./snapshot.ts";

export interface Plan {
  readonly base: Snapshot;
  readonly next: Snapshot;
  readonly change: Change;
}

/** A new version of each secret named. Throws `invalid_argument` when one name, value or binding is unfit. */
export function planSet(
  master: Uint8Array,
  base: Snapshot,
  contents: ReadonlyMap<string, SecretContent>,
  created_at: string,
): Plan {
  const { store, epoch } = base.manifest;
  const records = new Map(recordsOf(base));
  for (const [name, { value, allow }] of contents) {
    const version = (records.get(name)?.version ?? 0) + 1;
    const facts = { name: checkSecretName(name), version, epoch, allow: [...checkBindings(allow)], created_at };
    records.set(name, sealRecord({ master, store }, facts, checkSecretValue(name, value)));
  }
  return plan(master, base, records, epoch);
}

/** Undefined when there is no such secret. */
export function planRemove(master: Uint8Array, base: Snapshot, name: string): Plan | undefined {
  const records = new Map(recordsOf(base));
  return records.delete(name) ? plan(master, base, records, base.manifest.epoch) : undefined;
}

/** Every record sealed again under the next epoch's key; versions, bindings, times and values stay. */
export function planRotation(master: Uint8Array, base: Snapshot): Plan {
  const key = { master, store: base.manifest.store };
  const epoch = base.manifest.epoch + 1;
  const records = new Map<string, SecretRecord>();
  for (const [name, record] of recordsOf(base)) {
    const { v: _, nonce: __, ct: ___, ...facts } = record;
    const value = openRecord(key, record);
    records.set(name, sealRecord(key, { ...facts, epoch }, value));
    value.fill(0);
  }
  return plan(master, base, records, epoch);
}

function recordsOf(base: Snapshot): Iterable<[string, SecretRecord]> {
  return Iterator.from(base.held).map(([name, { record }]): [string, SecretRecord] => [name, record]);
}

function plan(master: Uint8Array, base: Snapshot, records: ReadonlyMap<string, SecretRecord>, epoch: number): Plan {
  const serial = base.manifest.serial + 1;
  const held = new Map<string, Held>();
  const writes = new Map<string, string>();
  for (const [name, record] of records) {
    const before = base.held.get(name);
    if (before?.record === record) {
      held.set(name, before);
      continue;
    }
    const text = writeRecord(record);
    const file = recordFile(name, serial);
    held.set(name, { record, entry: { name, file, hash: base64(sha256(utf8(text))) } });
    writes.set(file, text);
  }
  const entries = [...held.values()].map(({ entry }) => entry);
  const manifest = { store: base.manifest.store, serial, epoch, records: entries };
  const text = writeManifest(master, manifest);
  const keep = new Set(entries.map(({ file }) => file));
  return { base, next: { text, manifest, held }, change: { manifest: text, writes, keep } };
}

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { type EntryStore, openEntries } from "./entries.ts";

function withStore(body: (store: EntryStore, path: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), "reeve-entries-"));
  const path = join(dir, "ledger.db");
  const store = openEntries(path, { create: true, log: { origin: "agent-ledger/x", keys: "k" } });
  try {
    body(store, path);
  } finally {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("the entry store", () => {
  test("begins with its identity and nothing else", () => {
    withStore((store) => {
      expect(store.log()).toEqual({ origin: "agent-ledger/x", keys: "k" });
      expect(store.size()).toBe(0);
      expect(store.entry(0)).toBeUndefined();
      expect(store.latest("a")).toBeUndefined();
      expect(store.checkpointUpTo(100)).toBeUndefined();
    });
  });

  test("gives entries back byte for byte, in order, so many at once", () => {
    withStore((store) => {
      for (let seq = 0; seq < 5; seq++) store.addEntry(seq, bytes(seq, 0, 255));
      expect(store.size()).toBe(5);
      expect([...(store.entry(3) ?? [])]).toEqual([3, 0, 255]);
      expect(store.entries(1, 3).map(([seq]) => seq)).toEqual([1, 2, 3]);
    });
  });

  test("refuses a number that is taken or negative", () => {
    withStore((store) => {
      store.addEntry(0, bytes(1));
      expect(() => store.addEntry(0, bytes(2))).toThrow();
      expect(() => store.addEntry(-1, bytes(2))).toThrow();
      expect([...(store.entry(0) ?? [])]).toEqual([1]);
    });
  });

  test("never changes or deletes entries and checkpoints, nor deletes payloads", () => {
    withStore((store) => {
      store.addEntry(0, bytes(1));
      store.addPayload(0, bytes(1), bytes(2));
      store.addCheckpoint({ size: 1, note: "n", peaks: bytes(1) });
      for (const sql of [
        "UPDATE entry SET bytes = zeroblob(1)",
        "DELETE FROM entry",
        "UPDATE checkpoint SET note = 'm'",
        "DELETE FROM checkpoint",
        "DELETE FROM payload",
      ]) {
        expect(() => store.database.run(sql)).toThrow(/never|erased/);
      }
    });
  });

  test("keeps of an erased payload only who erased it", () => {
    withStore((store) => {
      store.addPayload(4, bytes(1), bytes(2));
      store.erasePayload(4, 9);
      expect(store.payload(4)).toEqual({ salt: null, body: null, erased_by: 9 });
      expect(store.payloadCount()).toBe(1);
    });
  });

  test("names the newest entry of a type and the newest checkpoint up to a size", () => {
    withStore((store) => {
      store.setLatest("a", 1);
      store.setLatest("b", 2);
      store.setLatest("a", 3);
      expect(store.latestTypes().map(({ type, seq }) => `${type}${seq}`)).toEqual(["b2", "a3"]);
      for (const size of [0, 256, 512]) store.addCheckpoint({ size, note: `n${size}`, peaks: bytes() });
      expect(store.checkpointUpTo(511)?.note).toBe("n256");
      expect(store.checkpoints(1, 9).map(({ size }) => size)).toEqual([256, 512]);
    });
  });

  test("notices that another connection wrote, and not that it wrote itself", () => {
    withStore((store, path) => {
      const before = store.version();
      store.addEntry(0, bytes(1));
      expect(store.version()).toBe(before);
      const other = openEntries(path, { create: false });
      other.addEntry(1, bytes(2));
      other.close();
      expect(store.version()).not.toBe(before);
    });
  });

  test("reads one moment of the file while others write", () => {
    withStore((store, path) => {
      const reader = openEntries(path, { create: false, readonly: true });
      reader.read(() => {
        expect(reader.size()).toBe(0);
        store.addEntry(0, bytes(1));
        expect(reader.size()).toBe(0);
      });
      expect(reader.size()).toBe(1);
      reader.close();
    });
  });

  test("is not made by one who may only open it", () => {
    const path = join(tmpdir(), "reeve-entries-none", "ledger.db");
    expect(() => openEntries(path, { create: false })).toThrow(Fault);
  });
});

import { expect, test } from "bun:test";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { openEntries } from "../store/entries.ts";
import { storeFault } from "../store/open.ts";
import type { EntryDraft } from "./entry.ts";
import { scratch } from "./testdata/scratch.ts";

const draft: EntryDraft = { type: "t.n", actor: "agent:a", run: null, payload: "x".repeat(4000) };

/** Only root may mount; the real disk is as full as it gets, otherwise SQLite is told that it is. */
const mayMount = process.getuid?.() === 0 && canMount();

function canMount(): boolean {
  using home = scratch();
  const dir = join(home.dir, "probe");
  mkdirSync(dir);
  if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir]).exitCode !== 0) return false;
  return Bun.spawnSync(["umount", dir]).exitCode === 0;
}

if (mayMount) {
  test("a full disk refuses every append that waited together, writes none, and goes on when there is space", async () => {
    using home = scratch();
    const dir = join(home.dir, "small");
    mkdirSync(dir);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir]).exitCode).toBe(0);
    try {
      const path = join(dir, "ledger.db");
      const ledger = await home.open({ path });
      await ledger.append(draft);
      writeFileSync(join(dir, "ballast"), new Uint8Array(statfsSync(dir).bfree * statfsSync(dir).bsize));
      const before = ledger.size();
      const results = await Promise.allSettled(Array.from({ length: 64 }, () => ledger.append(draft)));
      for (const result of results) {
        expect(
          result.status === "rejected" && result.reason instanceof Fault ? result.reason.code : result.status,
        ).toBe("resource_exhausted");
      }
      expect(ledger.size()).toBe(before);
      writeFileSync(join(dir, "ballast"), "");
      expect(await ledger.append(draft)).toMatchObject({ seq: before });
      await ledger.close();
      expect(await home.verify({ path })).toMatchObject({ status: "ok", entries: before + 1 });
    } finally {
      Bun.spawnSync(["umount", dir]);
    }
  });

  test("a ledger on a full disk still verifies", async () => {
    using home = scratch();
    const dir = join(home.dir, "filled");
    mkdirSync(dir);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir]).exitCode).toBe(0);
    try {
      const path = join(dir, "ledger.db");
      const ledger = await home.open({ path });
      await ledger.append(draft);
      await ledger.close();
      // As a process leaves it whose disk was filled by another.
      for (const name of ["ledger.db-shm", "ledger.db-wal"]) rmSync(join(dir, name), { force: true });
      writeFileSync(join(dir, "ballast"), new Uint8Array(statfsSync(dir).bfree * statfsSync(dir).bsize));
      expect(await home.verify({ path })).toMatchObject({ status: "ok", entries: 1 });
    } finally {
      Bun.spawnSync(["umount", dir]);
    }
  });

  test("a read-only disk refuses appends as unavailable, and the ledger on it still verifies", async () => {
    using home = scratch();
    const dir = join(home.dir, "frozen");
    mkdirSync(dir);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", dir]).exitCode).toBe(0);
    try {
      const path = join(dir, "ledger.db");
      const ledger = await home.open({ path });
      await ledger.append(draft);
      await ledger.close();
      expect(Bun.spawnSync(["mount", "-o", "remount,ro", dir]).exitCode).toBe(0);
      const opened = await home.open({ path }).then(
        () => "opened",
        (thrown: unknown) => (thrown instanceof Fault ? thrown.code : thrown),
      );
      expect(opened).toBe("unavailable");
      expect(await home.verify({ path })).toMatchObject({ status: "ok", entries: 1 });
    } finally {
      Bun.spawnSync(["umount", dir]);
    }
  });
} else {
  test("a file that may not grow refuses the whole transaction as resource_exhausted", () => {
    using home = scratch();
    const store = openEntries(home.path, { create: true, log: { origin: "x", keys: "" } });
    const pages = store.database.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count ?? 0;
    store.database.run(`PRAGMA max_page_count = ${pages}`);
    let fault: Fault | undefined;
    try {
      store.transact(() => {
        for (let seq = 0; seq < 64; seq++) store.addEntry(seq, new Uint8Array(4000));
      });
    } catch (thrown) {
      fault = storeFault(thrown, home.path);
    }
    expect(fault?.code).toBe("resource_exhausted");
    expect(store.size()).toBe(0);
    store.close();
  });
}

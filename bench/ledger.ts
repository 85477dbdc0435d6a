/** Measures the ledger beside what bare SQLite does here in the same run; one JSON line per figure. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/core/clock.ts";
import { type EntryDraft, prepareDraft, writeEntry } from "../src/ledger/entry.ts";
import { newLogKey } from "../src/ledger/key.ts";
import { Ledger } from "../src/ledger/ledger.ts";
import { verifyLedger } from "../src/ledger/verify.ts";
import { fileWitness } from "../src/ledger/witness.ts";
import { openEntries } from "../src/store/entries.ts";

const draft: EntryDraft = {
  type: "call.intent",
  actor: "agent:default",
  run: "01927b0e-1111-7111-8111-111111111111",
  payload: {
    tool: "fs.read",
    input: { path: "src/core/fault.ts", max_bytes: 262_144 },
    decision: { effect: "allow", reason: "grant 01 allows fs.read on **" },
    digest: "wJxrgbjNuI/RvGxWQVez34NGTgFLVEYCkLk5/RxzDMw=",
  },
};
const sample = writeEntry(prepareDraft(draft), {
  log: "agent-ledger/abcdefghijklmnopqrstuvwxyz",
  seq: 123_456,
  prev: "wJxrgbjNuI/RvGxWQVez34NGTgFLVEYCkLk5/RxzDMw=",
  ts: "2026-11-20T08:00:00.000Z",
});

const [mode, path, ...keys] = process.argv.slice(2);
if (mode === "verify" && path !== undefined) await measureVerify(path, keys);
else await measureAll(Number(process.env["LEDGER_ENTRIES"] ?? 1_000_000));

async function measureAll(entries: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "reeve-bench-"));
  try {
    bareInserts(join(dir, "bare.db"));
    await verifies(join(dir, "ledger.db"), await appends(dir, entries));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function report(name: string, value: number, unit: string, must: string): void {
  console.log(JSON.stringify({ name, value: Math.round(value), unit, must }));
}

function rate(count: number, since_ms: number): number {
  return (count / (performance.now() - since_ms)) * 1000;
}

/** The same bytes into the same table with the same durability: what the disk and SQLite allow. */
function bareInserts(file: string): void {
  const store = openEntries(file, { create: true });
  let seq = 0;
  const groups = (count: number, size: number) => {
    const start = performance.now();
    for (let group = 0; group < count; group++) {
      store.transact(() => {
        for (let i = 0; i < size; i++) store.addEntry(seq++, sample);
      });
    }
    return rate(count * size, start);
  };
  groups(200, 1);
  report("baseline: bare insert, one per commit, FULL", groups(2000, 1), "entries/s", "-");
  report("baseline: bare insert, 64 per commit, FULL", groups(1500, 64), "entries/s", "-");
  store.close();
}

/** Appends until the ledger has `entries`; returns its verifier keys. */
async function appends(dir: string, entries: number): Promise<readonly string[]> {
  const ledger = await Ledger.open({
    path: join(dir, "ledger.db"),
    key: newLogKey(),
    witnesses: [fileWitness(join(dir, "witness.json"))],
    clock: systemClock,
    create: true,
  });
  const writers = (count: number, each: number) =>
    Promise.all(
      Array.from({ length: count }, async () => {
        for (let i = 0; i < each; i++) await ledger.append(draft);
      }),
    );
  await writers(64, 200);
  let start = performance.now();
  await writers(1, 2000);
  report("append, one writer, FULL", rate(2000, start), "entries/s", ">= 2000");
  start = performance.now();
  await writers(64, 1500);
  report("append, 64 concurrent writers, FULL", rate(64 * 1500, start), "entries/s", ">= 30000");
  while (ledger.size() < entries) await writers(Math.min(1000, entries - ledger.size()), 1);
  await ledger.close();
  return ledger.verifierKeys();
}

/** In a process of its own, so that its memory is its own. */
async function verifies(file: string, verifierKeys: readonly string[]): Promise<void> {
  const child = Bun.spawn([process.execPath, import.meta.path, "verify", file, ...verifierKeys], {
    env: {},
    stdout: "inherit",
    stderr: "inherit",
  });
  if ((await child.exited) !== 0) throw new Error("verification failed");
}

async function measureVerify(file: string, key: readonly string[]): Promise<void> {
  let start = performance.now();
  const store = openEntries(file, { create: false, readonly: true });
  let seq = 0;
  for (let rows = store.entries(0, 256); rows.length > 0; rows = store.entries(seq, 256)) {
    for (const [, bytes] of rows) {
      createHash("sha256").update(bytes).digest();
      seq++;
    }
  }
  store.close();
  report("baseline: read and hash every entry", rate(seq, start), "entries/s", "-");
  start = performance.now();
  const { status, entries } = await verifyLedger({ path: file, key });
  if (status !== "ok" || entries !== seq) throw new Error(`verification said ${status} after ${entries} entries`);
  report(`verify ${entries} entries, canonical form included`, rate(entries, start), "entries/s", ">= 80000");
  report("memory of that process, peak RSS", process.resourceUsage().maxRSS / 1024, "MiB", "<= 150");
}

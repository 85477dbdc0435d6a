import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replayBundle } from "./replay.ts";

/** Bundles kept from real runs: what was written by an earlier version must go on replaying byte for byte. */
const kept = join(import.meta.dir, "..", "..", "runs");
const ids = readdirSync(kept, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

test("there are golden bundles of conversations with and without a model, one taken up again, a call, a refusal and a request that was not carried out", () => {
  const states = ids.map((id) => JSON.parse(readFileSync(join(kept, id, "meta.json"), "utf8")).state);
  expect(states.toSorted()).toEqual(["completed", "completed", "completed", "completed", "completed", "failed"]);
});

test("one of them waited for an approval and went on, another ran reads beside each other", () => {
  const events = ids.map((id) => readFileSync(join(kept, id, "events.jsonl"), "utf8"));
  expect(events.filter((text) => text.includes('"type":"resumed"'))).toHaveLength(1);
  const sideBySide = /"type":"intent"[^\n]*\n[^\n]*"type":"intent"/;
  expect(events.filter((text) => sideBySide.test(text)).length).toBeGreaterThan(0);
});

test.each(ids)("golden bundle %s replays byte for byte", async (id) => {
  expect(await replayBundle(join(kept, id))).toMatchObject({ run_id: id, identical: true, differences: [] });
});

test.each(ids)("golden bundle %s does not replay when any of its files has one byte changed", async (id) => {
  const copy = mkdtempSync(join(tmpdir(), "reeve-golden-"));
  try {
    for (const name of readdirSync(join(kept, id)).filter((file) => file !== "manifest.json")) {
      cpSync(join(kept, id), copy, { recursive: true });
      const bytes = readFileSync(join(copy, name));
      if (bytes.length === 0) continue;
      const at = bytes.lastIndexOf(0x65);
      bytes[at] = 0x66;
      writeFileSync(join(copy, name), bytes);
      const outcome = await replayBundle(copy).then(
        (replay) => replay.identical,
        () => false,
      );
      expect([name, outcome]).toEqual([name, false]);
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
});

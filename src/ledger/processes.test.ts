import { expect, test } from "bun:test";
import { systemClock } from "../core/clock.ts";
import { base64 } from "../crypto/hash.ts";
import { type Scratch, scratch } from "./testdata/scratch.ts";

/** A process of its own on the same file, see testdata/appender.ts. */
function startAppender(home: Scratch, count: number, writers: number) {
  const seeds = [home.key.ed25519_seed, home.key.mldsa44_seed].map((seed) => base64(seed));
  const script = Bun.fileURLToPath(import.meta.resolve("./testdata/appender.ts"));
  const args = [home.path, home.witnessPath, ...seeds, String(count), String(writers)];
  return Bun.spawn([process.execPath, script, ...args], { env: {}, stdout: "pipe", stderr: "inherit" });
}

test("what was acknowledged survives kill -9 at any moment, and nothing raises an alarm", async () => {
  using home = scratch();
  await (await home.open()).close();
  for (let round = 0; round < 4; round++) {
    const child = startAppender(home, 1_000_000, 7);
    let acknowledged = "";
    for await (const chunk of child.stdout) {
      acknowledged += Buffer.from(chunk).toString("utf8");
      if (acknowledged.length > 2000 * (round + 1)) child.kill("SIGKILL");
    }
    await child.exited;
    const last = Math.max(...acknowledged.split("\n").slice(0, -1).map(Number));
    const ledger = await home.open({ clock: systemClock, create: false });
    expect(ledger.size()).toBeGreaterThan(last);
    await ledger.close();
    expect(await home.verify()).toMatchObject({ status: "ok" });
  }
}, 60_000);

test("two processes append to one ledger at the same time and every entry has its place", async () => {
  using home = scratch();
  await (await home.open()).close();
  const children = [1, 2].map(() => startAppender(home, 300, 8));
  const outputs = await Promise.all(children.map((child) => new Response(child.stdout).text()));
  expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0]);
  const seqs = outputs.flatMap((text) => text.trim().split("\n").map(Number));
  expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, i) => i));
  expect(await home.verify()).toMatchObject({
    status: "ok",
    entries: 600,
    signed_entries: 600,
    witnesses: [{ size: 600 }],
  });
}, 60_000);

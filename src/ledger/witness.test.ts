import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../core/fault.ts";
import { acquire } from "../core/lock.ts";
import { thisProcess } from "../core/owner.ts";
import { utf8 } from "../core/text.ts";
import { signCheckpoint, signersOf } from "./checkpoint.ts";
import { identityOf, newLogKey } from "./key.ts";
import { consistencyProof, rootOf, type SubtreeSource } from "./proof.ts";
import { scratch } from "./testdata/scratch.ts";
import { emptyRoot, leafHash, nodeHash } from "./tree.ts";
import { fileWitness } from "./witness.ts";

const key = newLogKey();
const { origin } = identityOf(key);
const signers = signersOf(key, () => 1_700_000_000_000);

function log(name: string) {
  const source: SubtreeSource = (height, position) =>
    height === 0
      ? leafHash(utf8(`${name} ${position}`))
      : nodeHash(source(height - 1, position * 2), source(height - 1, position * 2 + 1));
  return {
    note: (size: number) => signCheckpoint({ origin, size, root: rootOf(source, 0, size) }, signers),
    proof: (from: number, to: number) => consistencyProof(source, from, to),
  };
}

const good = log("good");
const other = log("other");

async function refusal(work: Promise<void>): Promise<Fault> {
  const thrown = await work.catch((reason: unknown) => reason);
  if (thrown instanceof Fault) return thrown;
  throw new Error("not refused");
}

describe("the file witness", () => {
  test("holds nothing at first, then the newest note it accepted, in a private file", async () => {
    using home = scratch();
    expect(await home.witness.latest(origin)).toBeUndefined();
    await home.witness.add(0, [], good.note(3));
    await home.witness.add(3, good.proof(3, 8), good.note(8));
    expect(await fileWitness(home.witnessPath).latest(origin)).toContain("\n8\n");
    expect(statSync(home.witnessPath).mode & 0o777).toBe(0o600);
  });

  test("accepts the same checkpoint again, and the empty tree first", async () => {
    using home = scratch();
    await home.witness.add(0, [], good.note(0));
    await home.witness.add(0, [], good.note(0));
    await home.witness.add(0, [], good.note(5));
    await home.witness.add(5, [], good.note(5));
    expect(await home.witness.latest(origin)).toContain("\n5\n");
  });

  test("tells the size it holds to one who asks from another", async () => {
    using home = scratch();
    await home.witness.add(0, [], good.note(5));
    const fault = await refusal(home.witness.add(3, good.proof(3, 8), good.note(8)));
    expect(fault).toMatchObject({ code: "failed_precondition", data: { size: 5 } });
  });

  test("refuses two roots for one size, a shorter tree, a tree that does not contain its own, and a proof too many", async () => {
    using home = scratch();
    await home.witness.add(0, [], good.note(5));
    const requests: [number, readonly Uint8Array[], string][] = [
      [5, [], other.note(5)],
      [5, [], good.note(3)],
      [5, other.proof(5, 9), other.note(9)],
      [5, [], good.note(9)],
      [5, [...good.proof(5, 9), emptyRoot], good.note(9)],
    ];
    for (const request of requests)
      expect((await refusal(home.witness.add(...request))).data?.["size"]).toBeUndefined();
    expect(await home.witness.latest(origin)).toContain("\n5\n");
  });

  test("refuses a proof from the empty tree and an empty tree with another root", async () => {
    using home = scratch();
    await refusal(home.witness.add(0, [emptyRoot], good.note(5)));
    await refusal(home.witness.add(0, [], signCheckpoint({ origin, size: 0, root: leafHash(emptyRoot) }, signers)));
    expect(existsSync(home.witnessPath)).toBe(false);
  });

  test("refuses what is not a checkpoint", async () => {
    using home = scratch();
    await expect(home.witness.add(0, [], "hello")).rejects.toThrow("not a signed note");
  });

  test("keeps the notes of several logs apart", async () => {
    using home = scratch();
    await home.fill(2);
    await home.witness.add(0, [], good.note(5));
    expect(await home.witness.latest(identityOf(home.key).origin)).toContain("\n2\n");
    expect(await home.witness.latest(origin)).toContain("\n5\n");
  });

  test("loses none of many checkpoints handed in at once", async () => {
    using home = scratch();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => home.witness.add(0, [], good.note(i + 1))),
    );
    expect(results.filter((each) => each.status === "fulfilled")).toHaveLength(1);
    (await acquire(`${home.witnessPath}.lock`, 0)).release();
  });

  test("takes over a lock whose holder is gone", async () => {
    using home = scratch();
    mkdirSync(`${home.witnessPath}.lock`, { recursive: true });
    const [boot, namespace] = thisProcess().split("/");
    writeFileSync(`${home.witnessPath}.lock/1`, `${boot}/${namespace}/4194305/1`);
    await home.witness.add(0, [], good.note(5));
    expect(await home.witness.latest(origin)).toContain("\n5\n");
  });

  for (const content of ["", "{", '{"v":1,"notes":{', "[]", '{"v":2,"notes":{}}', '{"v":1,"notes":{"x":1}}']) {
    test(`says data_loss for a file that holds ${JSON.stringify(content)} and does not replace it`, async () => {
      using home = scratch();
      mkdirSync(dirname(home.witnessPath));
      writeFileSync(home.witnessPath, content);
      expect(await refusal(home.witness.latest(origin).then(() => undefined))).toMatchObject({ code: "data_loss" });
      expect((await refusal(home.witness.add(0, [], good.note(5)))).code).toBe("data_loss");
      expect(readFileSync(home.witnessPath, "utf8")).toBe(content);
    });
  }
});

test("a witness behind the ledger, as a crash leaves it, raises no alarm and catches up", async () => {
  using home = scratch();
  await home.fill(300);
  const behind = readFileSync(home.witnessPath);
  await home.fill(300);
  writeFileSync(home.witnessPath, behind);
  expect(await home.verify()).toMatchObject({ status: "ok", witnesses: [{ size: 300 }] });
  await home.fill(1);
  expect(await home.verify()).toMatchObject({ status: "ok", witnesses: [{ size: 601 }] });
});

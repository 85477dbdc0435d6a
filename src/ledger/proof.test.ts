import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { utf8 } from "../core/text.ts";
import {
  consistencyProof,
  inclusionProof,
  rootOf,
  type SubtreeSource,
  verifyConsistency,
  verifyInclusion,
} from "./proof.ts";
import { CompactRange, emptyRoot, leafHash, nodeHash } from "./tree.ts";

/** The definitions of RFC 6962 section 2.1 word for word, as the oracle. */
function mth(entries: readonly Uint8Array[]): Buffer {
  const [only] = entries;
  if (only === undefined) return createHash("sha256").digest();
  if (entries.length === 1) return createHash("sha256").update(Uint8Array.of(0)).update(only).digest();
  let k = 1;
  while (k * 2 < entries.length) k *= 2;
  return createHash("sha256")
    .update(Uint8Array.of(1))
    .update(mth(entries.slice(0, k)))
    .update(mth(entries.slice(k)))
    .digest();
}

const entries = Array.from({ length: 300 }, (_, i) => utf8(`entry ${i}`));
const roots = entries.map((_, i) => mth(entries.slice(0, i)));
const rootAt = (size: number): Uint8Array => roots[size] ?? mth(entries.slice(0, size));
const leafAt = (seq: number): Uint8Array => leafHash(entries[seq] ?? new Uint8Array(0));
const source: SubtreeSource = (height, position) =>
  mth(entries.slice(position * 2 ** height, (position + 1) * 2 ** height));

const sizes = fc.integer({ min: 1, max: 300 });
const pair = fc.tuple(sizes, sizes).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));

describe("the tree", () => {
  test("has the empty root and the leaf of nothing that RFC 6962 gives", () => {
    expect(Buffer.from(emptyRoot).toString("hex")).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    expect(Buffer.from(leafHash(new Uint8Array(0))).toString("hex")).toBe(
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    );
  });

  test("gives leaves and nodes different hashes of the same bytes", () => {
    const [left, right] = [leafAt(0), leafAt(1)];
    expect(leafHash(Buffer.concat([left, right]))).not.toEqual(nodeHash(left, right));
  });

  test("grown entry by entry has the root of the definition at every size", () => {
    const range = new CompactRange();
    for (let size = 0; size < 300; size++) {
      expect(Buffer.from(range.root()).equals(rootAt(size))).toBe(true);
      range.append(leafAt(size));
    }
  });

  test("comes back from its stored form and goes on alike", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 290 }), (size) => {
        const range = new CompactRange();
        for (let seq = 0; seq < size; seq++) range.append(leafAt(seq));
        const again = CompactRange.decode(size, range.encode());
        again.append(leafAt(size));
        expect(Buffer.from(again.root()).equals(rootAt(size + 1))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test("refuses a stored form of another size", () => {
    expect(() => CompactRange.decode(3, new Uint8Array(32))).toThrow("damaged");
    expect(() => CompactRange.decode(4, new Uint8Array(33))).toThrow("damaged");
  });

  test("announces every complete subtree of 256 entries with its hash", () => {
    const range = new CompactRange();
    const seen: [number, number, string][] = [];
    for (let seq = 0; seq < 300; seq++) {
      range.append(leafAt(seq), (level, position, hash) =>
        seen.push([level, position, Buffer.from(hash).toString("hex")]),
      );
    }
    expect(seen).toEqual([[1, 0, mth(entries.slice(0, 256)).toString("hex")]]);
  });

  test("has its root over any part that starts where a subtree may", () => {
    expect(Buffer.from(rootOf(source, 0, 0)).equals(emptyRoot)).toBe(true);
    expect(Buffer.from(rootOf(source, 0, 299)).equals(rootAt(299))).toBe(true);
    expect(Buffer.from(rootOf(source, 256, 300)).equals(mth(entries.slice(256, 300)))).toBe(true);
  });
});

describe("inclusion", () => {
  test("is proved for every entry of every tree", () => {
    fc.assert(
      fc.property(pair, ({ low, high }) => {
        const claim = { seq: low - 1, size: high, leaf: leafAt(low - 1), root: rootAt(high) };
        expect(verifyInclusion(claim, inclusionProof(source, low - 1, high))).toBe(true);
      }),
    );
  });

  test("is not proved for another entry, place, size or root, nor by a proof with a changed, missing or extra hash", () => {
    fc.assert(
      fc.property(pair, fc.nat(), fc.nat(), ({ low, high }, at, bit) => {
        const claim = { seq: low - 1, size: high, leaf: leafAt(low - 1), root: rootAt(high) };
        const proof = inclusionProof(source, low - 1, high);
        expect(verifyInclusion({ ...claim, leaf: flip(claim.leaf, bit) }, proof)).toBe(false);
        expect(verifyInclusion({ ...claim, root: flip(claim.root, bit) }, proof)).toBe(false);
        expect(verifyInclusion({ ...claim, seq: claim.seq + high }, proof)).toBe(false);
        expect(verifyInclusion({ ...claim, seq: -1 }, proof)).toBe(false);
        expect(verifyInclusion(claim, [...proof, claim.leaf])).toBe(false);
        for (const changed of spoil(proof, at, bit)) expect(verifyInclusion(claim, changed)).toBe(false);
        if (high > 1) expect(verifyInclusion({ ...claim, seq: (claim.seq + 1) % high }, proof)).toBe(false);
      }),
    );
  });
});

describe("consistency", () => {
  test("is proved between every two sizes of one log", () => {
    fc.assert(
      fc.property(pair, ({ low, high }) => {
        const claim = { old_size: low, old_root: rootAt(low), new_size: high, new_root: rootAt(high) };
        expect(verifyConsistency(claim, consistencyProof(source, low, high))).toBe(true);
      }),
    );
  });

  test("is not proved for another root or size, nor by a proof with a changed, missing or extra hash", () => {
    fc.assert(
      fc.property(pair, fc.nat(), fc.nat(), ({ low, high }, at, bit) => {
        const claim = { old_size: low, old_root: rootAt(low), new_size: high, new_root: rootAt(high) };
        const proof = consistencyProof(source, low, high);
        expect(verifyConsistency({ ...claim, old_root: flip(claim.old_root, bit) }, proof)).toBe(false);
        expect(verifyConsistency({ ...claim, new_root: flip(claim.new_root, bit) }, proof)).toBe(false);
        expect(verifyConsistency({ ...claim, old_size: high + 1 }, proof)).toBe(false);
        expect(verifyConsistency(claim, [...proof, claim.old_root])).toBe(false);
        for (const changed of spoil(proof, at, bit)) expect(verifyConsistency(claim, changed)).toBe(false);
      }),
    );
  });

  test("is never proved from an old tree with one entry changed", () => {
    fc.assert(
      fc.property(pair, fc.nat(), ({ low, high }, pick) => {
        const other = entries.slice(0, low);
        other[pick % low] = utf8("another entry");
        const claim = { old_size: low, old_root: mth(other), new_size: high, new_root: rootAt(high) };
        expect(verifyConsistency(claim, consistencyProof(source, low, high))).toBe(false);
      }),
    );
  });

  test("leaves the empty tree to the caller, and its proof is empty", () => {
    expect(verifyConsistency({ old_size: 0, old_root: emptyRoot, new_size: 2, new_root: rootAt(2) }, [])).toBe(false);
    expect(consistencyProof(source, 0, 7)).toEqual([]);
  });
});

function flip(hash: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(hash);
  changed[bit % 32] = (changed[bit % 32] ?? 0) ^ (1 << (bit % 8));
  return changed;
}

function spoil(proof: readonly Uint8Array[], at: number, bit: number): Uint8Array[][] {
  if (proof.length === 0) return [];
  const index = at % proof.length;
  return [
    proof.map((hash, i) => (i === index ? flip(hash, bit) : hash)),
    proof.filter((_, i) => i !== index),
    proof.map((hash, i) => (i === index ? hash.slice(1) : hash)),
  ];
}

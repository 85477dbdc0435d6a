/** Inclusion and consistency proofs: made as RFC 6962 section 2.1 defines them, checked as RFC 9162 section 2.1 does. */
import { equalBytes } from "../crypto/hash.ts";
import { emptyRoot, hash_bytes, nodeHash } from "./tree.ts";

/** The hash of the complete subtree over the entries from position * 2^height to (position + 1) * 2^height. */
export type SubtreeSource = (height: number, position: number) => Uint8Array;

/** The Merkle Tree Hash of the entries [from, to); `from` is a multiple of the power of two that spans the range. */
export function rootOf(source: SubtreeSource, from: number, to: number): Uint8Array {
  const count = to - from;
  if (count === 0) return emptyRoot;
  if (count === 1) return source(0, from);
  const half_count = splitOf(count);
  if (half_count * 2 === count) return source(Math.round(Math.log2(count)), from / count);
  const middle = from + half_count;
  return nodeHash(rootOf(source, from, middle), rootOf(source, middle, to));
}

/** PATH(seq, D[size]) of RFC 6962 section 2.1.1, leaf to root; 0 <= seq < size. */
export function inclusionProof(source: SubtreeSource, seq: number, size: number): Uint8Array[] {
  const path = (from: number, to: number): Uint8Array[] => {
    if (to - from === 1) return [];
    const middle = from + splitOf(to - from);
    return seq < middle
      ? [...path(from, middle), rootOf(source, middle, to)]
      : [...path(middle, to), rootOf(source, from, middle)];
  };
  return path(0, size);
}

/** PROOF(old_size, D[new_size]) of RFC 6962 section 2.1.2; empty when the sizes are equal or the old one is 0. */
export function consistencyProof(source: SubtreeSource, old_size: number, new_size: number): Uint8Array[] {
  const prove = (from: number, to: number, whole: boolean): Uint8Array[] => {
    if (old_size === to) return whole ? [] : [rootOf(source, from, to)];
    const middle = from + splitOf(to - from);
    return old_size <= middle
      ? [...prove(from, middle, whole), rootOf(source, middle, to)]
      : [...prove(middle, to, false), rootOf(source, from, middle)];
  };
  return old_size === 0 ? [] : prove(0, new_size, true);
}

interface InclusionClaim {
  readonly seq: number;
  readonly size: number;
  readonly leaf: Uint8Array;
  readonly root: Uint8Array;
}

/** Whether `proof` shows `leaf` at `seq` in the tree of `size` with `root` (RFC 9162 section 2.1.3.2). */
export function verifyInclusion(claim: InclusionClaim, proof: readonly Uint8Array[]): boolean {
  if (!inOrder(0, claim.seq, claim.size - 1) || !areHashes(claim.leaf, claim.root, ...proof)) return false;
  let index = claim.seq;
  let last = claim.size - 1;
  let hash = claim.leaf;
  for (const step of proof) {
    if (last === 0) return false;
    if (index % 2 === 1 || index === last) {
      hash = nodeHash(step, hash);
      while (index % 2 === 0 && index !== 0) [index, last] = [half(index), half(last)];
    } else {
      hash = nodeHash(hash, step);
    }
    [index, last] = [half(index), half(last)];
  }
  return last === 0 && equalBytes(hash, claim.root);
}

interface ConsistencyClaim {
  readonly old_size: number;
  readonly old_root: Uint8Array;
  readonly new_size: number;
  readonly new_root: Uint8Array;
}

/**
 * Whether `proof` shows the old tree to be the beginning of the new one (RFC 9162 section 2.1.4.2). An old size of 0 is
 * refused: the empty tree is the beginning of every tree, no proof says so, and callers decide what that means to them.
 */
export function verifyConsistency(claim: ConsistencyClaim, proof: readonly Uint8Array[]): boolean {
  const { old_size, old_root, new_size, new_root } = claim;
  if (!inOrder(1, old_size, new_size) || !areHashes(old_root, new_root, ...proof)) return false;
  if (old_size === new_size) return proof.length === 0 && equalBytes(old_root, new_root);
  if (proof.length === 0) return false;
  const steps = splitOf(old_size + 1) === old_size ? [old_root, ...proof] : proof;
  let index = old_size - 1;
  let last = new_size - 1;
  while (index % 2 === 1) [index, last] = [half(index), half(last)];
  const [first = emptyRoot, ...others] = steps;
  let oldHash = first;
  let newHash = first;
  for (const step of others) {
    if (last === 0) return false;
    if (index % 2 === 1 || index === last) {
      oldHash = nodeHash(step, oldHash);
      newHash = nodeHash(step, newHash);
      while (index % 2 === 0 && index !== 0) [index, last] = [half(index), half(last)];
    } else {
      newHash = nodeHash(newHash, step);
    }
    [index, last] = [half(index), half(last)];
  }
  return last === 0 && equalBytes(oldHash, old_root) && equalBytes(newHash, new_root);
}

function inOrder(low: number, value: number, high: number): boolean {
  return Number.isSafeInteger(value) && Number.isSafeInteger(high) && low <= value && value <= high;
}

function areHashes(...values: readonly Uint8Array[]): boolean {
  return values.every((value) => value.length === hash_bytes);
}

function half(value: number): number {
  return Math.floor(value / 2);
}

/** The largest power of two smaller than `count`; count > 1. */
function splitOf(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/** The Merkle tree of RFC 6962 section 2.1 with SHA-256, kept as a compact range: the roots of its complete subtrees. */
import { Fault } from "../core/fault.ts";
import { sha256 } from "../crypto/hash.ts";

export const hash_bytes = 32;

/** The root of the tree without entries: the hash of nothing. */
export const emptyRoot: Uint8Array = sha256(new Uint8Array(0));

const leafInput = new Uint8Array(1 + 65_536);
const nodeInput = new Uint8Array(1 + 2 * hash_bytes);
nodeInput[0] = 0x01;

/** Leaf hash of an entry's bytes (at most 65,536): SHA-256(0x00 || bytes). */
export function leafHash(bytes: Uint8Array): Uint8Array {
  leafInput.set(bytes, 1);
  return sha256(leafInput.subarray(0, 1 + bytes.length));
}

/** Hash of an inner node: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + hash_bytes);
  return sha256(nodeInput);
}

/** Called for every complete subtree of 256^level entries as it closes; `position` counts those of its level. */
export type NodeListener = (level: number, position: number, hash: Uint8Array) => void;

/** The growing right edge of a tree: at most 53 hashes, whatever the size. */
export class CompactRange {
  #size = 0;
  #peaks: Uint8Array[] = [];

  /** A range from its stored form. Throws `data_loss` when the number of hashes does not fit the size. */
  static decode(size: number, bytes: Uint8Array): CompactRange {
    if (bytes.length !== hash_bytes * onesOf(size)) {
      throw new Fault("data_loss", `the tree state stored for size ${size} is damaged`);
    }
    const range = new CompactRange();
    range.#size = size;
    for (let at = 0; at < bytes.length; at += hash_bytes) range.#peaks.push(bytes.slice(at, at + hash_bytes));
    return range;
  }

  get size(): number {
    return this.#size;
  }

  encode(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#peaks));
  }

  copy(): CompactRange {
    const range = new CompactRange();
    range.#size = this.#size;
    range.#peaks = [...this.#peaks];
    return range;
  }

  append(leaf: Uint8Array, onNode?: NodeListener): void {
    let hash = leaf;
    let position = this.#size;
    for (let height = 1; position % 2 === 1; height++) {
      position = (position - 1) / 2;
      hash = nodeHash(this.#peaks.pop() ?? emptyRoot, hash);
      if (height % 8 === 0) onNode?.(height / 8, position, hash);
    }
    this.#peaks.push(hash);
    this.#size++;
  }

  /** The Merkle Tree Hash of all entries so far. */
  root(): Uint8Array {
    let hash: Uint8Array | undefined;
    for (let i = this.#peaks.length - 1; i >= 0; i--) {
      const peak = this.#peaks[i] ?? emptyRoot;
      hash = hash ? nodeHash(peak, hash) : peak;
    }
    return hash ?? emptyRoot;
  }
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}

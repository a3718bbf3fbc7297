/**
 * The log's Merkle tree, RFC 9162 section 2.1. Three things: hashes over ranges of leaves, the frontier that takes new
 * leaves in constant space, and the names of complete subtrees. Proofs are in `proofs.ts`.
 *
 * A node `(level, index)` is the complete subtree over leaves [index·2^level, (index+1)·2^level): once complete it never
 * changes, so a store may keep nodes for ever. Sizes are plain numbers up to 2^53, hence no bitwise operators here.
 */
import { hash } from 'node:crypto';

/** A complete subtree, named by its level (0 = leaves) and its index from the left. */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

export interface TreeNode extends NodeId {
  readonly hash: Buffer;
}

/** Root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');

/** SHA-256(0x01 ‖ left ‖ right), RFC 9162 section 2.1.1. */
export function parentOf(left: Uint8Array, right: Uint8Array): Buffer {
  PARENT.set(left, 1);
  PARENT.set(right, 33);
  return hash('sha256', PARENT, 'buffer');
}

/** 0x01 and two hashes: written anew for every parent, since a log has as many of these as it has entries. */
const PARENT = Buffer.alloc(65, 1);

/** The largest power of two smaller than `n`, for n of 2 or more: where RFC 9162 splits a tree of `n` leaves. */
export function splitOf(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/**
 * The complete subtrees that cover the leaves [from, to), left to right. `from` must be where RFC 9162 starts a subtree
 * of that many leaves (always true for 0, and for the ranges in proofs).
 */
export function coverOf(from: number, to: number): NodeId[] {
  const nodes: NodeId[] = [];
  let at = from;
  while (at < to) {
    let level = 0;
    let width = 1;
    while (at % (width * 2) === 0 && at + width * 2 <= to) {
      width *= 2;
      level++;
    }
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** Hash of the range that these complete subtrees cover, as {@link coverOf} lists them. */
export function foldOf(hashes: readonly Uint8Array[]): Buffer {
  if (hashes.length === 0) return EMPTY_ROOT;
  let acc: Buffer = Buffer.from(hashes[hashes.length - 1]!);
  for (let i = hashes.length - 2; i >= 0; i--) acc = parentOf(hashes[i]!, acc);
  return acc;
}

/** The right edge of a growing tree: all that is needed to append leaves and to know the root. */
export class Frontier {
  #size: number;
  /** Complete subtrees from left to right, larger before smaller: as `coverOf(0, size)` names them. */
  readonly #peaks: Buffer[];

  private constructor(size: number, peaks: Buffer[]) {
    this.#size = size;
    this.#peaks = peaks;
  }

  static empty(): Frontier {
    return new Frontier(0, []);
  }

  /** Takes up a tree of `size` leaves, given the hashes of `coverOf(0, size)`. */
  static resume(size: number, peaks: readonly Uint8Array[]): Frontier {
    const expected = coverOf(0, size).length;
    if (peaks.length !== expected)
      throw new RangeError(`a tree of ${size} leaves has ${expected} peaks, not ${peaks.length}`);
    return new Frontier(
      size,
      peaks.map((peak) => Buffer.from(peak)),
    );
  }

  get size(): number {
    return this.#size;
  }

  get peaks(): readonly Buffer[] {
    return this.#peaks;
  }

  /** Appends one leaf hash; returns the nodes that became complete by it, the leaf first. */
  append(leaf: Buffer): TreeNode[] {
    let node: TreeNode = { level: 0, index: this.#size, hash: leaf };
    const completed = [node];
    while (node.index % 2 === 1) {
      const left = this.#peaks.pop()!;
      node = { level: node.level + 1, index: (node.index - 1) / 2, hash: parentOf(left, node.hash) };
      completed.push(node);
    }
    this.#peaks.push(node.hash);
    this.#size += 1;
    return completed;
  }

  /** The tree's root, RFC 9162's MTH. */
  root(): Buffer {
    return foldOf(this.#peaks);
  }

  copy(): Frontier {
    return new Frontier(this.#size, [...this.#peaks]);
  }
}

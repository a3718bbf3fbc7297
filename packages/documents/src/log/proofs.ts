/**
 * Inclusion and consistency proofs, RFC 9162 sections 2.1.3 and 2.1.4: made from a store of complete subtrees, checked
 * from hashes alone. Which nodes a proof needs is known before anything is read, so a store answers in one round.
 */
import { coverOf, EMPTY_ROOT, foldOf, type NodeId, parentOf, splitOf } from './merkle.ts';

/** Where the complete subtrees are kept. Answers in the order asked; throws when it lacks one. */
export interface NodeStore {
  nodes(ids: readonly NodeId[]): Promise<readonly Uint8Array[]>;
}

type Range = readonly [from: number, to: number];

/** The path from leaf `index` to the root of the tree of `size` leaves. */
export async function inclusionProof(store: NodeStore, index: number, size: number): Promise<Buffer[]> {
  demand(whole(index) && whole(size) && index < size, `no leaf ${index} in a tree of ${size}`);
  const ranges: Range[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push([middle, to]);
      to = middle;
    } else {
      ranges.push([from, middle]);
      from = middle;
    }
  }
  return hashesOf(store, ranges.reverse());
}

/** The proof that the tree of `oldSize` leaves is a prefix of the tree of `size`. Empty from 0 and between equal sizes. */
export async function consistencyProof(store: NodeStore, oldSize: number, size: number): Promise<Buffer[]> {
  demand(whole(oldSize) && whole(size) && oldSize <= size, `no tree of ${oldSize} leaves before one of ${size}`);
  if (oldSize === 0 || oldSize === size) return [];
  const ranges: Range[] = [];
  let from = 0;
  let to = size;
  while (oldSize !== to) {
    const middle = from + splitOf(to - from);
    if (oldSize <= middle) {
      ranges.push([middle, to]);
      to = middle;
    } else {
      ranges.push([from, middle]);
      from = middle;
    }
  }
  // The old root itself is left out when it is a complete subtree of the new tree: the verifier holds it.
  if (from !== 0) ranges.push([from, to]);
  return hashesOf(store, ranges.reverse());
}

/** The root of the tree of `size` leaves, from the store. */
export async function rootOf(store: NodeStore, size: number): Promise<Buffer> {
  return foldOf(await store.nodes(coverOf(0, size)));
}

/** Whether `leaf` stands at `index` in the tree with this size and root. RFC 9162 section 2.1.3.2. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!whole(index) || !whole(size) || index >= size || ![leaf, root, ...proof].every(isHash)) return false;
  let fn = index;
  let sn = size - 1;
  let acc = leaf;
  for (const p of proof) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      acc = parentOf(p, acc);
      while (!odd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      acc = parentOf(acc, p);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && same(acc, root);
}

/** Whether the old tree is a prefix of the new one. RFC 9162 section 2.1.4.2; the empty tree is a prefix of every tree. */
export function verifyConsistency(
  oldSize: number,
  oldRoot: Uint8Array,
  size: number,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!whole(oldSize) || !whole(size) || oldSize > size || ![oldRoot, root, ...proof].every(isHash)) return false;
  if (oldSize === 0) return proof.length === 0 && same(oldRoot, EMPTY_ROOT) && (size > 0 || same(root, EMPTY_ROOT));
  if (oldSize === size) return proof.length === 0 && same(oldRoot, root);
  const path = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof;
  if (path.length === 0) return false;
  let fn = oldSize - 1;
  let sn = size - 1;
  while (odd(fn)) [fn, sn] = [half(fn), half(sn)];
  let fr = path[0]!;
  let sr = path[0]!;
  for (const c of path.slice(1)) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      fr = parentOf(c, fr);
      sr = parentOf(c, sr);
      while (!odd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      sr = parentOf(sr, c);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && same(fr, oldRoot) && same(sr, root);
}

async function hashesOf(store: NodeStore, ranges: readonly Range[]): Promise<Buffer[]> {
  const covers = ranges.map(([from, to]) => coverOf(from, to));
  const hashes = await store.nodes(covers.flat());
  let at = 0;
  return covers.map((cover) => {
    const range = hashes.slice(at, at + cover.length);
    at += cover.length;
    return foldOf(range);
  });
}

const whole = (n: number) => Number.isSafeInteger(n) && n >= 0;
const odd = (n: number) => n % 2 === 1;
const half = (n: number) => Math.floor(n / 2);
const isHash = (h: Uint8Array) => h instanceof Uint8Array && h.length === 32;
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

function isPowerOfTwo(n: number): boolean {
  let k = n;
  while (k > 1 && !odd(k)) k = half(k);
  return k === 1;
}

function demand(holds: boolean, why: string): asserts holds {
  if (!holds) throw new RangeError(why);
}

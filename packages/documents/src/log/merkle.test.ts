import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leafOf } from './entry.ts';
import { coverOf, EMPTY_ROOT, Frontier, type NodeId } from './merkle.ts';
import {
  consistencyProof,
  inclusionProof,
  type NodeStore,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from './proofs.ts';

const sha = (...parts: Uint8Array[]) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest();

/** RFC 9162 section 2.1.1, word for word. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha();
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha(Buffer.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

/** RFC 9162 section 2.1.3.1. */
function naivePath(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return m < k
    ? [...naivePath(m, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naivePath(m - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))];
}

/** RFC 9162 section 2.1.4.1. */
function naiveSubproof(m: number, leaves: readonly Buffer[], whole: boolean): Buffer[] {
  if (m === leaves.length) return whole ? [] : [naiveRoot(leaves)];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return m <= k
    ? [...naiveSubproof(m, leaves.slice(0, k), whole), naiveRoot(leaves.slice(k))]
    : [...naiveSubproof(m - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))];
}

const leaves = Array.from({ length: 130 }, (_, i) => leafOf(Buffer.from(`entry ${i}`)));

class MemoryStore implements NodeStore {
  readonly #nodes = new Map<string, Buffer>();
  constructor(upTo: readonly Buffer[]) {
    const frontier = Frontier.empty();
    for (const leaf of upTo) {
      for (const node of frontier.append(leaf)) this.#nodes.set(`${node.level}/${node.index}`, node.hash);
    }
  }
  async nodes(ids: readonly NodeId[]): Promise<Buffer[]> {
    return ids.map((id) => {
      const found = this.#nodes.get(`${id.level}/${id.index}`);
      if (found === undefined) throw new Error(`no node ${id.level}/${id.index}`);
      return found;
    });
  }
}

const store = new MemoryStore(leaves);

describe('the Merkle tree', () => {
  it('has the roots of the published test vectors', () => {
    // Certificate Transparency's reference inputs, used by every implementation of RFC 6962.
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const roots = [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
      '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
      'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    ];
    const frontier = Frontier.empty();
    expect(frontier.root().toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    inputs.forEach((input, i) => {
      frontier.append(leafOf(Buffer.from(input, 'hex')));
      expect(frontier.root().toString('hex')).toBe(roots[i]);
    });
  });

  it('has the naive root at every size, from the frontier, from the store and resumed', async () => {
    const frontier = Frontier.empty();
    for (let size = 0; size <= leaves.length; size++) {
      const root = naiveRoot(leaves.slice(0, size));
      expect(frontier.root()).toEqual(root);
      expect(await rootOf(store, size)).toEqual(root);
      const resumed = Frontier.resume(size, await store.nodes(coverOf(0, size)));
      expect(resumed.root()).toEqual(root);
      expect(resumed.peaks).toEqual(frontier.peaks);
      if (size < leaves.length) frontier.append(leaves[size]!);
    }
  });

  it('refuses to resume from the wrong number of peaks', () => {
    expect(() => Frontier.resume(3, [leaves[0]!])).toThrow('2 peaks, not 1');
  });

  it('covers sizes beyond 32 bits', () => {
    const size = 2 ** 40 + 5;
    expect(coverOf(0, size)).toEqual([
      { level: 40, index: 0 },
      { level: 2, index: 2 ** 38 },
      { level: 0, index: 2 ** 40 + 4 },
    ]);
  });
});

const sizes = fc.integer({ min: 1, max: leaves.length });

describe('inclusion proofs', () => {
  it('are those of RFC 9162 and verify', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (size, n) => {
        const index = n % size;
        const proof = await inclusionProof(store, index, size);
        expect(proof).toEqual(naivePath(index, leaves.slice(0, size)));
        expect(verifyInclusion(leaves[index]!, index, size, naiveRoot(leaves.slice(0, size)), proof)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('do not verify once anything about them is changed', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), fc.nat(255), async (size, n, where, bit) => {
        const index = n % size;
        const root = naiveRoot(leaves.slice(0, size));
        const proof = await inclusionProof(store, index, size);
        const flip = (hash: Buffer) => {
          const copy = Buffer.from(hash);
          copy[bit >> 3]! ^= 1 << (bit & 7);
          return copy;
        };
        const leaf = leaves[index]!;
        expect(verifyInclusion(flip(leaf), index, size, root, proof)).toBe(false);
        expect(verifyInclusion(leaf, index, size, flip(root), proof)).toBe(false);
        expect(verifyInclusion(leaf, size, size, root, proof)).toBe(false);
        if (size > 1) expect(verifyInclusion(leaf, (index + 1) % size, size, root, proof)).toBe(false);
        expect(verifyInclusion(leaf, index, size, root, [...proof, leaf])).toBe(false);
        if (proof.length > 0) {
          const at = where % proof.length;
          expect(verifyInclusion(leaf, index, size, root, proof.with(at, flip(proof[at]!)))).toBe(false);
          expect(verifyInclusion(leaf, index, size, root, proof.toSpliced(at, 1))).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('consistency proofs', () => {
  it('are those of RFC 9162 and verify, for every pair of sizes', async () => {
    for (let size = 1; size <= 66; size++) {
      const root = naiveRoot(leaves.slice(0, size));
      for (let old = 1; old <= size; old++) {
        const oldRoot = naiveRoot(leaves.slice(0, old));
        const proof = await consistencyProof(store, old, size);
        expect(proof).toEqual(naiveSubproof(old, leaves.slice(0, size), true));
        expect(verifyConsistency(old, oldRoot, size, root, proof)).toBe(true);
      }
    }
  });

  it('take the empty tree as a prefix of every tree, and of no forged empty root', () => {
    expect(verifyConsistency(0, EMPTY_ROOT, 5, leaves[0]!, [])).toBe(true);
    expect(verifyConsistency(0, leaves[0]!, 5, leaves[0]!, [])).toBe(false);
    expect(verifyConsistency(0, EMPTY_ROOT, 0, leaves[0]!, [])).toBe(false);
    expect(verifyConsistency(0, EMPTY_ROOT, 5, leaves[0]!, [leaves[0]!])).toBe(false);
  });

  it('never verify a shorter, shrunk or forked history', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, n, fork) => {
        const old = 1 + (n % size);
        const proof = await consistencyProof(store, old, size);
        const root = naiveRoot(leaves.slice(0, size));
        const forked = leaves.slice(0, old).with(fork % old, leafOf(Buffer.from('another history')));
        expect(verifyConsistency(old, naiveRoot(forked), size, root, proof)).toBe(false);
        const rewritten = leaves.slice(0, size).with(fork % old, leafOf(Buffer.from('rewritten')));
        const rewrittenStore = new MemoryStore(rewritten);
        const forgedProof = await consistencyProof(rewrittenStore, old, size);
        const oldRoot = naiveRoot(leaves.slice(0, old));
        expect(verifyConsistency(old, oldRoot, size, naiveRoot(rewritten), forgedProof)).toBe(false);
        if (old < size) expect(verifyConsistency(size, root, old, oldRoot, proof)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});

import { decodeEntry, leafOf } from '@headgate/documents/log/entry';
import { coverOf, EMPTY_ROOT, foldOf, parentOf, splitOf } from '@headgate/documents/log/merkle';
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from '@headgate/documents/log/proofs';
import { expect, test } from 'vitest';
import { allEntries, ENTRY, type World, writeOf } from './world.ts';

export function logRules(of: () => World): void {
  test('every committed entry gets one place, in the order of its stream, two sequencers at once', async () => {
    const w = of();
    await w.placed();
    const streams = Array.from({ length: 8 }, () => w.stream());
    let writing = true;
    const writers = streams.map(async (stream, i) => {
      const store = i % 2 ? w.store : w.under.second;
      for (let version = 0; version < 24; version += 2) {
        await store.commit({ by: 'u', writes: [writeOf(stream, version, { entries: [ENTRY, ENTRY] })] });
      }
    });
    const sequencers = [w.under.log, w.under.secondLog].map(async (log) => {
      let placed = 0;
      while (writing) placed += await log.place(7);
      return placed;
    });
    await Promise.all(writers);
    writing = false;
    await Promise.all(sequencers);
    const versions = new Map<string, number[]>();
    for (const bytes of await w.placed()) {
      const decoded = decodeEntry(bytes);
      if (!decoded.ok) throw new Error(decoded.why);
      const { stream, version } = decoded.entry;
      versions.set(stream, [...(versions.get(stream) ?? []), version]);
    }
    const inOrder = Array.from({ length: 24 }, (_, i) => i + 1);
    for (const stream of streams) expect(versions.get(stream)).toEqual(inOrder);
    expect(await w.under.log.place(1_000)).toBe(0);
  });

  test('the order of commits is the order of places across streams', async () => {
    const w = of();
    const [a, b] = [await w.create(), await w.create()];
    await w.change(a);
    const order = (await w.placed()).map((bytes) => {
      const decoded = decodeEntry(bytes);
      return decoded.ok ? `${decoded.entry.stream} ${decoded.entry.version}` : '';
    });
    const places = [`${a} 1`, `${b} 1`, `${a} 2`].map((name) => order.indexOf(name));
    expect(places).toEqual([...places].sort((x, y) => x - y));
    expect(places[0]).toBeGreaterThanOrEqual(0);
  });

  test('the published head is the root of a naive tree over the entries, for trees of every shape', async () => {
    const w = of();
    await w.placed();
    for (const batch of [1, 1, 2, 3, 5, 8, 13, 31]) {
      await w.create({ entries: Array.from({ length: batch }, () => ENTRY) });
      expect(await w.under.log.place(1_000)).toBe(batch);
      const entries = await allEntries(w.under.log);
      const head = await w.under.log.publishHead((size, root) => `${size} ${Buffer.from(root).toString('hex')}`);
      const root = naiveRoot(entries.map(leafOf));
      expect(head).toMatchObject({ size: entries.length, note: `${entries.length} ${root.toString('hex')}` });
      expect(Buffer.from(head!.root).equals(root)).toBe(true);
      expect(await w.under.secondLog.head()).toEqual(head);
      const peaks = await w.under.log.nodes(coverOf(0, entries.length));
      expect(foldOf(peaks).equals(root)).toBe(true);
    }
  });

  test('a head is signed when the log grew, and only then', async () => {
    const w = of();
    await w.create();
    await w.placed();
    let signed = 0;
    const sign = () => {
      signed += 1;
      return `note ${signed}`;
    };
    const head = await w.under.log.publishHead(sign);
    expect(head).toMatchObject({ note: 'note 1' });
    expect(head!.at).toBeLessThanOrEqual(await w.store.now());
    expect(await w.under.log.publishHead(sign)).toBeUndefined();
    expect(await w.under.secondLog.publishHead(sign)).toBeUndefined();
    await w.create();
    expect(await w.under.log.publishHead(sign)).toBeUndefined();
    expect(signed).toBe(1);
    expect(await w.under.log.head()).toEqual(head);
  });

  test('its nodes make proofs that verify', async () => {
    const w = of();
    await w.create({ entries: [ENTRY, ENTRY, ENTRY] });
    const leaves = (await w.placed()).map(leafOf);
    const size = leaves.length;
    const root = naiveRoot(leaves);
    for (const index of [0, Math.floor(size / 2), size - 1]) {
      const proof = await inclusionProof(w.under.log, index, size);
      expect(verifyInclusion(leaves[index]!, index, size, root, proof)).toBe(true);
    }
    for (const old of [1, Math.ceil(size / 2), size - 1]) {
      const proof = await consistencyProof(w.under.log, old, size);
      expect(verifyConsistency(old, naiveRoot(leaves.slice(0, old)), size, root, proof)).toBe(true);
    }
    await expect(w.under.log.nodes([{ level: 0, index: size }])).rejects.toThrow(/subtree/);
    await expect(w.under.log.nodes([{ level: 40, index: 0 }])).rejects.toThrow(/subtree/);
    expect(await w.under.log.nodes([])).toEqual([]);
  });

  test("a stream's history is read in pages", async () => {
    const w = of();
    const a = await w.create({ entries: Array.from({ length: 5 }, () => ENTRY) });
    const versions = async (after: number, limit: number) =>
      (await w.under.log.history(a, after, limit)).map((entry) => entry.version);
    expect(await versions(0, 3)).toEqual([1, 2, 3]);
    expect(await versions(3, 3)).toEqual([4, 5]);
    expect(await versions(5, 3)).toEqual([]);
    const places = await w.placed();
    expect(await w.under.log.entries(places.length, 10)).toEqual([]);
    expect((await w.under.log.entries(places.length - 2, 10)).map((entry) => entry.place)).toEqual([
      places.length - 2,
      places.length - 1,
    ]);
  });

  test('entries are read in pages that end where their bytes do, at least one in each', async () => {
    const w = of();
    await w.create({
      entries: Array.from({ length: 6 }, (_, i) => ({ ...ENTRY, data: { text: 'x'.repeat(i * 100) } })),
    });
    const all = await w.placed();
    const page = async (from: number, limit: number, mostBytes?: number) =>
      (await w.under.log.entries(from, limit, mostBytes)).map((entry) => entry.place - from);
    const from = all.length - 6;
    const bytes = all.slice(from).map((entry) => entry.length);
    expect(await page(from, 6)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await page(from, 6, 1)).toEqual([0]);
    expect(await page(from, 6, bytes[0]! + bytes[1]!)).toEqual([0, 1]);
    expect(await page(from, 6, bytes[0]! + bytes[1]! + 1)).toEqual([0, 1, 2]);
    expect(await page(from, 2, 1_000_000)).toEqual([0, 1]);
    expect(await page(all.length, 6, 1)).toEqual([]);
  });
}

/** RFC 9162's definition, word for word. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0]!;
  const k = splitOf(leaves.length);
  return parentOf(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

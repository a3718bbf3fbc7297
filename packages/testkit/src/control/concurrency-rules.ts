import { expect, test } from 'vitest';
import { ENTRY, type World, writeOf } from './world.ts';

export function concurrencyRules(of: () => World): void {
  test('of many writers that decided on one version, one wins', async () => {
    const w = of();
    const a = w.stream();
    for (const expected of [0, 1, 2]) {
      const tries = Array.from({ length: 12 }, (_, i) =>
        (i % 2 ? w.store : w.under.second).commit({ by: `usr_${i}`, writes: [writeOf(a, expected)] }),
      );
      expect((await Promise.all(tries)).filter((t) => t.ok)).toHaveLength(1);
    }
    expect((await w.row(a)).version).toBe(3);
    expect(await w.under.log.history(a, 0, 10)).toHaveLength(3);
  });

  test('of many rows that want one exclusive key, one gets it', async () => {
    const w = of();
    const key = w.key();
    const tries = Array.from({ length: 12 }, (_, i) =>
      (i % 2 ? w.store : w.under.second).commit({ by: 'u', writes: [writeOf(w.stream(), 0, { exclusive: key })] }),
    );
    const results = await Promise.all(tries);
    expect(results.filter((t) => t.ok)).toHaveLength(1);
    expect(results.every((t) => t.ok || t.because === 'exclusive')).toBe(true);
  });

  test('two commits that each read what the other writes never both happen', async () => {
    const w = of();
    for (let round = 0; round < 15; round++) {
      const [x, y] = [await w.create(), await w.create()];
      const [first, other] = await Promise.all([
        w.store.commit({ by: 'u', writes: [writeOf(x, 1)], reads: [{ stream: y, version: 1 }] }),
        w.under.second.commit({ by: 'u', writes: [writeOf(y, 1)], reads: [{ stream: x, version: 1 }] }),
      ]);
      expect([first.ok, other.ok].filter(Boolean)).toHaveLength(1);
    }
  });

  test('two commits that each rely on the other stream not existing never both happen', async () => {
    const w = of();
    for (let round = 0; round < 15; round++) {
      const [x, y] = [w.stream(), w.stream()];
      const [first, other] = await Promise.all([
        w.store.commit({ by: 'u', writes: [writeOf(x, 0)], reads: [{ stream: y, version: 0 }] }),
        w.under.second.commit({ by: 'u', writes: [writeOf(y, 0)], reads: [{ stream: x, version: 0 }] }),
      ]);
      expect([first.ok, other.ok].filter(Boolean)).toHaveLength(1);
    }
  });

  test('counters that two servers raise over several streams lose nothing, in whatever order they name them', async () => {
    const w = of();
    const streams = [await w.create({ state: 0 }), await w.create({ state: 0 }), await w.create({ state: 0 })];
    const raise = async (store: World['store'], names: readonly string[]): Promise<void> => {
      for (;;) {
        const rows = await store.load(names);
        const writes = names.map((name) => {
          const row = rows.get(name)!;
          return writeOf(name, row.version, { state: (row.state as number) + 1, entries: [ENTRY] });
        });
        if ((await store.commit({ by: 'u', writes, wake: names })).ok) return;
      }
    };
    const work = Array.from({ length: 6 }, async (_, i) => {
      const names = i % 2 ? streams : [...streams].reverse();
      for (let n = 0; n < 4; n++) await raise(i % 3 ? w.store : w.under.second, names);
    });
    await Promise.all(work);
    for (const stream of streams) expect((await w.row(stream)).state).toBe(24);
  });

  test('a row goes to one claimer at a time, and none is left out', async () => {
    const w = of();
    const all = new Set<string>();
    for (let i = 0; i < 40; i++) all.add(await w.create({ dueAt: 1 }));
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, i) => w.claimed(5, 60_000, i % 2 ? w.store : w.under.second)),
    );
    const got = claims.flat();
    expect(new Set(got).size).toBe(got.length);
    while (got.length < all.size) {
      const more = await w.claimed(5);
      expect(more.length).toBeGreaterThan(0);
      got.push(...more);
    }
    expect(new Set(got)).toEqual(all);
  });
}

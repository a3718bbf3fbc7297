import { expect, test } from 'vitest';
import type { World } from './world.ts';

export function queryRules(of: () => World): void {
  test('loading answers for what is there', async () => {
    const w = of();
    const a = await w.create();
    expect([...(await w.store.load([a, w.stream(), a])).keys()]).toEqual([a]);
    expect((await w.store.load([])).size).toBe(0);
  });

  test('who holds a key is found by it, until it lets go', async () => {
    const w = of();
    const key = w.stream('key');
    expect(await w.store.holder(key)).toBeUndefined();
    const stream = await w.create({ exclusive: key });
    expect((await w.store.holder(key))?.stream).toBe(stream);
    await w.change(stream, { exclusive: null });
    expect(await w.store.holder(key)).toBeUndefined();
  });

  test('a kind is listed in the order of its streams, page by page, without its neighbours', async () => {
    const w = of();
    const kind = `kind${Math.random().toString(36).slice(2)}`;
    const names = ['a', 'a-1', 'a/1', 'aa', 'b', 'Z', '10', '9'].map((id) => `${kind}/${id}`);
    for (const stream of names) await w.create({ stream });
    await w.create({ stream: `${kind}x/a` });
    const listed: string[] = [];
    for (;;) {
      const after = listed.at(-1);
      const page = await w.store.list(kind, { limit: 3, ...(after === undefined ? {} : { after }) });
      if (page.length === 0) break;
      listed.push(...page.map((row) => row.stream));
    }
    expect(listed).toEqual([...names].sort());
    await expect(w.store.list(kind, { limit: 1_001 })).rejects.toThrow(RangeError);
  });

  test('rows are listed by their parent, which they keep', async () => {
    const w = of();
    const kind = `kid${Math.random().toString(36).slice(2)}`;
    const parent = w.stream('parent');
    const [b, a] = [`${kind}/b`, `${kind}/a`];
    await w.create({ stream: b, parent });
    await w.create({ stream: a, parent });
    await w.create({ stream: `${kind}/c`, parent: w.stream('parent') });
    await w.create({ stream: `other${kind}/d`, parent });
    await w.change(a, { parent: null });
    const page = async (after?: string) =>
      (await w.store.list(kind, { limit: 10, parent, ...(after === undefined ? {} : { after }) })).map((r) => r.stream);
    expect(await page()).toEqual([a, b]);
    expect(await page(a)).toEqual([b]);
  });

  test('lists meet their conditions in the store, in both directions, page by page, also under inserts', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const place = `env-${tag}`;
    const promotion = async (name: string, environment: string, phase: string) =>
      w.create({ stream: `promotion/${tag}-${name}`, state: { environment, phase } });
    for (const name of ['a', 'c', 'e', 'g']) await promotion(name, place, 'awaiting');
    for (const name of ['b', 'd']) await promotion(name, place, 'ended');
    for (const name of ['aa', 'f']) await promotion(name, `other-${tag}`, 'awaiting');
    const names = (rows: readonly { stream: string }[]) => rows.map(({ stream }) => stream.slice(tag.length + 11));
    const read = async (page: object) =>
      names(await w.store.list('promotion', { limit: 100, under: `promotion/${tag}`, ...page }));
    expect(await read({})).toEqual(['a', 'aa', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(await read({ descending: true })).toEqual(['g', 'f', 'e', 'd', 'c', 'b', 'aa', 'a']);
    expect(await read({ facet: place })).toEqual(['a', 'b', 'c', 'd', 'e', 'g']);
    expect(await read({ facet: place, open: true })).toEqual(['a', 'c', 'e', 'g']);
    expect(await read({ facet: place, open: false })).toEqual(['b', 'd']);
    expect(await read({ open: true })).toEqual(['a', 'aa', 'c', 'e', 'f', 'g']);
    expect(await read({ under: `promotion/${tag}-a` })).toEqual(['a', 'aa']);
    expect(await read({ facet: 'nowhere' })).toEqual([]);
    for (const descending of [false, true]) {
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await read({ facet: place, limit: 2, descending, ...(after !== undefined && { after }) });
        seen.push(...page);
        if (page.length < 2) break;
        after = `promotion/${tag}-${page.at(-1)}`;
        // What comes before the cursor while somebody reads neither shifts nor doubles what follows.
        await promotion(descending ? `z${seen.length}` : `A${seen.length}`, place, 'awaiting');
      }
      const all = await read({ facet: place, descending });
      expect(seen).toEqual(all.filter((name) => seen.includes(name)));
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(expect.arrayContaining(['a', 'b', 'c', 'd', 'e', 'g']));
    }
  });

  test('promotions are listed by when they ended, those that haven’t never', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const place = `env-${tag}`;
    const ended = (name: string, at: number) =>
      w.create({ stream: `promotion/${tag}-${name}`, state: { environment: place, phase: 'ended', at } });
    await w.create({
      stream: `promotion/${tag}-open`,
      state: { environment: place, phase: 'advancing', until: 9_000 },
    });
    for (const [name, at] of [
      ['b', 3_000],
      ['a', 2_000],
      ['old', 999],
    ] as const)
      await ended(name, at);
    const since = async (endedSince: number) =>
      (await w.store.list('promotion', { limit: 10, facet: place, endedSince })).map(({ stream }) =>
        stream.slice(tag.length + 11),
      );
    expect(await since(1_000)).toEqual(['a', 'b']);
    expect(await since(2_000)).toEqual(['a', 'b']);
    expect(await since(2_001)).toEqual(['b']);
    expect(await since(0)).toEqual(['a', 'b', 'old']);
  });

  test('cells in which something is wrong are listed alone, as long as it is', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const seen = (tenants: object, stores: object = { main: { schemaVersion: 1 } }) => ({
      uncertain: false,
      observed: { state: { environment: tag, tenants, stores } },
    });
    const calm = { acme: { slot: 'blue' }, held: { slot: 'blue' } };
    const cells = {
      calm: seen(calm, { drift: { schemaVersion: 1 }, 'held-true': { schemaVersion: 1 } }),
      drifted: seen(calm, { main: { schemaVersion: 1, drift: ['an index is gone'] } }),
      held: seen({ ...calm, bolt: { slot: 'blue', held: true } }),
      uncertain: { ...seen(calm), uncertain: true },
      unseen: { desired: { environment: tag }, uncertain: false },
    };
    for (const [name, state] of Object.entries(cells)) await w.create({ stream: `cell/${tag}-${name}`, state });
    const troubled = async () =>
      (await w.store.list('cell', { limit: 10, facet: tag, troubled: true })).map(({ stream }) =>
        stream.slice(tag.length + 6),
      );
    expect(await troubled()).toEqual(['drifted', 'held', 'uncertain']);
    await w.change(`cell/${tag}-held`, { state: seen(calm) });
    expect(await troubled()).toEqual(['drifted', 'uncertain']);
  });

  test('a list follows what its rows say now, whatever their kind', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const cell = await w.create({
      stream: `cell/${tag}`,
      state: { observed: { state: { environment: `e1-${tag}` } } },
    });
    const release = await w.create({ stream: `release/${tag}`, state: { application: `a-${tag}` } });
    const listed = async (kind: string, facet: string) =>
      (await w.store.list(kind, { limit: 10, facet })).map((row) => row.stream);
    expect(await listed('cell', `e1-${tag}`)).toEqual([cell]);
    expect(await listed('release', `a-${tag}`)).toEqual([release]);
    await w.change(cell, {
      state: { desired: { environment: `e2-${tag}` }, observed: { state: { environment: `e1-${tag}` } } },
    });
    expect(await listed('cell', `e1-${tag}`)).toEqual([]);
    expect(await listed('cell', `e2-${tag}`)).toEqual([cell]);
  });

  test("agents' queues are read oldest first and hold nothing", async () => {
    const w = of();
    const [q1, q2, q3] = [w.key(), w.key(), w.key()];
    const first = await w.create({ audience: q1, state: 1 });
    await w.under.advance(3);
    const second = await w.create({ audience: q2 });
    await w.under.advance(3);
    const third = await w.create({ audience: q1 });
    await w.create({ audience: q3 });
    const queued = async (limit = 10) => (await w.store.offered([q1, q2], limit)).rows.map((row) => row.stream);
    expect(await queued()).toEqual([first, second, third]);
    expect(await queued(2)).toEqual([first, second]);
    // Standing in the queue as before keeps the place; a row that leaves and comes back stands at the end.
    await w.change(first, { audience: q1 });
    await w.change(third);
    expect(await queued()).toEqual([first, second, third]);
    await w.change(first, { audience: null });
    expect(await queued()).toEqual([second, third]);
    await w.under.advance(3);
    await w.change(first, { audience: q1 });
    expect(await queued()).toEqual([second, third, first]);
    const { now, rows } = await w.store.offered([q2], 1);
    expect(rows).toEqual([await w.row(second)]);
    expect(now).toBeLessThanOrEqual(await w.store.now());
    expect((await w.store.offered([], 5)).rows).toEqual([]);
  });

  test('of a queue somebody may see only the rows that hold one of their keys, however many wait before them', async () => {
    const w = of();
    const [queue, mine, other] = [w.key(), w.key(), w.key()];
    for (let n = 0; n < 3; n++) {
      await w.create({ audience: queue, ...(n === 0 && { exclusive: other }) });
      await w.under.advance(3);
    }
    const row = await w.create({ audience: queue, exclusive: mine });
    const seen = async (holding?: string[]) =>
      (await w.store.offered([queue], 3, holding)).rows.map(({ stream }) => stream);
    expect(await seen([mine, w.key()])).toEqual([row]);
    expect(await seen([w.key()])).toEqual([]);
    expect(await seen([])).toEqual([]);
    expect(await seen()).toHaveLength(3);
  });
}

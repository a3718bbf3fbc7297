import { MAX_PAGE } from '@headgate/control/ports/commit-rules';
import type { ListPage, Made } from '@headgate/control/ports/store';
import { expect, test } from 'vitest';
import type { World } from './world.ts';
import { writeOf } from './world.ts';

/** Lists by when rows were made, and what is counted before a commit. */
export function timeRules(of: () => World): void {
  /** Promotions whose ids are in another order than that in which they are made. */
  async function made(tag: string, states: readonly object[]): Promise<string[]> {
    const streams: string[] = [];
    for (const [i, state] of states.entries()) {
      const stream = `promotion/${tag}-${(i * 7) % states.length}`;
      await of().create({ stream, state });
      await of().under.advance(3);
      streams.push(stream);
    }
    return streams;
  }

  async function paged(kind: string, page: Omit<ListPage, 'limit' | 'byTime'>, limit: number, under = '') {
    const seen: string[] = [];
    for (let after: Made | undefined; ; ) {
      const rows = await of().store.list(kind, {
        ...page,
        ...(under !== '' && { under }),
        limit,
        byTime: after === undefined ? {} : { after },
      });
      seen.push(...rows.map(({ stream }) => stream));
      const last = rows.at(-1);
      if (rows.length < limit || last === undefined) return seen;
      after = { at: last.madeAt as number, stream: last.stream };
    }
  }

  test('promotions are listed by when they were made, from either end, in pages, and however they changed since', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const streams = await made(tag, Array(10).fill({ environment: `env-${tag}`, phase: 'awaiting' }));
    await w.change(streams[2] as string, { state: { environment: `env-${tag}`, phase: 'ended', at: 1 } });
    const only = { facet: `env-${tag}` };
    expect(streams).not.toEqual([...streams].sort());
    for (const limit of [1, 3, 10, 11]) {
      expect(await paged('promotion', only, limit)).toEqual(streams);
      expect(await paged('promotion', { ...only, descending: true }, limit)).toEqual([...streams].reverse());
    }
    const row = await w.row(streams[2] as string);
    const first = await w.row(streams[0] as string);
    expect(row.madeAt).toBeGreaterThan(first.madeAt as number);
    expect(row.madeAt).toBeLessThanOrEqual(await w.store.now());
  });

  test('rows that were made at one moment are each listed once', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const streams = Array.from({ length: 8 }, (_, i) => `release/${tag}-${i}`);
    const writes = streams.map((stream) => writeOf(stream, 0, { state: { application: `app-${tag}` } }));
    await w.store.commit({ by: 'usr_test', writes });
    for (const descending of [false, true])
      expect((await paged('release', { facet: `app-${tag}`, descending }, 3)).sort()).toEqual(streams);
  });

  test('each filter of a list by time is met in the store', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const state = (environment: string, application: string, phase: string) => ({
      environment: `${environment}-${tag}`,
      application: `${application}-${tag}`,
      phase,
      ...(phase === 'ended' && { at: 1 }),
    });
    const streams = await made(tag, [
      state('a', 'x', 'awaiting'),
      state('b', 'x', 'ended'),
      state('a', 'y', 'advancing'),
      state('a', 'x', 'ended'),
    ]);
    const places = async (only: Omit<ListPage, 'limit' | 'byTime'>) =>
      (await paged('promotion', only, 2, `promotion/${tag}`)).map((stream) => streams.indexOf(stream));
    expect(await places({})).toEqual([0, 1, 2, 3]);
    expect(await places({ facet: `a-${tag}` })).toEqual([0, 2, 3]);
    expect(await places({ application: `x-${tag}` })).toEqual([0, 1, 3]);
    expect(await places({ application: `x-${tag}`, facet: `a-${tag}`, descending: true })).toEqual([3, 0]);
    expect(await places({ phase: 'ended' })).toEqual([1, 3]);
    expect(await places({ phase: 'ended', application: `y-${tag}` })).toEqual([]);
    expect(await places({ open: true })).toEqual([0, 2]);
    expect(await places({ open: false, descending: true })).toEqual([3, 1]);
    await w.change(streams[0] as string, { state: state('a', 'x', 'advancing') });
    expect(await places({ phase: 'advancing' })).toEqual([0, 2]);
  });

  test('other kinds are not listed by time', async () => {
    await expect(of().store.list('cell', { limit: 1, byTime: {} })).rejects.toThrow(TypeError);
    await expect(of().store.list('release', { limit: MAX_PAGE + 1, byTime: {} })).rejects.toThrow(RangeError);
  });

  test('of those who ask at once no more get in than there is room, whichever server they ask', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const asking = (of_: string, i: number, store = w.store, state = {}) =>
      store.commit({
        by: of_,
        writes: [
          writeOf(`promotion/${tag}-${of_}-${i}`, 0, {
            state: { phase: 'awaiting', wave: 0, requester: of_, environment: tag, ...state },
          }),
        ],
        waiting: { of: of_, most: 5 },
      });
    const [me, other] = [`usr_${tag}`, `usr_other-${tag}`];
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, i) => asking(me, i, i % 2 === 0 ? w.store : w.under.second)),
    );
    expect(asked.filter(({ ok }) => ok)).toHaveLength(5);
    const full = { ok: false, conflict: `principal/${me}`, because: 'waiting' };
    expect(asked.filter(({ ok }) => !ok)).toEqual(Array(15).fill(full));
    expect(await w.store.list('promotion', { limit: 100, facet: tag })).toHaveLength(5);
    expect(await asking(other, 0)).toEqual({ ok: true });
    // What has begun, and what has ended, makes room.
    const [first, second] = await w.store.list('promotion', { limit: 2, under: `promotion/${tag}-${me}` });
    await w.change(first?.stream as string, { state: { phase: 'awaiting', wave: 1, requester: me } });
    expect(await asking(me, 100)).toEqual({ ok: true });
    expect(await asking(me, 101)).toEqual(full);
    await w.change(second?.stream as string, { state: { phase: 'ended', at: 1, wave: 0, requester: me } });
    expect(await asking(me, 102)).toEqual({ ok: true });
    expect(await asking(me, 103)).toEqual(full);
  });

  test('a commit that rests on a list is refused when something was added to it, or changed in it', async () => {
    const w = of();
    const tag = Math.random().toString(36).slice(2);
    const under = `document/Kind-${tag}/`;
    const decide = (n: number, rows: number, versions: number, store = w.store) =>
      store.commit({
        by: 'usr_1' as never,
        writes: [writeOf(`document/Other-${tag}/${n}`, 0, { state: {} })],
        lists: [{ under, rows, versions }],
      });
    const changed = { ok: false, conflict: under, because: 'version' };
    expect(await decide(1, 0, 0)).toEqual({ ok: true });
    await w.create({ stream: `${under}a`, state: {} });
    expect(await decide(2, 0, 0)).toEqual(changed);
    expect(await decide(2, 1, 1)).toEqual({ ok: true });
    await w.change(`${under}a`, { state: { x: 1 } });
    expect(await decide(3, 1, 1)).toEqual(changed);
    expect((await w.store.load([`document/Other-${tag}/3`])).size).toBe(0);
    expect(await decide(3, 1, 2, w.under.second)).toEqual({ ok: true });
  });

  test('of two commits that each change what the other rests on, one is refused', async () => {
    const w = of();
    for (let i = 0; i < 10; i++) {
      const tag = Math.random().toString(36).slice(2);
      const adds = (kind: string, on: string, store = w.store) =>
        store.commit({
          by: 'usr_1' as never,
          writes: [writeOf(`document/${kind}-${tag}/x`, 0, { state: {} })],
          lists: [{ under: `document/${on}-${tag}/`, rows: 0, versions: 0 }],
        });
      const both = await Promise.all([adds('One', 'Two'), adds('Two', 'One', w.under.second)]);
      expect(both.filter(({ ok }) => ok)).toHaveLength(1);
    }
  });
}

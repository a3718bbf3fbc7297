import { decodeEntry } from '@headgate/documents/log/entry';
import { expect, test } from 'vitest';
import { conflict, ENTRY, type World, writeOf } from './world.ts';

export function commitRules(of: () => World): void {
  test('a commit creates streams and appends to streams, and the row says how far it is', async () => {
    const w = of();
    const [a, b] = [w.stream(), w.stream()];
    const both = { by: 'usr_1', writes: [writeOf(a, 0, { entries: [ENTRY, ENTRY], state: { x: 1 } }), writeOf(b, 0)] };
    expect(await w.store.commit(both)).toEqual({ ok: true });
    expect(await w.row(a)).toMatchObject({ stream: a, version: 2, state: { x: 1 }, dueAt: null });
    await w.change(a, { state: { x: 2 }, dueAt: 4_000_000_000_000 });
    expect(await w.row(a)).toMatchObject({ stream: a, version: 3, state: { x: 2 }, dueAt: 4_000_000_000_000 });
    expect((await w.row(b)).version).toBe(1);
  });

  test('a stale version conflicts and changes nothing in any stream', async () => {
    const w = of();
    const [a, b, c] = [await w.create(), await w.create(), w.stream()];
    await w.change(b);
    const before = await w.store.load([a, b, c]);
    const writes = [writeOf(a, 1), writeOf(b, 1), writeOf(c, 0)];
    expect(await w.store.commit({ by: 'usr_1', writes, wake: [a] })).toEqual(conflict(b));
    expect(await w.store.load([a, b, c])).toEqual(before);
    expect(await w.under.log.history(a, 0, 10)).toHaveLength(1);
    expect(await w.claimed()).toEqual([]);
    expect(await w.store.commit({ by: 'usr_1', writes: [writeOf(a, 0)] })).toEqual(conflict(a));
    expect(await w.store.commit({ by: 'usr_1', writes: [writeOf(c, 3)] })).toEqual(conflict(c));
  });

  test('a fact that changed since it was read conflicts, so does one that came into being', async () => {
    const w = of();
    const [fact, absent] = [await w.create(), w.stream()];
    const reads = [
      { stream: fact, version: 1 },
      { stream: absent, version: 0 },
    ];
    const commit = () => w.store.commit({ by: 'usr_1', writes: [writeOf(w.stream(), 0)], reads });
    expect(await commit()).toEqual({ ok: true });
    await w.create({ stream: absent });
    expect(await commit()).toEqual(conflict(absent));
    await w.change(fact);
    expect(await commit()).toEqual(conflict(fact));
    expect((await w.row(fact)).version).toBe(2);
  });

  test('one row holds an exclusive key, until it lets go', async () => {
    const w = of();
    const key = w.key();
    const [a, b] = [await w.create({ exclusive: key }), w.stream()];
    const taken = { ok: false, conflict: b, because: 'exclusive', heldBy: a };
    const take = () => w.store.commit({ by: 'usr_1', writes: [writeOf(b, 0, { exclusive: key })] });
    expect(await take()).toEqual(taken);
    expect((await w.store.load([b])).size).toBe(0);
    await w.change(a);
    expect(await take()).toEqual(taken);
    await w.change(a, { exclusive: key });
    expect(await take()).toEqual(taken);
    await w.change(a, { exclusive: null });
    expect(await take()).toEqual({ ok: true });
  });

  test('an exclusive key changes hands inside one commit, in either order, and never goes to two', async () => {
    const w = of();
    const [k1, k2] = [w.key(), w.key()];
    const [a, b] = [await w.create({ exclusive: k1 }), await w.create({ exclusive: k2 })];
    const swap = [writeOf(a, 1, { exclusive: k2 }), writeOf(b, 1, { exclusive: k1 })];
    expect(await w.store.commit({ by: 'usr_1', writes: swap })).toEqual({ ok: true });
    const c = w.stream();
    const handOver = [writeOf(c, 0, { exclusive: k2 }), writeOf(a, 2, { exclusive: null })];
    expect(await w.store.commit({ by: 'usr_1', writes: handOver })).toEqual({ ok: true });
    const k3 = w.key();
    const [d, e] = [w.stream(), w.stream()];
    const two = [writeOf(d, 0, { exclusive: k3 }), writeOf(e, 0, { exclusive: k3 })];
    expect(await w.store.commit({ by: 'usr_1', writes: two })).toEqual({
      ok: false,
      conflict: e,
      because: 'exclusive',
      heldBy: d,
    });
    expect((await w.store.load([d, e])).size).toBe(0);
  });

  test('a write without entries moves the due time and nothing else', async () => {
    const w = of();
    const key = w.key();
    const a = await w.create({ state: { kept: true }, exclusive: key });
    const move = writeOf(a, 1, { entries: [], state: { kept: false }, exclusive: null, dueAt: 4_000_000_000_000 });
    expect(await w.store.commit({ by: 'usr_1', writes: [move] })).toEqual({ ok: true });
    expect(await w.row(a)).toMatchObject({ stream: a, version: 1, state: { kept: true }, dueAt: 4_000_000_000_000 });
    const other = await w.store.commit({ by: 'usr_1', writes: [writeOf(w.stream(), 0, { exclusive: key })] });
    expect(other).toMatchObject({ ok: false, because: 'exclusive' });
  });

  test('states and entries come back as they went in', async () => {
    const w = of();
    const state = {
      text: 'é \u0000 \ud83d\ude00 " \\ { } \n',
      list: [1, -0.5, 1e21, null, true, []],
      deep: { z: 1, a: 2 },
    };
    const a = await w.create({ state, entries: [{ type: 'thing.said', data: state }] });
    expect((await w.row(a)).state).toEqual(state);
    const [entry] = await w.under.log.history(a, 0, 1);
    const decoded = decodeEntry(entry!.bytes);
    expect(decoded).toMatchObject({
      ok: true,
      entry: { v: 1, stream: a, version: 1, type: 'thing.said', by: 'usr_test', data: state },
    });
  });

  test("an entry's time is the store's, never ahead of it and never before the one before", async () => {
    const w = of();
    const a = w.stream();
    const from = await w.store.now();
    await w.create({ stream: a });
    for (let i = 0; i < 5; i++) await w.change(a);
    const until = await w.store.now();
    const times = (await w.under.log.history(a, 0, 10)).map(({ bytes }) => {
      const decoded = decodeEntry(bytes);
      return decoded.ok ? decoded.entry.at : Number.NaN;
    });
    expect(times).toHaveLength(6);
    expect(times).toEqual([...times].sort((x, y) => x - y));
    expect(times[0]).toBeGreaterThanOrEqual(from - 1_000);
    expect(times[5]).toBeLessThanOrEqual(until);
  });

  test('what is no proper commit throws and changes nothing', async () => {
    const w = of();
    const a = w.stream();
    const commit = (more: object) => w.store.commit({ by: 'usr_1', writes: [writeOf(a, 0, more)] });
    await expect(commit({ entries: [] })).rejects.toThrow(/without an entry/);
    await expect(commit({ dueAt: 0.5 })).rejects.toThrow(/whole milliseconds/);
    await expect(commit({ entries: [{ type: 'x', data: { at: new Date() } }] })).rejects.toThrow(/Date/);
    await expect(commit({ entries: [{ type: '', data: {} }] })).rejects.toThrow(/type|characters/);
    await expect(w.store.commit({ by: 'usr_1', writes: [writeOf('nameless', 0)] })).rejects.toThrow(/kind\/id/);
    await expect(w.store.commit({ by: 'u', writes: [writeOf(a, 0), writeOf(a, 0)] })).rejects.toThrow(/at most once/);
    expect((await w.store.load([a])).size).toBe(0);
  });

  test('an entry has at most 65,535 bytes', async () => {
    const w = of();
    const a = w.stream();
    const entry = (length: number) => ({ type: 'thing.grew', data: { text: 'x'.repeat(length) } });
    await w.create({ stream: a, entries: [entry(0)] });
    const overhead = (await w.under.log.history(a, 0, 1))[0]!.bytes.length;
    const at = (length: number) =>
      w.store.commit({ by: 'usr_test', writes: [writeOf(a, 1, { entries: [entry(length)] })] });
    await expect(at(65_535 - overhead + 1)).rejects.toThrow(/65535/);
    expect((await w.row(a)).version).toBe(1);
    expect(await at(65_535 - overhead)).toEqual({ ok: true });
  });
}

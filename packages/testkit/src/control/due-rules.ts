import { expect, test } from 'vitest';
import { type World, writeOf } from './world.ts';

const CLAIM_MS = 60_000;
/** Long enough for a claim and what a test does with it, short enough to wait for. */
const SHORT_MS = 400;

export function dueRules(of: () => World): void {
  test('now never goes back, and time passes', async () => {
    const w = of();
    const times = [await w.store.now(), await w.store.now(), (await w.store.claim(1, 1)).now, await w.store.now()];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    await w.under.advance(5);
    expect(await w.store.now()).toBeGreaterThanOrEqual(times[3]! + 5);
  });

  test('what is due is claimed oldest first, up to the limit, and not what is due later or never', async () => {
    const w = of();
    const now = await w.store.now();
    const third = await w.create({ dueAt: now - 10 });
    const first = await w.create({ dueAt: now - 30 });
    const second = await w.create({ dueAt: now - 20 });
    await w.create({ dueAt: now + 3_600_000 });
    await w.create({ dueAt: null });
    expect(await w.claimed(2)).toEqual([first, second]);
    expect(await w.claimed(2)).toEqual([third]);
    expect(await w.claimed(2)).toEqual([]);
  });

  test('a claim carries the row and the time', async () => {
    const w = of();
    const before = await w.store.now();
    const a = await w.create({ dueAt: before, state: { x: 1 } });
    const { now, rows } = await w.store.claim(1, CLAIM_MS);
    expect(rows).toMatchObject([{ stream: a, version: 1, state: { x: 1 }, dueAt: before }]);
    expect(now).toBeGreaterThanOrEqual(before);
  });

  test("a dead claimer's rows are due again after its time, woken ones too", async () => {
    const w = of();
    const [a, b] = [await w.create({ dueAt: 1 }), await w.create()];
    await w.store.commit({ by: 'u', writes: [], wake: [b] });
    expect((await w.claimed(10, SHORT_MS)).sort()).toEqual([a, b].sort());
    expect(await w.claimed()).toEqual([]);
    await w.under.advance(SHORT_MS + 1);
    expect((await w.claimed()).sort()).toEqual([a, b].sort());
  });

  test('a write lets go of the claim, and the row is due as it says', async () => {
    const w = of();
    const a = await w.create({ dueAt: 1 });
    expect(await w.claimed(1, SHORT_MS)).toEqual([a]);
    await w.change(a, { dueAt: null });
    await w.under.advance(SHORT_MS + 1);
    expect(await w.claimed()).toEqual([]);
    await w.change(a, { dueAt: 2 });
    expect(await w.claimed()).toEqual([a]);
  });

  test('a wake makes a row due at once, changes no version, and is used up by the claim', async () => {
    const w = of();
    const far = (await w.store.now()) + 3_600_000;
    const [a, b] = [await w.create({ dueAt: far }), await w.create()];
    const wake = [a, b, w.stream()];
    expect(await w.store.commit({ by: 'u', writes: [writeOf(w.stream(), 0)], wake })).toEqual({ ok: true });
    expect((await w.claimed()).sort()).toEqual([a, b].sort());
    expect((await w.row(a)).version).toBe(1);
    await w.change(a, { dueAt: far });
    await w.store.postpone(b, 1, null);
    expect(await w.claimed()).toEqual([]);
  });

  test('a wake between claim and commit is not lost', async () => {
    const w = of();
    const a = await w.create({ dueAt: 1 });
    expect(await w.claimed()).toEqual([a]);
    await w.under.second.commit({ by: 'u', writes: [], wake: [a] });
    expect(await w.claimed()).toEqual([]);
    await w.change(a, { dueAt: null });
    expect(await w.claimed()).toEqual([a]);
  });

  test('postponing is for the version that was seen', async () => {
    const w = of();
    const a = await w.create({ dueAt: 1 });
    await w.change(a, { dueAt: 1 });
    expect(await w.store.postpone(a, 1, null)).toBe(false);
    expect(await w.claimed()).toEqual([a]);
    expect(await w.store.postpone(a, 2, 5)).toBe(true);
    expect(await w.row(a)).toMatchObject({ version: 2, dueAt: 5 });
    expect(await w.claimed()).toEqual([a]);
    expect(await w.store.postpone(a, 2, null)).toBe(true);
    expect(await w.claimed()).toEqual([]);
    expect(await w.store.postpone(w.stream(), 1, null)).toBe(false);
  });

  test('postponing with the due time that was seen leaves one alone that was renewed', async () => {
    const w = of();
    const a = await w.create({ dueAt: 1_000 });
    expect(await w.store.postpone(a, 1, 4_000_000_000_000, 1_000)).toBe(true);
    expect(await w.store.postpone(a, 1, 2_000, 1_000)).toBe(false);
    expect((await w.row(a)).dueAt).toBe(4_000_000_000_000);
    expect(await w.store.postpone(a, 1, null, 4_000_000_000_000)).toBe(true);
    expect(await w.store.postpone(a, 1, 3_000, 4_000_000_000_000)).toBe(false);
    expect(await w.store.postpone(a, 1, 4_000_000_000_000, null)).toBe(true);
  });
}

import { HOUR_MS, MINUTE_MS, NOON, soundDrill } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { seenVault, type ToldVault } from '../vault/vault-look.ts';
import type { Plan } from './plan.ts';
import { recoverability, renderRecoverability, touchedStores } from './recoverability.ts';

const TARGETS = {
  gate: 'restore-drilled',
  at: 'promotion',
  params: { rtoMs: MINUTE_MS, rpoMs: MINUTE_MS, drillMaxAgeMs: HOUR_MS },
};
/** Cells that migrate their store and move ada, who lives in another one. */
function planOf(cells: number, gates: readonly unknown[] = [TARGETS]): Pick<Plan, 'cells' | 'gates'> {
  const cell = (n: number) => ({
    cell: `cell-${String(n).padStart(5, '0')}`,
    base: { tenants: { ada: { store: 'second' } } },
    steps: [
      { action: { kind: 'restore-point', store: 'main' } },
      { action: { kind: 'migrate', store: 'main' } },
      { action: { kind: 'route', tenants: ['ada'] } },
    ],
  });
  return { gates, cells: Array.from({ length: cells }, (_, n) => cell(n)) } as unknown as Pick<Plan, 'cells' | 'gates'>;
}
const drill = (store: string, more: object = {}, cell = 'cell-00000') => soundDrill(NOON, { cell, store, ...more });
const look = (store: string, more: Partial<ToldVault> = {}, cell = 'cell-00000') =>
  seenVault(
    cell,
    { store, where: 'vault', point: { id: 'rp-9', ageMs: 5 * MINUTE_MS }, lostMs: 11_000, ageMs: 0, ...more },
    NOON,
  );
const state = (
  drills: readonly ReturnType<typeof drill>[],
  vaults: readonly ReturnType<typeof look>[],
  gates: readonly unknown[] = [TARGETS],
) => recoverability(planOf(1, gates), { now: NOON, drills, vaults });
const of = (store: string, { stores }: ReturnType<typeof state>) => stores.find((each) => each.store === store);

test('it touches what it acts upon, and what those live in whom it moves', () => {
  expect(touchedStores(planOf(1))).toEqual([
    { cell: 'cell-00000', store: 'main', migrated: true },
    { cell: 'cell-00000', store: 'second', migrated: false },
  ]);
});

test('what nobody measured and nobody told of is said, whether a gate asks for it or not', () => {
  for (const gates of [[], [TARGETS]]) {
    const stated = state([], [], gates);
    expect(stated.counts).toEqual({ missed: 0, 'not-known': 2, unasked: 0, met: 0 });
    const text = renderRecoverability(stated);
    expect(text).toContain('no restore point is known of: its agent tells of no vault');
    expect(text).toContain('NEVER MEASURED');
  }
  expect(renderRecoverability(state([], [], []))).toContain('nothing: the policy has no gate restore-drilled');
});

test('the newest restore point, what would be lost now, and what was measured when stand beside the targets', () => {
  const stated = state([drill('main', { at: NOON - 2 * MINUTE_MS, rpoMs: 30_000, rtoMs: 14_000 })], [look('main')]);
  expect(stated.targets).toEqual({ rpoMs: MINUTE_MS, rtoMs: MINUTE_MS, drillMaxAgeMs: HOUR_MS });
  expect(of('main', stated)).toMatchObject({
    ...{ standing: 'met', migrated: true, because: '', lostMs: 11_000 },
    newest: { id: 'rp-9', takenAt: NOON - 5 * MINUTE_MS },
    measured: { at: NOON - 2 * MINUTE_MS, ok: true, rpoMs: 30_000, rtoMs: 14_000 },
  });
  const text = renderRecoverability(stated);
  expect(text).toContain('RPO 1 min, RTO 1 min, a drill at most 1 h ago');
  expect(text).toContain('newest restore point rp-9 of 5 min ago, in its vault; the last 11 s would be lost now');
  expect(text).toContain('measured by the last drill, 2 min ago: RPO 30 s, RTO 14 s');
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

test.each([
  [
    'facts that are older than the policy asks',
    drill('main', { at: NOON - HOUR_MS - 1 }),
    look('main'),
    '1 h are allowed',
  ],
  ['a measured RPO beyond its target', drill('main', { rpoMs: MINUTE_MS + 1 }), look('main'), '1 min are allowed'],
  ['a measured RTO beyond its target', drill('main', { rtoMs: MINUTE_MS + 1 }), look('main'), '1 min are allowed'],
  ['more that would be lost now', drill('main'), look('main', { lostMs: MINUTE_MS + 1 }), 'would be lost now'],
  [
    'a gap, though the drill before it went well',
    drill('main'),
    look('main', { gap: 'segment 6 is gone' }),
    'segment 6',
  ],
  ['a gap, though nobody drilled', undefined, look('main', { gap: 'segment 6 is gone' }), 'segment 6'],
])('not within its targets: %s', (_, drilled, seen, why) => {
  const stated = state(drilled === undefined ? [] : [drilled], [seen]);
  expect(of('main', stated)).toMatchObject({ standing: 'missed', because: expect.stringContaining(why) });
  expect(renderRecoverability(stated).replace(/\s+/g, ' ')).toContain(why);
});

test('without targets a gap and a bad drill are told, and what is sound has none to be within', () => {
  expect(of('main', state([drill('main')], [look('main')], []))).toMatchObject({ standing: 'unasked' });
  expect(of('main', state([drill('main')], [look('main', { gap: 'gone' })], []))).toMatchObject({ standing: 'missed' });
  const bad = drill('main', { ok: false, because: ['public.t did not come back'] });
  expect(of('main', state([bad], [look('main')], []))).toMatchObject({ standing: 'missed' });
});

test('ten thousand stores stay readable: equal ones are told once, the worst first, and the rest is counted', () => {
  const plan = planOf(5_000);
  const name = (n: number) => `cell-${String(n).padStart(5, '0')}`;
  const drills = Array.from({ length: 4_000 }, (_, n) =>
    drill('main', { at: NOON - n, rpoMs: n === 3_999 ? HOUR_MS : 1_000 + n * 1_000 * Number(n < 50) }, name(n)),
  );
  const stated = recoverability(plan, { now: NOON, drills, vaults: [] });
  expect(Object.values(stated.counts).reduce((a, b) => a + b)).toBe(10_000);
  expect(stated.stores[0]).toMatchObject({ cell: name(3_999), store: 'main', standing: 'missed' });
  expect(stated.stores[1]).toMatchObject({ store: 'main', standing: 'not-known', alike: 999 });
  expect(stated.stores[2]).toMatchObject({ store: 'second', standing: 'not-known', alike: 4_999 });
  const told = stated.stores.reduce((sum, { alike }) => sum + alike + 1, 0);
  expect(told + stated.left).toBe(10_000);
  const text = renderRecoverability(stated);
  expect(text).toMatch(/and [\d]+ stores more, none worse/);
  expect(text.split('\n').length).toBeLessThan(200);
});

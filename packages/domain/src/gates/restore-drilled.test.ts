import { HOUR_MS, MINUTE_MS, NOON, soundDrill, soundFacts } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seenVault, type ToldVault, VAULT_LOOK_MAX_AGE_MS } from '../vault/vault-look.ts';
import type { GateFacts, Subject, VerdictKind } from './gate.ts';
import { restoreDrilled } from './restore-drilled.ts';

const PARAMS = { rtoMs: MINUTE_MS, rpoMs: MINUTE_MS, drillMaxAgeMs: HOUR_MS };
const WAVE: Subject = { kind: 'wave', wave: 1 };
const step = (store: string): Subject => ({ kind: 'step', action: { kind: 'restore-point', store } });

function judge(more: Partial<GateFacts> = {}, params: object = {}, subject = WAVE) {
  return restoreDrilled.judge({ ...PARAMS, ...params }, soundFacts(NOON, more), subject);
}
const drilled = (more: Parameters<typeof soundDrill>[1]) => ({ drills: [soundDrill(NOON, more)] });
const without = (name: 'rtoMs' | 'rpoMs') => {
  const { [name]: _, ...rest } = soundDrill(NOON);
  return { drills: [rest] };
};

test.each<[rule: string, verdict: VerdictKind, facts: Partial<GateFacts>, params?: object]>([
  ['passes a drill that went well, lately, fast and fresh', 'pass', {}],
  ['passes at the limits', 'pass', drilled({ at: NOON - HOUR_MS, rtoMs: MINUTE_MS, rpoMs: MINUTE_MS })],
  ['has no data without one', 'no-data', { drills: [] }],
  ['has no data of before there were any', 'no-data', { drills: undefined } as never],
  ['has no data where the stores aren’t known', 'no-data', { migrated: undefined } as never],
  ['passes where no store is migrated', 'pass', { migrated: [], drills: [] }],
  ['ignores another store’s', 'no-data', drilled({ store: 'other' })],
  ['ignores another cell’s', 'no-data', drilled({ cell: 'dedicated' })],
  ['fails one that did not go well', 'fail', drilled({ ok: false, because: ['public.t came back with 1 rows'] })],
  ['fails one that says well and why not', 'fail', drilled({ because: ['a file is another one'] })],
  ['has no data where something wasn’t looked at', 'no-data', drilled({ ok: false, missing: ['pg_amcheck'] })],
  ['has no data in one that isn’t well and doesn’t say why', 'no-data', drilled({ ok: false })],
  ['fails one that is too old', 'fail', drilled({ at: NOON - HOUR_MS - 1 })],
  ['errs on one that is dated ahead of now', 'error', drilled({ at: NOON + 2 * MINUTE_MS })],
  ['fails a store that came back too late', 'fail', drilled({ rtoMs: MINUTE_MS + 1 })],
  ['fails a store of which too much would be lost', 'fail', drilled({ rpoMs: MINUTE_MS + 1 })],
  ['has no data without a time', 'no-data', without('rtoMs')],
  ['has no data without an age', 'no-data', without('rpoMs')],
  ['has no data of business transactions where they are asked for', 'no-data', {}, { transactions: true }],
  ['passes one with them', 'pass', drilled({ rtoUntil: 'first-transaction' }), { transactions: true }],
  [
    'fails as soon as the last one is bad',
    'fail',
    { drills: [soundDrill(NOON), soundDrill(NOON, { at: NOON, because: ['x'] })] },
  ],
  [
    'passes as soon as the last one is good',
    'pass',
    { drills: [soundDrill(NOON), soundDrill(NOON, { at: 1, because: ['x'] })] },
  ],
])('it %s', (_, expected, facts, params) => {
  const { verdict, because, unblock, who } = judge(facts, params);
  expect([verdict, because]).toEqual([expected, expect.stringMatching(/\S/)]);
  if (expected !== 'pass') expect([unblock, who]).toEqual([expect.stringMatching(/\S/), expect.stringMatching(/\S/)]);
});

test('every store of the plan has to be drilled, and who isn’t is named', () => {
  const migrated = ['main', 'second', 'third'].map((store) => ({ cell: 'shared', store }));
  expect(judge({ migrated })).toMatchObject({
    verdict: 'no-data',
    because: 'the store shared/second was never brought back in a drill; and 1 more store',
    unblock: 'run headgate-agent drill --config FILE --store second --cell shared --attach',
  });
  expect(judge({ migrated }, {}, step('main')).verdict).toBe('pass');
  expect(judge({ migrated }, {}, step('second')).verdict).toBe('no-data');
});

test('targets that nobody set, and others than positive ones, err', () =>
  fc.assert(
    fc.property(
      fc.constantFrom('rtoMs', 'rpoMs', 'drillMaxAgeMs', 'transactions'),
      fc.oneof(fc.constantFrom(undefined, null, 0, -1, 1.5, '1', Number.NaN), fc.string()),
      (name, value) => {
        fc.pre(!(name === 'transactions' && value === undefined));
        expect(judge({}, { [name]: value }).verdict).toBe('error');
      },
    ),
  ));

test.each<[rule: string, verdict: VerdictKind, told: Partial<ToldVault>, without?: keyof ToldVault]>([
  ['passes what lies there within the target', 'pass', {}],
  ['passes at the limit', 'pass', { lostMs: MINUTE_MS }],
  ['fails a store of which too much would be lost now', 'fail', { lostMs: MINUTE_MS + 1 }],
  ['fails one whose log has a gap, however little would be lost', 'fail', { gap: 'segment 6 is gone' }],
  ['fails one without a restore point', 'fail', {}, 'point'],
  ['has no data of one that nobody has looked at', 'no-data', { why: 'no answer' }, 'ageMs'],
  ['has no data of one that was looked at too long ago', 'no-data', { ageMs: VAULT_LOOK_MAX_AGE_MS + 1 }],
  ['has no data where it isn’t known what comes back', 'no-data', {}, 'lostMs'],
])('of what an agent saw in a vault it %s, as a wave begins', (_, expected, told, without) => {
  const look: Record<string, unknown> = {
    ...{ store: 'main', where: 'vault', point: { id: 'rp-1', ageMs: 1 }, lostMs: 1_000, ageMs: 0, ...told },
  };
  if (without !== undefined) delete look[without];
  const vaults = [seenVault('shared', look as unknown as ToldVault, NOON)];
  const { verdict, because, unblock } = judge({ vaults });
  expect([verdict, because]).toEqual([expected, expect.stringContaining('shared/main')]);
  if (expected !== 'pass') expect(unblock).toMatch(/\S/);
  // In the middle of a wave its tenants may be held: they don't wait for a round of the agent's.
  expect(judge({ vaults }, {}, step('main')).verdict).toBe('pass');
  // Another store's says nothing of this one, and a bad drill isn't made good.
  expect(judge({ vaults: vaults.map((each) => ({ ...each, store: 'other' })) }).verdict).toBe('pass');
  expect(judge({ vaults, drills: [] }).verdict).toBe('no-data');
});

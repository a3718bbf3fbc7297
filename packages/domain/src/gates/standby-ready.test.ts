import { MINUTE_MS, NOON, soundFacts, soundStandby } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SeenStandby } from '../standby/standby.ts';
import type { GateFacts, Subject, VerdictKind } from './gate.ts';
import { standbyReady } from './standby-ready.ts';

const PARAMS = { maxLagMs: 10_000 };
const WAVE: Subject = { kind: 'wave', wave: 1 };
const STORES = [{ cell: 'shared', store: 'main' }];

function judge(standbys: GateFacts['standbys'] | 'none', params: object = {}, subject = WAVE) {
  const facts = soundFacts(NOON, standbys === 'none' ? ({ standbys: undefined } as never) : { standbys: standbys! });
  return standbyReady.judge({ ...PARAMS, ...params }, facts, subject);
}
const seen = (...more: Partial<SeenStandby>[]) => ({
  stores: STORES,
  seen: more.map((each, i) => soundStandby(NOON, { name: `b${i + 1}`, ...each })),
});
const without = (name: 'lagMs' | 'lagBytes' | 'receiving') => {
  const { [name]: _, ...rest } = soundStandby(NOON);
  return { stores: STORES, seen: [rest as SeenStandby] };
};
const AWAY = { standing: 'unreachable', why: 'it doesn’t answer' } as const;
const LATE = { lagMs: 10_001 };

test.each<[rule: string, verdict: VerdictKind, standbys: GateFacts['standbys'] | 'none', params?: object]>([
  ['passes one that follows, is little behind and was seen lately', 'pass', seen({})],
  [
    'passes at the limits',
    'pass',
    seen({ lagMs: 10_000, lagBytes: 5_000, at: NOON - MINUTE_MS }),
    { maxLagBytes: 5_000 },
  ],
  ['passes one of an idle primary, that has all that was written', 'pass', seen({ lagMs: 0, lagBytes: 0 })],
  ['has no data where nobody looked', 'no-data', 'none'],
  ['has no data where no standby is declared', 'no-data', seen()],
  [
    'has no data of a store of which nobody told',
    'no-data',
    { stores: STORES, seen: [soundStandby(NOON, { store: 'other' })] },
  ],
  [
    'has no data of a cell of which nobody told',
    'no-data',
    { stores: STORES, seen: [soundStandby(NOON, { cell: 'other' })] },
  ],
  ['has no data in a look that is too old', 'no-data', seen({ at: NOON - MINUTE_MS - 1 })],
  ['goes by the age that the policy says', 'no-data', seen({ at: NOON - 20_001 }), { maxAgeMs: 20_000 }],
  ['has no data in a look that is dated ahead of now', 'no-data', seen({ at: NOON + 5_001 })],
  ['has no data in a look that has no date', 'no-data', seen({ at: Number.NaN })],
  ['has no data where it can’t be reached', 'no-data', seen(AWAY)],
  ['has no data where it can’t be told', 'no-data', seen({ standing: 'unknown', why: 'the primary can’t be asked' })],
  ['has no data without a lag in time', 'no-data', without('lagMs')],
  ['has no data without a lag in bytes', 'no-data', without('lagBytes')],
  ['has no data where it isn’t known whether it receives', 'no-data', without('receiving')],
  ['fails one that is too far behind in time', 'fail', seen(LATE)],
  ['fails one that is too far behind in bytes', 'fail', seen({ lagBytes: 5_001 }), { maxLagBytes: 5_000 }],
  [
    'fails one whose replay is paused, however little it is behind',
    'fail',
    seen({ paused: true, lagMs: 0, lagBytes: 0 }),
  ],
  ['fails one that receives nothing, however little it is behind', 'fail', seen({ receiving: false, lagBytes: 0 })],
  [
    'passes one that is fed from an archive where the policy says so',
    'pass',
    seen({ receiving: false }),
    { receiving: false },
  ],
  ['fails one that was promoted', 'fail', seen({ standing: 'promoted' })],
  ['fails one of another cluster', 'fail', seen({ standing: 'other-cluster' })],
  ['fails one on another timeline', 'fail', seen({ standing: 'other-timeline' })],
  ['fails one that has what the primary never wrote', 'fail', seen({ standing: 'ahead' })],
  ['passes with one of two', 'pass', seen(LATE, {})],
  ['fails with one of two where two are asked for', 'fail', seen(LATE, {}), { atLeast: 2 }],
  ['has no data where who isn’t reached might be the second', 'no-data', seen(AWAY, {}), { atLeast: 2 }],
  ['fails where even who isn’t reached wouldn’t be enough', 'fail', seen(AWAY, LATE), { atLeast: 2 }],
  ['fails where fewer are declared than are asked for', 'fail', seen({}), { atLeast: 2 }],
  [
    'asks only of the stores that the policy names',
    'pass',
    { ...seen({}), stores: [...STORES, { cell: 'shared', store: 'b' }] },
    { stores: ['main'] },
  ],
  ['errs on a store that no cell has', 'error', seen({}), { stores: ['mian'] }],
  ['errs without a lag', 'error', seen({}), { maxLagMs: undefined }],
  ['errs on a lag of none', 'error', seen({}), { maxLagMs: 0 }],
  ['errs on what makes no sense', 'error', seen({}), { atLeast: 'two' }],
])('it %s', (_, expected, standbys, params) => {
  const { verdict, because, unblock, who } = judge(standbys, params);
  expect([verdict, because]).toEqual([expected, expect.stringMatching(/\S/)]);
  if (expected !== 'pass') expect([unblock, who]).toEqual([expect.stringMatching(/\S/), expect.stringMatching(/\S/)]);
});

test('each store has to have one, and the first that has none is named', () => {
  const stores = ['main', 'second', 'third'].map((store) => ({ cell: 'shared', store }));
  expect(judge({ stores, seen: [soundStandby(NOON)] })).toMatchObject({
    verdict: 'no-data',
    because: 'nobody has told of a standby of shared/second; and 1 more store',
  });
});

test('it says which standby, how far behind, when that was seen, and what would unblock', () => {
  expect(judge(seen({})).because).toBe('standby of shared/main: b1 is 0.3 s behind (4.0 KiB), seen 4 s ago');
  expect(judge(seen({ lagMs: 0, lagBytes: 0 })).because).toBe(
    'standby of shared/main: b1 has all that was written, seen 4 s ago',
  );
  expect(judge(seen({ lagMs: 90_000, lagBytes: 3 * 1024 ** 2 }, AWAY))).toMatchObject({
    verdict: 'no-data',
    because:
      'of shared/main no standby is ready: b1: it is 1 min 30 s behind (3.0 MiB), seen 4 s ago; 10 s are allowed; b2: it doesn’t answer, seen 4 s ago',
    unblock: expect.stringContaining('wait until b1 has caught up'),
  });
  expect(judge(seen({ paused: true, lagMs: 20_150, lagBytes: 6_500_000 }))).toMatchObject({
    because: 'of shared/main no standby is ready: b1: its replay is paused; 20.2 s behind (6.2 MiB), seen 4 s ago',
    unblock: 'resume it on b1: select pg_wal_replay_resume()',
  });
});

test('before a step of one store only that one is asked about', () => {
  const stores = [...STORES, { cell: 'shared', store: 'other' }];
  const step = (store: string): Subject => ({ kind: 'step', action: { kind: 'restore-point', store } });
  expect(judge({ ...seen({}), stores }, {}, step('main')).verdict).toBe('pass');
  expect(judge({ ...seen({}), stores }, {}, step('other')).verdict).toBe('no-data');
});

test('nothing that is missing, old or late ever passes', () => {
  const lagMs = fc.oneof(fc.constant(undefined), fc.integer({ min: 10_001 }));
  const at = fc.oneof(
    fc.integer({ min: 0, max: NOON - MINUTE_MS - 1 }),
    fc.integer({ min: NOON + 5_001, max: 2 * NOON }),
    fc.constant(Number.NaN),
  );
  const late = lagMs.map((ms) => (ms === undefined ? without('lagMs').seen[0]! : soundStandby(NOON, { lagMs: ms })));
  const stale = at.map((when) => soundStandby(NOON, { at: when }));
  fc.assert(
    fc.property(fc.array(fc.oneof(late, stale), { maxLength: 5 }), (all) => {
      expect(judge({ stores: STORES, seen: all }).verdict).not.toBe('pass');
    }),
  );
});

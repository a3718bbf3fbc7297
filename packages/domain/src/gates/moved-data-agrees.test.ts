import {
  aMigration,
  HOUR_MS,
  MINUTE_MS,
  movedCompared,
  NOON,
  soundFacts,
  soundMove,
} from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SeenMove } from '../moved/moved-data.ts';
import type { MigrationRef } from '../plan/plan.ts';
import { type GateFacts, goesOn, type Subject, type VerdictKind } from './gate.ts';
import { movedDataAgrees } from './moved-data-agrees.ts';

const WAVE: Subject = { kind: 'wave', wave: 1 };
const CONTRACT: MigrationRef = { ...aMigration(4, { phase: 'contract' }), file: aMigration(4).up };
const PARAMS = { moves: ['invoice-net'] };

interface Case {
  readonly seen?: Partial<SeenMove>;
  readonly release?: string;
  readonly serving?: readonly string[];
  readonly migrating?: readonly MigrationRef[];
  readonly params?: object;
  readonly subject?: Subject;
  readonly moved?: GateFacts['moved'];
}

/** 1.5.0 serves and writes both; what is promoted is 1.6.0, which reads the new place. */
function judge({ seen = {}, release = '1.6.0', serving = ['1.5.0'], migrating = [], ...more }: Case) {
  const sound = soundFacts(NOON);
  const moved = more.moved ?? { cells: ['shared'], seen: [soundMove(NOON, seen)] };
  const facts = { ...sound, serving, migrating, moved, release: { ...sound.release, version: release } };
  return movedDataAgrees.judge({ ...PARAMS, ...more.params }, facts, more.subject ?? WAVE);
}
const found = (more: Parameters<typeof movedCompared>[0]): Case => ({ seen: { last: movedCompared(more) } });
const differing = (more: Partial<NonNullable<SeenMove['last']>['differences']>): Case =>
  found({ differences: { ...movedCompared().differences, ...more } });
const { last: _, ...neverCompared } = soundMove(NOON);
const never = (more: Partial<SeenMove> = {}): Case => ({
  moved: { cells: ['shared'], seen: [{ ...neverCompared, ...more }] },
});
const gone = (gapMs: number) => ({ ageMs: HOUR_MS, gapMs, versions: ['1.6.0'] });
const left = (gapMs: number, more: Partial<SeenMove> = {}): Case => ({
  seen: { runs: ['1.6.0'], left: gone(gapMs), last: movedCompared({ ageMs: 90 * MINUTE_MS, current: false }), ...more },
  release: '1.7.0',
  serving: ['1.6.0'],
});

test.each<[rule: string, verdict: VerdictKind, given: Case]>([
  ['passes where both places agree', 'pass', {}],
  [
    'passes what goes on writing both, however they differ',
    'pass',
    { ...differing({ missingInNew: 9 }), release: '1.5.0' },
  ],
  [
    'passes what goes on reading the new place',
    'pass',
    {
      ...differing({ different: 1 }),
      release: '1.6.1',
      serving: ['1.6.0'],
      seen: { writtenBy: ['1.6.0', '1.6.1'], readBy: ['1.6.0', '1.6.1'] },
    },
  ],
  ['passes at the limit of age', 'pass', found({ ageMs: 15 * MINUTE_MS - 4_000 })],
  ['has no data where no agent has told of it', 'no-data', { moved: { cells: ['shared'], seen: [] } }],
  ['has no data where another cell’s agent has', 'no-data', { seen: { cell: 'other' } }],
  [
    'has no data where one of two cells has told',
    'no-data',
    { moved: { cells: ['shared', 'second'], seen: [soundMove()] } },
  ],
  ['has no data of another move', 'no-data', { params: { moves: ['invoice-net', 'address'] } }],
  ['has no data where nobody looked', 'no-data', { moved: { cells: [], seen: [] } }],
  ['has no data before anything was compared', 'no-data', never()],
  ['has no data where it couldn’t be compared', 'no-data', never({ why: 'permission denied for table amount' })],
  ['has no data where what runs doesn’t write both', 'no-data', never({ runs: ['1.4.0'] })],
  ['has no data where one of two that run doesn’t', 'no-data', never({ runs: ['1.4.0', '1.5.0'] })],
  ['has no data where what runs doesn’t, whatever was compared', 'no-data', { seen: { runs: ['1.4.0'] } }],
  ['has no data where nothing runs', 'no-data', never({ runs: [] })],
  ['has no data where what runs changed since', 'no-data', found({ current: false })],
  ['has no data in a comparison that is too old', 'no-data', found({ ageMs: 15 * MINUTE_MS })],
  [
    'adds to its age how long ago it was told',
    'no-data',
    { seen: { last: movedCompared({ ageMs: 15 * MINUTE_MS - 30_000 }), at: NOON - 40_000 } },
  ],
  ['goes by the age that the policy says', 'no-data', { params: { maxAgeMs: 30_000 } }],
  ['has no data once its agent is silent', 'no-data', { seen: { at: NOON - MINUTE_MS - 1 } }],
  ['has no data of no rows', 'no-data', found({ rows: { old: 0, new: 0 }, sums: [] })],
  ['has no data of rows that changed with every look', 'no-data', found({ unsettled: 2 })],
  ['is an error where it is dated ahead of now', 'error', { seen: { at: NOON + 2 * MINUTE_MS } }],
  ['fails a row that the new place lacks', 'fail', differing({ missingInNew: 1 })],
  ['fails a row that the old place lacks', 'fail', differing({ missingInOld: 1 })],
  ['fails another value', 'fail', differing({ different: 1 })],
  ['fails one that is there twice', 'fail', differing({ doubled: 1 })],
  ['fails one that has no key', 'fail', differing({ keyless: 1 })],
  ['fails a cent', 'fail', found({ sums: [{ amount: 'net', old: '116310.41', new: '116310.42' }] })],
  ['fails one row more, whatever was compared', 'fail', found({ rows: { old: 1_204, new: 1_205 } })],
  [
    'fails what no longer writes both, where they differ',
    'fail',
    { ...differing({ missingInNew: 1 }), release: '1.9.0' },
  ],
  [
    'fails a contract that removes the old place, where they differ',
    'fail',
    { ...differing({ different: 3 }), release: '1.5.0', migrating: [CONTRACT] },
  ],
  [
    'passes a contract that removes something else',
    'pass',
    { seen: { last: movedCompared({ unsettled: 1 }), removedBy: ['m9'] }, release: '1.5.0', migrating: [CONTRACT] },
  ],
  [
    'passes a contract once only one place is written, where they agreed until then',
    'pass',
    { ...left(5 * MINUTE_MS), migrating: [CONTRACT] },
  ],
  [
    'has no data once something ran that writes the old place alone',
    'no-data',
    { seen: { runs: ['1.4.0', '1.5.0'], left: { ...gone(1), versions: ['1.4.0', '1.5.0'] } } },
  ],
  ['has no data while something runs that does', 'no-data', left(1, { runs: ['1.4.0', '1.6.0'] })],
  [
    'has no data once what writes both runs again, of what was compared before another wrote one alone',
    'no-data',
    left(1, { runs: ['1.5.0'] }),
  ],
  [
    'has no data there while it can’t be compared anew',
    'no-data',
    { ...left(1, { runs: ['1.5.0'], why: 'statement timeout' }), migrating: [CONTRACT] },
  ],
  [
    'passes there once it was compared anew',
    'pass',
    { seen: { runs: ['1.5.0'] }, release: '1.7.0', serving: ['1.5.0'], migrating: [CONTRACT] },
  ],
  [
    'has no data where something in between wrote the old place alone, whatever came first and last',
    'no-data',
    { ...left(1, { left: { ...gone(1), versions: ['1.6.0', '1.4.0'] } }), migrating: [CONTRACT] },
  ],
  [
    'has no data of a comparison while something ran of which it isn’t said any more that it writes both',
    'no-data',
    { seen: { writtenBy: ['1.5.1'], runs: ['1.5.1'] } },
  ],
  [
    'has no data of it either once something else runs',
    'no-data',
    { ...left(1, { writtenBy: ['1.5.1'] }), migrating: [CONTRACT] },
  ],
  [
    'passes while nothing runs, after what wrote the new place alone',
    'pass',
    { ...left(1, { runs: [] }), migrating: [CONTRACT] },
  ],
  [
    'passes its own later waves',
    'pass',
    { seen: { runs: ['1.5.0', '1.6.0'], left: { ...gone(1), versions: ['1.5.0', '1.6.0'] } } },
  ],
  [
    'has no data where nobody compared for too long before',
    'no-data',
    { ...left(16 * MINUTE_MS), migrating: [CONTRACT] },
  ],
  [
    'fails where they differed until then',
    'fail',
    {
      ...left(MINUTE_MS, { last: movedCompared({ differences: { ...movedCompared().differences, different: 1 } }) }),
      migrating: [CONTRACT],
    },
  ],
  ['is an error where the agent’s clock was set back', 'error', { ...left(-1), migrating: [CONTRACT] }],
  ['is an error without moves', 'error', { params: { moves: [] } }],
])('%s', (_rule, verdict, given) => {
  const said = judge(given);
  expect(said).toMatchObject({ verdict });
  if (goesOn(said)) return;
  expect(said.because).not.toBe('');
  expect(said.unblock).not.toBe('');
  expect(said.who).not.toBe('');
});

describe('its words', () => {
  test('say why it asks, what was found, whose, when, and what ran', () => {
    const { differences } = movedCompared();
    const seen = {
      last: movedCompared({
        differences: { ...differences, missingInNew: 1_200, different: 3 },
        tenants: [
          { tenant: 'acme', differences: 1_199 },
          { tenant: 'beta', differences: 2 },
        ],
        others: 2,
        sums: [{ amount: 'net', old: '10.01', new: '10' }],
      }),
    };
    expect(judge({ seen })).toMatchObject({
      because:
        '1.6.0 reads its new place, and both places of invoice-net of shared/main differ, compared 1 min 4 s ago while 1.5.0 ran: 1,200 missing in the new place, 3 with different values (acme 1,199, beta 2 and 2 more tenants); net adds up to 10.01 and 10',
      unblock: 'mend it; headgate-agent compare --config FILE --cell shared --move invoice-net says which rows',
      who: 'operator',
    });
  });
  test('say which version comes first where none that runs writes both, and that a slot is to be emptied where one does', () => {
    const versions = { writtenBy: ['1.5.0', '1.5.1', '1.6.0'], readBy: ['1.6.0'] };
    const of = (runs: readonly string[]) => judge(never({ ...versions, runs }));
    expect(of(['1.4.0'])).toMatchObject({
      because: expect.stringContaining('1.4.0 runs, 1.5.0 or 1.5.1 or 1.6.0 would write both'),
      unblock: 'promote 1.5.0 or 1.5.1 first, and let the backfill end',
    });
    expect(of(['1.4.0', '1.5.0'])).toMatchObject({
      because: expect.stringContaining('beside what does, 1.4.0 still stands in a slot'),
      unblock: expect.stringContaining('it empties that slot'),
    });
  });
  test('say what is true of going back while both agree', () => {
    expect(judge({}).because).toBe(
      'invoice-net of shared/main: 1,204 rows agree in both places, compared 1 min 4 s ago while 1.5.0 ran; as of then nothing is lost by going back to what reads the old one',
    );
  });
  test('name the migration', () => {
    expect(judge({ ...never(), release: '1.5.0', migrating: [CONTRACT] }).because).toContain(
      'migration m5 may remove its old place',
    );
  });
});

test('before a step that migrates it asks for what that step runs', () => {
  const step = (migrations: readonly MigrationRef[]): Subject => ({
    kind: 'step',
    action: { kind: 'migrate', store: 'main', from: 4, to: 5, migrations },
  });
  const given = { ...differing({ different: 1 }), release: '1.5.0', migrating: [CONTRACT] };
  expect(judge({ ...given, subject: step([CONTRACT]) }).verdict).toBe('fail');
  expect(judge({ ...given, subject: step([]) }).verdict).toBe('pass');
});

test('nothing but a comparison that found nothing lets a release through that rests on the new place', () => {
  const count = fc.nat({ max: 3 });
  const figures = fc.record({
    rows: fc.record({ old: count, new: count }),
    differences: fc.record({
      missingInNew: count,
      missingInOld: count,
      different: count,
      doubled: count,
      keyless: count,
    }),
    unsettled: count,
    current: fc.boolean(),
    ageMs: fc.nat({ max: 30 * MINUTE_MS }),
  });
  fc.assert(
    fc.property(figures, fc.nat({ max: 2 * MINUTE_MS }), (more, told) => {
      const sound =
        more.rows.old > 0 &&
        more.rows.old === more.rows.new &&
        Object.values(more.differences).every((n) => n === 0) &&
        more.unsettled === 0 &&
        more.current &&
        told <= MINUTE_MS &&
        more.ageMs + told <= 15 * MINUTE_MS;
      const verdict = judge({ seen: { last: movedCompared(more), at: NOON - told } });
      expect(goesOn(verdict)).toBe(sound);
    }),
    { numRuns: 2_000 },
  );
});

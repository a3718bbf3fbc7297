import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareFingerprints, differenceText, type Fingerprint, type TableSum } from './compare.ts';
import { planChanges, planChangeText, type StatementPlan } from './plan-change.ts';
import { keptPromises } from './promised.ts';
import { judgeRehearsal, type RehearsalFacts, rehearsalEvidence } from './rehearsal.ts';

const table = (more: Partial<TableSum> = {}): TableSum => ({
  relation: 'public.t',
  rows: 3,
  sum: '7',
  columns: [
    { column: 'a', values: 3, sum: '1' },
    { column: 'b', values: 2, sum: '2' },
  ],
  ...more,
});
const print = (
  tables: readonly TableSum[] = [table()],
  objects: Fingerprint['objects'] = { 'table public.t': 'r' },
  sequences: Fingerprint['sequences'] = {},
): Fingerprint => ({ objects, tables, sequences });

describe('two states of a database', () => {
  test('are the same only when every object and every sum is', () => {
    expect(compareFingerprints(print(), print())).toEqual([]);
    expect(compareFingerprints(print(), print([table({ rows: 2, sum: '6' })]))).toEqual([
      { kind: 'rows', relation: 'public.t', before: 3, after: 2 },
    ]);
    const lost = table({ sum: '8', columns: [table().columns[0]!, { column: 'b', values: 0, sum: '0' }] });
    const [values] = compareFingerprints(print(), print([lost]));
    expect(values).toEqual({ kind: 'values', relation: 'public.t', column: 'b', before: 2, after: 0 });
    expect(differenceText(values!)).toBe('public.t.b: other values than before (2 values before, 0 after)');
    expect(compareFingerprints(print(), print([table({ sum: '9' })]))).toEqual([
      { kind: 'values', relation: 'public.t', column: undefined, before: 3, after: 3 },
    ]);
    const objects = { 'index public.i': 'x', 'table public.t': 'p' };
    expect(compareFingerprints(print(), print([table()], objects)).map(differenceText)).toEqual([
      'index public.i was not there before (is x)',
      'table public.t changed: was r, is p',
    ]);
    expect(compareFingerprints(print([table()], objects), print([], {})).map(({ kind }) => kind)).toEqual([
      'object-gone',
      'object-gone',
    ]);
  });

  test.each<[string, { next: bigint; down: boolean }, string | undefined]>([
    ['that went back gives numbers again', { next: 5n, down: false }, 'it gave 20001 next, and gives 5'],
    ['that went on does not', { next: 20_002n, down: false }, undefined],
    ['that stands where it stood does not', { next: 20_001n, down: false }, undefined],
  ])('a sequence %s', (_, is, why) => {
    const at = (place: Fingerprint['sequences'][string]) => print(undefined, undefined, { 'public.t_id_seq': place });
    const found = compareFingerprints(at({ next: 20_001n, down: false }), at(is));
    expect(found).toEqual(why === undefined ? [] : [{ kind: 'sequence-back', object: 'public.t_id_seq', why }]);
    // One that counts down, the other way round.
    const mirrored = compareFingerprints(at({ next: -20_001n, down: true }), at({ next: -is.next, down: true }));
    expect(mirrored.length).toBe(found.length);
    expect(compareFingerprints(at({ next: 1n, down: false }), print())).toEqual([]);
  });

  test('differ whichever of their sums is another', () => {
    const any = fc.constantFrom('rows', 'sum', 'a', 'b', 'object');
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 9 }), (what, by) => {
        const changed = table({
          rows: what === 'rows' ? 3 + by : 3,
          sum: what === 'sum' ? `7${by}` : '7',
          columns: table().columns.map((each) => (each.column === what ? { ...each, sum: `${each.sum}${by}` } : each)),
        });
        const after = print([changed], what === 'object' ? { 'table public.t': `r${by}` } : undefined);
        expect(compareFingerprints(print(), after)).not.toEqual([]);
        expect(compareFingerprints(after, print())).not.toEqual([]);
      }),
    );
  });
});

describe('plans', () => {
  const by = (how: 'sequential' | 'index', cost = 10, index = 't_a'): StatementPlan => ({
    ok: true,
    cost,
    reads: [{ relation: 'public.t', how, index: how === 'index' ? index : undefined }],
  });
  const failing: StatementPlan = { ok: false, code: '42703', why: 'column "b" does not exist' };
  const changes = (before: StatementPlan, after: StatementPlan, rows = 50_000) =>
    planChanges([{ text: 'q', before, after }], { 'public.t': rows }).map(planChangeText);
  test.each<[string, StatementPlan, StatementPlan, number, readonly string[]]>([
    ['that stay are no news', by('index'), by('index', 12), 50_000, []],
    ['by another index are none', by('index'), by('index', 9, 't_b'), 50_000, []],
    [
      'that lose their index are',
      by('index'),
      by('sequential', 900),
      50_000,
      [
        'no longer uses t_a of public.t, and reads it from end to end',
        'reads public.t from end to end now (about 50000 rows)',
      ],
    ],
    [
      'of a small table only lose it',
      by('index'),
      by('sequential'),
      9,
      ['no longer uses t_a of public.t, and reads it from end to end'],
    ],
    ['that always read it all go on', by('sequential'), by('sequential', 15), 50_000, []],
    [
      'that cost twice as much are dearer',
      by('index', 900),
      by('index', 1_800),
      50_000,
      ['is estimated to cost 1800, where it was 900'],
    ],
    ['that cost nothing aren’t', by('index', 1), by('index', 50), 50_000, []],
    [
      'that are none any more fail',
      by('index'),
      failing,
      50_000,
      ['fails afterwards: column "b" does not exist (42703)'],
    ],
    ['that never were one say nothing', failing, by('sequential'), 50_000, []],
  ])('%s', (_, before, after, rows, expected) => {
    expect(changes(before, after, rows)).toEqual(expected);
  });
});

test('what was promised is compared with what production took; what is missing is never kept', () => {
  const at = (migration: string, durationMs: number) => ({ migration, durationMs });
  expect(
    keptPromises(
      [at('a', 1_000), at('b', 1_000), at('c', 10), at('d', 9_000), at('e', 1)],
      [at('b', 1_499), at('a', 1_501), at('c', 200), at('d', 5_000), at('x', 7)],
    ).map(({ migration, verdict }) => [migration, verdict]),
  ).toEqual([
    ['a', 'slower'],
    ['b', 'kept'],
    ['c', 'kept'],
    ['d', 'faster'],
    ['e', 'not-measured'],
    ['x', 'not-rehearsed'],
  ]);
});

describe('what a rehearsal comes to', () => {
  const migration = {
    id: 'm1',
    from: 0,
    to: 1,
    phase: 'expand',
    undo: 'down',
    up: 'sha256:1',
    down: 'sha256:2',
  } as const;
  const file = { file: '1.sql', migration: 'm1', durationMs: 5, commitMs: 1, statements: [] };
  const stall = { relation: 'public.t', readersMs: 3, writersMs: 700, errors: {} };
  const pass = (direction: 'forward' | 'back' | 'forward-again') =>
    ({ direction, durationMs: 5, files: [file], stalls: [stall], unwatched: [] }) as const;
  const sound: RehearsalFacts = {
    at: 1_000,
    from: { store: 'main' },
    copy: { how: 'dump', of: 'shop', takenAt: 1, server: 15, bytes: 1, rows: 1, readyMs: 1 },
    runner: 'headgate',
    schema: { from: 0, to: 1 },
    migrations: [migration],
    passes: [pass('forward'), pass('back'), pass('forward-again')],
    comparisons: [
      { what: 'back', differences: [] },
      { what: 'again', differences: [] },
    ],
    plans: { compared: 0, source: 'none', changes: [] },
    missing: [],
  };
  const values = { kind: 'values', relation: 'public.t', column: 'a', before: 1, after: 1 } as const;
  const rows = { kind: 'rows', relation: 'public.t', before: 1, after: 2 } as const;
  const gone = { kind: 'object-gone', object: 'index i', why: 'was x' } as const;
  const comparing = (back: RehearsalFacts['comparisons'][number]['differences'], again: typeof back = []) => ({
    comparisons: [
      { what: 'back', differences: back },
      { what: 'again', differences: again },
    ] as const,
  });
  const lossy = { migrations: [{ ...migration, lossy: 'notes' }] };
  const { down: _, ...without } = migration;
  test.each<[string, Partial<RehearsalFacts>, Partial<ReturnType<typeof judgeRehearsal>>]>([
    ['all is as it was', {}, { ok: true, wayBack: 'equal', longestStallMs: 700, durationMs: 5 }],
    ['values that didn’t come back', comparing([values]), { ok: false, wayBack: 'different' }],
    ['… and the way back says so', { ...comparing([values, rows]), ...lossy }, { ok: true, wayBack: 'declared-lossy' }],
    [
      'a schema that didn’t come back can’t be declared',
      { ...comparing([gone]), ...lossy },
      { ok: false, wayBack: 'different' },
    ],
    ['values that are made anew each time', comparing([], [values]), { ok: true, wayBack: 'equal' }],
    ['rows that come twice', comparing([], [rows]), { ok: false }],
    ['another schema the second time', comparing([], [gone]), { ok: false }],
    [
      'no way back',
      { migrations: [without], passes: [pass('forward')], comparisons: [] },
      { ok: true, wayBack: 'none' },
    ],
    ['ways back above one that has none, right', { migrations: [without, migration] }, { ok: true, wayBack: 'none' }],
    ['… and wrong', { migrations: [without, migration], ...comparing([rows]) }, { ok: false, wayBack: 'different' }],
    [
      '… or losing something, as they say',
      { migrations: [without, { ...migration, lossy: 'notes' }], ...comparing([rows]) },
      { ok: true, wayBack: 'declared-lossy' },
    ],
    [
      '… as only one below says, which isn’t led back',
      { migrations: [{ ...migration, lossy: 'notes' }, without, migration], ...comparing([rows]) },
      { ok: false, wayBack: 'different' },
    ],
    [
      'one that has none at the end, and nothing is led back',
      { migrations: [migration, without], passes: [pass('forward')], comparisons: [] },
      { ok: true, wayBack: 'none' },
    ],
    [
      'a restore, which takes back all of them',
      { migrations: [migration, { ...without, undo: 'restore' }] },
      { ok: true, wayBack: 'equal' },
    ],
    [
      'a way back that nobody compared',
      { passes: [pass('forward')], comparisons: [] },
      { ok: true, wayBack: 'not-reached' },
    ],
    ['never run', { passes: [], comparisons: [] }, { ok: false, wayBack: 'not-reached', longestStallMs: undefined }],
    [
      'tables that nobody watched',
      { passes: [{ ...pass('forward'), unwatched: ['public.u'] }] },
      { longestStallMs: undefined },
    ],
    [
      'a file that failed',
      { passes: [{ ...pass('forward'), files: [{ ...file, failed: { n: 1, line: 2, code: '42P01', why: 'no' } }] }] },
      { ok: false, wayBack: 'not-reached' },
    ],
    [
      'a statement of the application that fails',
      { plans: { compared: 1, source: 'file', changes: [{ kind: 'fails', text: 'q', why: 'x' }] } },
      { ok: false },
    ],
  ])('%s', (_, more, expected) => {
    const facts = { ...sound, ...more };
    expect(judgeRehearsal(facts)).toMatchObject(expected);
    expect(judgeRehearsal(facts).ok).toBe(judgeRehearsal(facts).because.length === 0);
    expect(rehearsalEvidence(facts)).toMatchObject({ store: 'main', at: 1_000, masked: false });
  });
});

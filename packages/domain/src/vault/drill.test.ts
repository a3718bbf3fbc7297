import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Census, censusBetween, compareCensus } from './census.ts';
import { type DrillFacts, drillEvidence, judgeDrill } from './drill.ts';
import { freshnessOf } from './freshness.ts';
import { type ScheduledStore, scheduledWork } from './schedule.ts';

const NOW = 1_800_000_000_000;
const point = {
  ...{
    id: 'rp-1',
    takenAt: NOW - 30_000,
    sealedAt: NOW - 25_000,
    manifest: `sha256:${'a'.repeat(64)}` as const,
    schemaVersion: 3,
  },
  ...{ form: 'physical' as const, major: 15, bytes: 1_000, files: 3 },
};
const sound: DrillFacts = {
  from: { environment: 'production', cell: 'shared', store: 'main' },
  startedAt: NOW,
  at: NOW + 9_000,
  point,
  took: { fetchedMs: 1_000, restoredMs: 4_000, comparedMs: 6_000, checkedMs: 8_000 },
  schemaVersion: 3,
  census: { tables: 2, rows: 10, differences: [], unsettled: [] },
  files: { compared: 1, wrong: [] },
  amcheck: { problems: [] },
};

/** Without some of its facts. */
function lacking(...names: (keyof DrillFacts)[]): DrillFacts {
  return Object.fromEntries(
    Object.entries(sound).filter(([name]) => !names.includes(name as keyof DrillFacts)),
  ) as never;
}

describe('a drill', () => {
  test('went well when everything was compared and nothing is wrong; it is timed to the last comparison', () => {
    expect(judgeDrill(sound)).toEqual({
      ...{ ok: true, because: [], missing: [], rtoMs: 6_000, rtoUntil: 'last-comparison', rpoMs: 30_000 },
    });
  });

  test('is timed to the first business transaction where there are any, and never where they fail', () => {
    const ran = { ...sound, transactions: {}, took: { ...sound.took, firstTransactionMs: 4_500 } };
    expect(judgeDrill(ran)).toMatchObject({ ok: true, rtoMs: 4_500, rtoUntil: 'first-transaction' });
    const failed = judgeDrill({ ...sound, transactions: { failed: 'their program ended with 1' } });
    expect(failed).toMatchObject({ ok: false, because: ['business transactions: their program ended with 1'] });
    expect(failed.rtoMs).toBeUndefined();
  });

  test('loses what was written since its restore point, and never less than the schedule lets pass', () => {
    expect(judgeDrill({ ...sound, everyMs: 3_600_000 }).rpoMs).toBe(3_605_000);
    expect(judgeDrill({ ...sound, everyMs: 1_000 }).rpoMs).toBe(30_000);
    expect(judgeDrill(lacking('point')).rpoMs).toBeUndefined();
  });

  test('of a restore point that is dated ahead of it knows nothing of what would be lost, and says so', () => {
    const ahead = { ...sound, point: { ...point, takenAt: NOW + 86_400_000, sealedAt: NOW + 86_405_000 } };
    const { ok, missing, rpoMs } = judgeDrill(ahead);
    expect({ ok, missing, rpoMs }).toEqual({
      ok: false,
      missing: ['rp-1 is dated ahead of the drill: what would be lost nobody knows'],
      rpoMs: undefined,
    });
    // Clocks differ by a little; and its log may say it.
    expect(judgeDrill({ ...sound, point: { ...point, takenAt: NOW + 30_000 } })).toMatchObject({ ok: true, rpoMs: 0 });
    const wal = { segments: 4, reachedAt: NOW - 10_000, sealedAt: NOW - 9_000, lsn: '0/3', replayed: true };
    expect(judgeDrill({ ...ahead, wal })).toMatchObject({ ok: true, rpoMs: 10_000 });
  });

  test('with its log loses what the vault doesn’t have of that yet, and never less than passes until more of it lies there', () => {
    const wal = {
      segments: 2,
      reachedAt: NOW - 10_000,
      sealedAt: NOW - 8_000,
      everyMs: 5_000,
      lsn: '0/3',
      replayed: true,
    };
    expect(judgeDrill({ ...sound, everyMs: 3_600_000, wal })).toMatchObject({ ok: true, rpoMs: 10_000 });
    expect(judgeDrill({ ...sound, wal: { ...wal, everyMs: 30_000 } }).rpoMs).toBe(32_000);
    // The restore point is younger than its log's last round.
    expect(judgeDrill({ ...sound, wal: { ...wal, reachedAt: NOW - 90_000, sealedAt: NOW - 89_000 } }).rpoMs).toBe(
      30_000,
    );
    const short = judgeDrill({ ...sound, wal: { ...wal, replayed: false } });
    expect(short).toMatchObject({ ok: false, because: [expect.stringContaining('ends before 0/3')], rpoMs: 30_000 });
    const { replayed: _, everyMs: __, ...before } = { ...wal, sealedAt: wal.reachedAt };
    expect(judgeDrill({ ...sound, wal: before, ended: 'its log has a gap' })).toMatchObject({
      ok: false,
      rpoMs: 10_000,
    });
  });

  test.each<[string, Partial<DrillFacts>, RegExp]>([
    ['it broke off', { ended: 'the part database-00001 isn’t what was sealed' }, /database-00001/],
    ['the schema is another one', { schemaVersion: 2 }, /schema version 2 came back, 3 was promised/],
    [
      'a row is missing',
      { census: { ...sound.census!, differences: [{ relation: 'public.t', kind: 'rows', promised: 10, found: 9 }] } },
      /public\.t came back with 9 rows, 10 were promised/,
    ],
    ['a file is another one', { files: { compared: 1, wrong: ['number 3'] } }, /number 3/],
    ['an index is corrupt', { amcheck: { problems: ['btree index "t_pkey"'] } }, /pg_amcheck: btree index/],
  ])('did not go well when %s', (_, more, why) => {
    const result = judgeDrill({ ...sound, ...more });
    expect(result.ok).toBe(false);
    expect(result.because.join()).toMatch(why);
    // What is wrong is said; what was therefore not looked at needs no saying.
    expect(result.missing).toEqual([]);
  });

  test('of which anything wasn’t looked at is no pass, whatever else is right', () =>
    fc.assert(
      fc.property(
        fc.subarray<keyof DrillFacts>(['point', 'schemaVersion', 'census', 'files', 'amcheck'], { minLength: 1 }),
        (gone) => {
          const { ok, missing, because } = judgeDrill(lacking(...gone));
          expect({ ok, because }).toEqual({ ok: false, because: [] });
          expect(missing).toHaveLength(gone.length);
        },
      ),
    ));

  test('is told in bounded words', () => {
    const differences = Array.from({ length: 50 }, (_, i) => ({
      relation: 'x'.repeat(900),
      kind: 'new' as const,
      found: i,
    }));
    const said = drillEvidence({ ...sound, census: { ...sound.census!, differences } }, point.manifest, 'key');
    expect(said.because).toHaveLength(10);
    expect(Math.max(...said.because.map((each) => each.length))).toBe(300);
  });
});

const table = fc.record({ rows: fc.integer({ min: 0, max: 50 }), sum: fc.bigInt({ min: -5n, max: 5n }).map(String) });
const census: fc.Arbitrary<Census> = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), table)
  .map((all) => ({ tables: Object.entries(all).map(([relation, each]) => ({ relation, ...each })) }));

describe('rows', () => {
  test('that are what was promised don’t differ; any that aren’t do', () =>
    fc.assert(
      fc.property(census, census, (promised, found) => {
        expect(compareCensus(promised, promised).differences).toEqual([]);
        const { differences } = compareCensus(promised, found);
        const same = (a: Census) => JSON.stringify(a.tables.map((t) => [t.relation, t.rows, t.sum]).toSorted());
        expect(differences.length === 0).toBe(same(promised) === same(found));
      }),
    ));

  test('of a moment between two counts may be either; what is neither can’t be told', () =>
    fc.assert(
      fc.property(census, census, census, (before, after, found) => {
        const promised = censusBetween(before, after);
        expect(compareCensus(promised, after).differences).toEqual([]);
        const { differences, unsettled } = compareCensus(promised, found);
        const moving = promised.tables.filter(({ or }) => or !== undefined).map(({ relation }) => relation);
        for (const each of unsettled) expect(moving).toContain(each);
        for (const { relation, kind } of differences) if (kind !== 'gone') expect(moving).not.toContain(relation);
      }),
    ));
});

describe('the schedule', () => {
  const fresh = (takenAt: number) =>
    freshnessOf([{ id: 'rp-1', takenAt, readable: true, rollout: 'schedule' }], takenAt);
  const store = (more: Partial<ScheduledStore>): ScheduledStore => ({ cell: 'shared', store: 'main', ...more });
  const points = { failures: 0, everyMs: 60_000, freshness: fresh(NOW) };

  test('a restore point is due so long after the newest, a drill so long after the last that went well', () => {
    const drills = { failures: 0, everyMs: 300_000, lastAt: NOW - 100_000 };
    expect(scheduledWork([store({ points, drills })]).map(({ what, dueAt }) => [what, dueAt - NOW])).toEqual([
      ['restore-point', 60_000],
      ['drill', 200_000],
    ]);
  });

  test('of a log with a gap one is due within five minutes of the newest, and never later than it is anyway', () => {
    const due = (everyMs: number, gap: boolean) =>
      scheduledWork([store({ points: { ...points, everyMs, gap } })])[0]!.dueAt - NOW;
    expect([due(3_600_000, true), due(3_600_000, false), due(60_000, true)]).toEqual([300_000, 3_600_000, 60_000]);
  });

  test('of two that are due together the restore point goes first, and what is due first goes before others', () => {
    const drills = { failures: 0, everyMs: 300_000 };
    const never = { ...points, freshness: freshnessOf([], NOW) };
    const work = scheduledWork([store({ points, drills }), store({ store: 'other', points: never, drills })]);
    expect(work.map((each) => [each.store, each.what, each.dueAt])).toEqual([
      ['other', 'restore-point', 0],
      ['main', 'drill', 0],
      ['other', 'drill', 0],
      ['main', 'restore-point', NOW + 60_000],
    ]);
  });

  test('what failed comes again later each time, never sooner than it is due, nor later than it comes anyway', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1_000, max: 100 * 86_400_000 }),
        (failures, everyMs) => {
          const due = (n: number) => {
            const drills = { failures: n, triedAt: NOW, everyMs };
            return scheduledWork([store({ drills })])[0]!.dueAt - NOW;
          };
          expect(due(failures)).toBeGreaterThan(0);
          expect(due(failures + 1)).toBeGreaterThanOrEqual(due(failures));
          expect(due(failures)).toBeLessThanOrEqual(Math.min(everyMs, 3_600_000));
        },
      ),
    ));
});

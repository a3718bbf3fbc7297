import { aCell, aManifest, aMigration, aPolicy, aRelease, aRequest, digestOf } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OLDER_CODE } from '../gates/finding-waivers.ts';
import type { MigrationPhase } from '../model/release.ts';
import { ownVersion, type RanMigration } from './older-code.ts';
import type { GateSpec } from './plan.ts';
import { type PlanRequest, planPromotion } from './planner.ts';

const old = aRelease('1.0.1');
/** Built for schema 1, and derived to run on 2. */
const manifest = aManifest({ version: '1.0.1', schemaRange: { min: 1, max: 2 }, migrations: [aMigration(0)] });
const gate = (params: GateSpec['params']): GateSpec => ({ gate: 'migrations-analysed', at: 'promotion', params });
const DERIVED = gate({ contracts: 'waivers' });
const waiver = { file: old.digest, rule: OLDER_CODE, because: 'ada looked', until: '2099-12-31' };
const waived = (more: object = {}) => gate({ contracts: 'waivers', waivers: [{ ...waiver, ...more }] });

const { id, to, phase, up: file } = aMigration(1);
const ran = (more: Partial<RanMigration> = {}, as: MigrationPhase = phase): RanMigration => ({
  ...{ promotion: 'prm_7', release: aRelease('1.1.0'), migration: { id, to, phase: as, file }, removes: [] },
  ...more,
});
const { removes: _, ...unread } = ran();

function planned(
  gates: readonly GateSpec[],
  ranThere: readonly RanMigration[] | undefined,
  more: Partial<PlanRequest> = {},
) {
  const cells = [aCell({ schemaVersion: 2, schemaRange: { min: 1, max: 2 } })];
  const ranAhead = ranThere && new Map([['shared/main', ranThere]]);
  const request = { manifest, release: old, cells, policy: aPolicy({ gates }), ...(ranAhead && { ranAhead }), ...more };
  return planPromotion(aRequest(request));
}
const codes = (...args: Parameters<typeof planned>) => {
  const answer = planned(...args);
  return answer.ok ? 'planned' : answer.refusals.map(({ code }) => code).join();
};

describe('code that is older than its store’s schema, where ranges are derived', () => {
  test.each<[string, readonly RanMigration[] | undefined, readonly GateSpec[], string]>([
    ['goes where what came since only adds, as an analysis of those bytes says', [ran()], [DERIVED], 'planned'],
    ['and where it only changed rows', [ran({}, 'data')], [DERIVED], 'planned'],
    ['is refused where a contract took it further', [ran({}, 'contract')], [DERIVED], OLDER_CODE],
    ['is refused where it is declared to add and takes', [ran({ removes: ['public.a'] })], [DERIVED], OLDER_CODE],
    ['is refused where no analysis read what ran', [unread], [DERIVED], OLDER_CODE],
    ['is refused where nobody knows what ran', [], [DERIVED], OLDER_CODE],
    ['is refused where nobody looked what ran', undefined, [DERIVED], OLDER_CODE],
    ['goes once a person answers for it', [ran({}, 'contract')], [waived()], 'planned'],
    ['also where nobody knows what ran', [], [waived()], 'planned'],
    ['an answer for another release is none', [ran({}, 'contract')], [waived({ file: digestOf('1.0.2') })], OLDER_CODE],
    [
      'an answer for the contract is none for older code',
      [ran({}, 'contract')],
      [waived({ file: file.digest, rule: 'breaks-running-code' })],
      OLDER_CODE,
    ],
    ['an answer that has ended is none', [ran({}, 'contract')], [waived({ until: '2020-01-01' })], OLDER_CODE],
    ['a declared range is taken at its word', [ran({}, 'contract')], [gate({ contracts: 'ranges' })], 'planned'],
    ['and is where the gate isn’t listed', [ran({}, 'contract')], [], 'planned'],
  ])('%s', (_what, there, gates, expected) => {
    expect(codes(gates, there)).toBe(expected);
  });

  test('is told with what took it there, by which promotion, what is lacking, and every way out', () => {
    const refused = planned([DERIVED], [ran({ removes: ['public.invoice.note'] }, 'contract')]);
    expect(refused).toMatchObject({
      ok: false,
      refusals: [
        {
          where: 'cell/shared',
          why: 'store main is at schema 2, and 1.0.1 was built for 1; that it runs on more is derived, nobody said so: promotion prm_7 of 1.1.0 took it to 2 with m2.up.sql, which takes public.invoice.note from code of before',
          unblock: expect.stringMatching(
            /^promote 1\.1\.0 or a later release.*; or, once somebody has looked whether 1\.0\.1 does without it, waive older-code of this release/,
          ),
        },
      ],
    });
    const unblock = refused.ok ? '' : (refused.refusals[0]?.unblock ?? '');
    expect(unblock).toContain(`waivers:\n  - {file: "${old.digest}", rule: older-code, because: "", until: 2026-`);
    const notRead = planned([DERIVED], [unread]);
    expect(notRead.ok ? '' : notRead.refusals[0]?.unblock).toContain(
      `headgate analyse --release ${aRelease('1.1.0').digest}`,
    );
  });

  test('a release that was built for the store’s schema, or goes further, is asked nothing', () => {
    const own = aManifest({ schemaRange: { min: 2, max: 3 }, migrations: [aMigration(0), aMigration(1)] });
    expect(codes([DERIVED], undefined, { manifest: own })).toBe('planned');
    const cells = [aCell({ schemaVersion: 1, schemaRange: { min: 1, max: 2 } })];
    expect(codes([DERIVED], undefined, { manifest: own, cells })).toBe('planned');
  });

  test('the way back from a contract is no promotion: its plan brings the older code back without a question', () => {
    const next = aManifest({
      ...{ version: '1.1.0', schemaRange: { min: 2, max: 3 } },
      migrations: [aMigration(0), aMigration(1, { phase: 'contract' })],
    });
    const cells = [aCell({ schemaVersion: 1, schemaRange: { min: 1, max: 2 } })];
    const answer = planned([DERIVED], undefined, { manifest: next, release: aRelease('1.1.0'), cells });
    const undo = answer.ok
      ? answer.plan.cells[0]?.steps.find(({ action }) => action.kind === 'route')?.undo
      : undefined;
    expect(undo).toMatchObject({ kind: 'act', action: { kind: 'route', slot: 'blue' } });
  });
});

test('never goes by anything but adding that was read, a word for this release, or a range that was declared', () => {
  const some = fc.record({
    phase: fc.constantFrom<MigrationPhase>('expand', 'data', 'contract'),
    removes: fc.option(fc.constantFrom<readonly string[]>([], ['public.a'])),
    known: fc.boolean(),
    derived: fc.boolean(),
    word: fc.option(fc.record({ own: fc.boolean(), ended: fc.boolean() })),
  });
  fc.assert(
    fc.property(some, ({ phase: as, removes, known, derived, word }) => {
      const one =
        removes === null ? { ...unread, migration: { ...unread.migration, phase: as } } : ran({ removes }, as);
      const waivers =
        word === null
          ? []
          : [
              {
                ...waiver,
                ...(word.own ? {} : { file: digestOf('x') }),
                until: word.ended ? '2020-01-01' : '2099-12-31',
              },
            ];
      const gates = [gate({ contracts: derived ? 'waivers' : 'ranges', waivers })];
      const adds = known && as !== 'contract' && removes?.length === 0;
      const goes = !derived || adds || (word?.own === true && !word.ended);
      expect(codes(gates, known ? [one] : [])).toBe(goes ? 'planned' : OLDER_CODE);
    }),
  );
});

test('a release’s own version is what its migrations lead to, or the lowest that it runs on', () => {
  expect(ownVersion({ schemaRange: { min: 1, max: 4 }, migrations: [aMigration(0), aMigration(1)] })).toBe(2);
  expect(ownVersion({ schemaRange: { min: 3, max: 4 }, migrations: [] })).toBe(3);
});

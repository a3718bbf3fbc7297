import { aManifest, aMigration, aPlan, aPolicy, soundFacts } from '@headgate/testkit/domain/builders';
import { begun, breaking, endOf, reached } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import type { EvidenceFact } from '../gates/gate.ts';
import { ANALYSIS } from '../gates/migrations-analysed.ts';
import type { Migration } from '../model/release.ts';
import { decideAnswer } from '../rollout/assignment.ts';
import { leftBehind, leftWords } from './left-behind.ts';
import type { GateSpec } from './plan.ts';

const gate = (contracts: string): GateSpec => ({
  gate: 'migrations-analysed',
  at: 'promotion',
  params: { maxAgeMs: 3_600_000, longestStallMs: 1_000, contracts },
});
const NOTE = ['public.invoice.note'];
/** What the analysis says of the only migration: that it takes this from running code. */
const evidence = (removes?: readonly string[]): readonly EvidenceFact[] =>
  soundFacts().evidence.map((each) =>
    each.predicateType !== ANALYSIS || each.analysis === undefined
      ? each
      : {
          ...each,
          analysis: {
            ...each.analysis,
            migrations: each.analysis.migrations.map((one) => (removes === undefined ? one : { ...one, removes })),
          },
        },
  );

/** A promotion whose first customer fails, gone back as far as its migration's undo goes. */
function goneBack(migration: Partial<Migration>, contracts = 'waivers') {
  const manifest = aManifest({ migrations: [aMigration(1, migration)] });
  const world = begun(aPlan({ manifest, policy: aPolicy({ gates: [gate(contracts)] }) }));
  const fails = breaking('shared', 'w1.verify', 'ada');
  world.run(fails, () => world.ended() || reached(world, 'asking')());
  // What may lose data is agreed to.
  const yes = { id: 'usr_approver', roles: ['approver'] } as const;
  world.answer('shared', (rollout, now) => decideAnswer(rollout, world.cellPlan('shared'), yes, now, 'agree'));
  return world.run(fails);
}
const told = (migration: Partial<Migration>, contracts?: string, removes?: readonly string[]) => {
  const { plan, rollouts } = goneBack(migration, contracts);
  return leftBehind(plan, rollouts, evidence(removes));
};

describe('what a rollback leaves in a store that takes something from the code that serves again', () => {
  test('is a contract that is kept, where ranges are derived', () => {
    expect(told({ phase: 'contract', undo: 'keep' }, 'waivers', NOTE)).toMatchObject([
      { cell: 'shared', store: 'main', removes: NOTE, migration: { to: 2, phase: 'contract' } },
    ]);
  });
  test('is what is declared to add and takes something all the same, whatever the ranges are', () => {
    for (const contracts of ['waivers', 'ranges'])
      expect(told({ phase: 'expand', undo: 'keep' }, contracts, NOTE)).toMatchObject([{ removes: NOTE }]);
  });
  test.each<[string, Partial<Migration>, string, readonly string[] | undefined]>([
    ['what only adds', { phase: 'expand', undo: 'keep' }, 'waivers', undefined],
    [
      'a contract of which declared ranges say that the code before runs there',
      { phase: 'contract', undo: 'keep' },
      'ranges',
      NOTE,
    ],
    ['what its way back took away again', { phase: 'contract', undo: 'down', down: aMigration(7).up }, 'waivers', NOTE],
  ])('is not %s', (_what, migration, contracts, removes) => {
    expect(told(migration, contracts, removes)).toEqual([]);
  });
});

test('a promotion that ends so says what serves, on which schema, what is missing there, and what ends it', () => {
  const world = goneBack({ phase: 'contract', undo: 'keep' });
  expect(endOf(world)).toBe('rolled-back');
  expect(world.promotion).toMatchObject({
    because: expect.stringMatching(
      /^step w1\.verify of cell shared failed .*; NOT ALL IS AS BEFORE: in cell shared 1\.0\.0 serves with store main at schema 2, to which \S+ took it: that takes something from code of before\. What names it fails until a release is promoted that does without it$/,
    ),
  });
});

test('… however long its reason is, and however much there is of it', () => {
  const [one] = told({ phase: 'contract', undo: 'keep' }, 'waivers', NOTE);
  if (one === undefined) throw new Error('nothing was left');
  const words = leftWords(Array.from({ length: 50 }, () => ({ ...one, removes: ['x'.repeat(5_000)] })));
  expect(words.length).toBeLessThan(1_000);
  expect(words).toContain('and 47 more');
});

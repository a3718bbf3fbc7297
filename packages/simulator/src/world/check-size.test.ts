import type { Plan } from '@headgate/domain';
import { aPlan } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { Run } from '../engine/run.ts';
import { openPromotion } from '../history/check-promotion.ts';
import { indexOfPlan } from '../history/plan-index.ts';
import type { PromotionTrack, RolloutTrack } from '../history/tracks.ts';
import { Simulator } from '../simulate.ts';
import { checkCompleted, completedOf, LEAST } from './check-size.ts';
import { type Scenario, scenarioOf } from './scenario.ts';

/** Seed 20261121: after a promotion was kept half way, one more took the rest, in 19 steps. */
const REST = { seed: 20_261_121, index: 188_376 };

function track(id: string, steps: number, result: string, plan: Plan = aPlan()): readonly [string, PromotionTrack] {
  const { release, latestFinish } = plan;
  const requested = { id, release, latestFinish, application: 'psa', environment: 'production', plan: release.digest };
  const of = { envelope: release.digest, requester: 'usr_a', authors: [], cells: [], waves: 3 };
  const promotion = openPromotion({ ...requested, ...of }, indexOfPlan(plan));
  promotion.result = result;
  promotion.rollouts.set('shared', { cursor: steps } as RolloutTrack);
  return [id, promotion];
}

function saidOf(tracks: readonly (readonly [string, PromotionTrack])[]): string[] {
  const said: string[] = [];
  const [, last] = tracks.at(-1) as readonly [string, PromotionTrack];
  checkCompleted(last, new Map(tracks), (invariant) => said.push(invariant));
  return said;
}

test('whoever completes has carried out 40 steps', () => {
  expect(saidOf([track('a', LEAST.steps, 'promoted')])).toEqual([]);
  expect(saidOf([track('a', LEAST.steps - 1, 'promoted')])).toEqual(['large-enough']);
});

test('who finishes a promotion that was kept half way is counted with it, and with no other', () => {
  const other = aPlan();
  const otherRelease = { ...other, release: { ...other.release, digest: `sha256:${'0'.repeat(64)}` as const } };
  expect(saidOf([track('a', 38, 'partly-rolled-back'), track('b', 2, 'promoted')])).toEqual([]);
  expect(saidOf([track('a', 37, 'partly-rolled-back'), track('b', 2, 'promoted')])).toEqual(['large-enough']);
  for (const first of [track('a', 90, 'rolled-back'), track('a', 90, 'partly-rolled-back', otherRelease)])
    expect(saidOf([first, track('b', 2, 'promoted')])).toEqual(['large-enough']);
});

test('a rest is no measure of the fewest steps', async () => {
  const scenario = scenarioOf({ seed: REST.seed, faults: 1, acts: 1, fleets: 32 }, REST.index);
  const lived = await new Simulator(REST.seed).live(scenario);
  expect(lived.violations).toEqual([]);
  expect(lived.completed).toEqual([{ steps: 19, rest: true }]);
  const tracks = new Map([track('a', 50, 'promoted')]);
  expect(completedOf(tracks)).toEqual([{ steps: 50, rest: false }]);
});

test('a world whose plans are too small is a violation', async () => {
  const quiet: Scenario = { ...scenarioOf({ seed: 7, faults: 0, acts: 0, fleets: 4 }, 1), faults: [], acts: [] };
  const fleet = await new Simulator(7).fleet(quiet.fleet);
  const writes = fleet.commit.writes.filter(({ stream }) => !/^document\/Cell\/c[3-9]$/.test(stream));
  const lived = await new Run({ ...fleet, commit: { ...fleet.commit, writes } }, quiet).live();
  expect(lived.violations.map((v) => v.invariant)).toEqual(['large-enough']);
});

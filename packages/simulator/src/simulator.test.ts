import { digestOfJson } from '@headgate/documents';
import { describe, expect, test } from 'vitest';
import { Simulator } from './simulate.ts';
import { type Act, scenarioOf } from './world/scenario.ts';

const OPTIONS = { seed: 7, faults: 1, acts: 1, fleets: 12 };

test('hundreds of promotions, with a fault each on average, violate nothing', { timeout: 300_000 }, async () => {
  const run = await new Simulator(OPTIONS.seed).simulate({
    ...OPTIONS,
    from: 0,
    promotions: 300,
    events: 0,
    stride: 1,
  });
  expect(run.found?.violations ?? []).toEqual([]);
  expect(run.completed).toBeGreaterThan(150);
  expect(run.results['rolled-back']).toBeGreaterThan(10);
  expect(run.fewestSteps).toBeGreaterThanOrEqual(40);
});

test('far more faults than real life has violate nothing', { timeout: 300_000 }, async () => {
  const harsh = { ...OPTIONS, faults: 5, acts: 4 };
  const run = await new Simulator(OPTIONS.seed).simulate({ ...harsh, from: 0, promotions: 150, events: 0, stride: 1 });
  expect(run.found?.violations ?? []).toEqual([]);
});

test('the same seed is the same history, and each promotion is the same when it is lived through alone', async () => {
  const digests = async (simulator: Simulator, indices: readonly number[]): Promise<string[]> => {
    const all: string[] = [];
    for (const index of indices)
      all.push(digestOfJson((await simulator.live(scenarioOf({ ...OPTIONS, faults: 3 }, index))).entries as never));
    return all;
  };
  const first = await digests(new Simulator(OPTIONS.seed), [0, 1, 2, 3, 4, 5, 6, 7]);
  expect(await digests(new Simulator(OPTIONS.seed), [0, 1, 2, 3, 4, 5, 6, 7])).toEqual(first);
  expect(await digests(new Simulator(OPTIONS.seed), [5])).toEqual([first[5]]);
  expect(new Set(first).size).toBe(first.length);
});

describe('two promotions in one environment', () => {
  const live = (act: Act): ReturnType<Simulator['live']> => {
    const quiet = { ...scenarioOf({ ...OPTIONS, faults: 0, acts: 0 }, 1), acts: [act] };
    return new Simulator(OPTIONS.seed).live(quiet);
  };

  test('the one that finds a cell in the other’s hands waits, and says whose', async () => {
    const { entries, violations } = await live('rival');
    expect(violations).toEqual([]);
    const waits = entries
      .filter((e) => e.type === 'promotion.waiting')
      .map((e) => (e.data as { reason: string }).reason);
    expect(waits).toContainEqual(expect.stringMatching(/^busy: cell c(\d) is held by rollout\/prm_\w+\.c\1$/));
  });

  test('a hotfix that overtakes takes the other’s place, and finds its plan’s base as it was predicted', async () => {
    const simulator = new Simulator(OPTIONS.seed);
    let overtaken = 0;
    for (let index = 0; index < 40; index++) {
      const quiet = { ...scenarioOf({ ...OPTIONS, faults: 0, acts: 0 }, index), acts: ['overtakes'] as const };
      const { entries, violations } = await simulator.live(quiet);
      expect(violations).toEqual([]);
      if (!entries.some(({ type }) => type === 'promotion.overtaken')) continue;
      overtaken++;
      const ended = entries.filter(({ type }) => type === 'promotion.ended');
      expect(ended.map(({ data }) => (data as { result: string }).result)).toEqual(['superseded', 'promoted']);
    }
    expect(overtaken).toBeGreaterThan(3);
  });

  test('the one that ends well later supersedes the other’s watch', async () => {
    const { entries, violations } = await live('sequel');
    expect(violations).toEqual([]);
    const watch = entries.filter((e) => e.type.startsWith('hypercare.')).map((e) => e.type);
    expect(watch).toEqual(['hypercare.begun', 'hypercare.ended', 'hypercare.begun']);
  });
});

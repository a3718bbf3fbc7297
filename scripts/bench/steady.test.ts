import { expect, test } from 'vitest';
import { median } from './arithmetic.ts';
import { errorOfMedian, steadyMedian } from './steady.ts';

const TARGET = 1.2;
const UNTIL = { least: 9, most: 31, within: 0.025 };

/** Rounds that differ as those of a busy machine do, the same in each run: about a seventh, and one in ten far off. */
function noisy(truth: number, seed: number): () => Promise<number> {
  let state = seed * 2_654_435_761 + 1;
  const chance = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  return async () => {
    const around = (chance() + chance() + chance() + chance() - 2) * 0.25;
    const burst = chance() < 0.1 ? 0.6 * chance() : 0;
    return truth * (1 + around + burst);
  };
}
const seeds = Array.from({ length: 300 }, (_, i) => i + 1);

test('what three noisy rounds get wrong now and then, as many as it takes don’t', async () => {
  const three = await Promise.all(
    seeds.map(async (seed) => {
      const round = noisy(1.05, seed);
      return median([await round(), await round(), await round()]);
    }),
  );
  const steady = await Promise.all(seeds.map((seed) => steadyMedian(noisy(1.05, seed), UNTIL)));
  expect(three.filter((value) => value > TARGET).length).toBeGreaterThan(5);
  expect(steady.filter(({ value }) => value > TARGET)).toEqual([]);
});

test('what grows is never taken for noise', async () => {
  const steady = await Promise.all(seeds.map((seed) => steadyMedian(noisy(1.35, seed), UNTIL)));
  expect(steady.filter(({ value }) => value <= TARGET)).toEqual([]);
});

test('rounds that agree are few, and those that never do have an end', async () => {
  expect(await steadyMedian(async () => 1.1, UNTIL)).toMatchObject({ value: 1.1, rounds: 9 });
  let up = 0;
  const swinging = await steadyMedian(async () => 1 + (up++ % 2), UNTIL);
  expect(swinging).toMatchObject({ rounds: 31 });
  expect(swinging.error).toBeGreaterThan(UNTIL.within);
});

test('a round that measured nothing ends it, unmeasured', async () => {
  expect((await steadyMedian(async () => Number.NaN, UNTIL)).value).toBeNaN();
  expect(errorOfMedian([])).toBeNaN();
});

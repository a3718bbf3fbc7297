import { expect, test } from 'vitest';
import { percentile, ratio } from './arithmetic.ts';
import { growthOf, ROUNDS } from './lists.ts';
import { jackknife, steadied } from './steady.ts';

const TARGET = 1.2;

/**
 * Rounds of answers as those of a busy machine, the same in each run: milliseconds that differ by a third, one answer in ten
 * twice as long, now and then a round in which all is slower.
 */
function noisy(growth: number, seed: number): () => Promise<{ large: number[]; small: number[] }> {
  let state = seed * 2_654_435_761 + 1;
  const chance = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  const answer = () => 4 + chance() + chance() + (chance() < 0.1 ? 6 * chance() : 0);
  return async () => {
    const busy = chance() < 0.1 ? 1 + chance() : 1;
    return {
      large: Array.from({ length: 60 }, () => growth * busy * answer()),
      small: Array.from({ length: 60 }, () => busy * answer()),
    };
  };
}
const seeds = Array.from({ length: 30 }, (_, i) => i + 1);
const measured = (growth: number) => Promise.all(seeds.map((seed) => steadied(noisy(growth, seed), growthOf, ROUNDS)));

test('what one noisy round gets wrong now and then, as many as it takes don’t', async () => {
  const one = await Promise.all(seeds.map(async (seed) => growthOf([await noisy(1.02, seed)()])));
  expect(one.filter((value) => value > TARGET).length).toBeGreaterThan(0);
  expect((await measured(1.02)).filter(({ value }) => value > TARGET)).toEqual([]);
});

test('what grows is never taken for noise', async () => {
  expect((await measured(1.45)).filter(({ value }) => value <= TARGET)).toEqual([]);
});

test('the growth is one p95 by the other, of all answers of all rounds', () => {
  const rounds = [
    { large: [1, 2, 30], small: [1, 1, 1] },
    { large: [4, 5, 6], small: [2, 2, 10] },
  ];
  expect(growthOf(rounds)).toBe(ratio(percentile([1, 2, 30, 4, 5, 6], 0.95), percentile([1, 1, 1, 2, 2, 10], 0.95)));
});

test('rounds that agree are few, and those that never do have an end', async () => {
  const [first = Number.NaN] = [1.1];
  const middle = (rounds: readonly number[]) => rounds.reduce((a, b) => a + b, 0) / rounds.length;
  expect(await steadied(async () => first, middle, ROUNDS)).toMatchObject({ rounds: ROUNDS.least });
  let up = 0;
  const swinging = await steadied(async () => 1 + (up++ % 2), middle, ROUNDS);
  expect(swinging).toMatchObject({ rounds: ROUNDS.most });
  expect(swinging.error).toBeGreaterThan(ROUNDS.within);
});

test('a round that measured nothing ends it, unmeasured', async () => {
  const first = (rounds: readonly number[]) => rounds[0] ?? Number.NaN;
  expect(await steadied(async () => Number.NaN, first, ROUNDS)).toMatchObject({ value: Number.NaN, rounds: 1 });
  expect(jackknife([1], first)).toBeNaN();
});

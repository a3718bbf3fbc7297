import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basisPoints, centsToJson, divideRounded, timeAmount } from '../money.ts';

test('rounds half away from zero', () => {
  for (const [top, bottom, expected] of [
    [1n, 2n, 1n],
    [-1n, 2n, -1n],
    [149n, 100n, 1n],
    [150n, 100n, 2n],
    [-150n, 100n, -2n],
    [0n, 7n, 0n],
  ] as const) {
    assert.equal(divideRounded(top, bottom), expected, `${top} / ${bottom}`);
  }
});

test('bills minutes as a share of the hour', () => {
  assert.equal(timeAmount(60, 10_000n), 10_000n);
  assert.equal(timeAmount(1, 10_000n), 167n);
  assert.equal(timeAmount(45, 8_333n), 6_250n);
});

test('takes hundredths of a percent', () => {
  assert.equal(basisPoints(10_000n, 1_900), 1_900n);
  assert.equal(basisPoints(3n, 1_900), 1n);
  assert.equal(basisPoints(10_000n, 0), 0n);
});

test('keeps amounts beyond 2^53 exact, and refuses to write them as JSON numbers', () => {
  assert.equal(basisPoints(90_071_992_547_409_930n, 10_000), 90_071_992_547_409_930n);
  assert.throws(() => centsToJson(9_007_199_254_740_993n), RangeError);
  assert.equal(centsToJson(-12n), -12);
});

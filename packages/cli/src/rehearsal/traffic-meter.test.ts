import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TrafficMeter } from './traffic-meter.ts';

const A = 'http://127.0.0.1:1/a';
const B = 'http://127.0.0.1:1/b';

/** Answers of one address, one every 200 ms: `.` good, `x` not. */
function answers(text: string, turnAfter = text.length): ReturnType<TrafficMeter['told']> {
  const meter = new TrafficMeter([A], 200, 0);
  [...text].forEach((each, i) => {
    if (i === turnAfter) meter.turn(i * 200 + 10);
    meter.ended(A, each === '.', 10, (i + 1) * 200);
  });
  meter.close(text.length * 200);
  return meter.told([A]);
}

test.each([
  ['good answers alone leave the time between two of them', '..........', 0, 200],
  ['one failure is out from the good answer before it to the next', '...x....', 1, 400],
  ['failures in a row are one outage', '...xxx....', 3, 800],
  ['every other one failing is one outage until it is steady', `.x.x.x.x.x${'.'.repeat(12)}`, 5, 2_000],
  ['failing to the end is out to the end', '..xxxx', 4, 800],
  ['failing from the beginning is out from the beginning', 'xx...', 2, 600],
  ['two outages with steadiness between count each for itself', `.xx${'.'.repeat(10)}.x.`, 3, 600],
])('%s', (_, text, failed, outageMs) => {
  const { forward, back } = answers(text);
  expect(forward).toEqual({ requests: text.length, failed, slowestMs: text.includes('.') ? 10 : 0, outageMs });
  expect(back).toEqual({ requests: 0, failed: 0, slowestMs: 0, outageMs: 0 });
});

test('a good answer that came late is told as slow, and its address as out meanwhile', () => {
  const meter = new TrafficMeter([A], 200, 0);
  meter.ended(A, true, 20, 100);
  meter.ended(A, true, 2_900, 3_100);
  expect(meter.told([A]).forward).toEqual({ requests: 2, failed: 0, slowestMs: 2_900, outageMs: 3_000 });
});

test('an outage of one address isn’t covered up by another’s good answers', () => {
  const meter = new TrafficMeter([A, B], 200, 0);
  for (let at = 200; at <= 4_000; at += 200) {
    meter.ended(A, true, 5, at);
    meter.ended(B, at < 1_000, 5, at);
  }
  meter.close(4_000);
  expect(meter.told([A, B]).forward).toMatchObject({ requests: 40, failed: 16, outageMs: 3_200 });
});

test('good answers that are waited for are those from then on, in a row, of every address', () => {
  const meter = new TrafficMeter([A, B], 200, 0);
  for (let at = 200; at <= 4_000; at += 200) for (const to of [A, B]) meter.ended(to, true, 5, at);
  expect(meter.fresh).toBe(20);
  meter.waitFor();
  expect(meter.fresh).toBe(0);
  for (const to of [A, A, B, A]) meter.ended(to, true, 5, 4_200);
  expect(meter.fresh).toBe(1);
  meter.ended(A, false, 5, 4_400);
  expect(meter.fresh).toBe(0);
});

test('forward and back are counted for themselves; an outage over the turn counts both ways', () => {
  const { forward, back } = answers('....xx....', 5);
  expect(forward).toEqual({ requests: 5, failed: 1, slowestMs: 10, outageMs: 210 });
  expect(back).toEqual({ requests: 5, failed: 1, slowestMs: 10, outageMs: 600 });
});

test('no answer makes an outage shorter than it was without it', () =>
  fc.assert(
    fc.property(fc.array(fc.constantFrom('.', 'x'), { minLength: 1, maxLength: 60 }), (given) => {
      const { forward } = answers(given.join(''));
      const longestRun = Math.max(0, ...(given.join('').match(/x+/g) ?? []).map(({ length }) => length));
      expect(forward.failed).toBe(given.filter((each) => each === 'x').length);
      expect(forward.outageMs).toBeGreaterThanOrEqual(longestRun * 200);
      expect(forward.outageMs).toBeLessThanOrEqual(given.length * 200);
    }),
  ));

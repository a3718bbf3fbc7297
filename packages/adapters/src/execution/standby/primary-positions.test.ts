import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PrimaryPositions, placeOf } from './primary-positions.ts';

const HOUR = 3_600_000;
/** Stamps that say that nothing has lagged: a clock that lies. */
const LYING = { primaryNowMs: HOUR, replayedCommitMs: HOUR };
const SILENT = { primaryNowMs: HOUR, replayedCommitMs: undefined };

function seen(...all: readonly (readonly [place: bigint, at: number])[]): PrimaryPositions {
  const positions = new PrimaryPositions();
  for (const [place, at] of all) positions.saw(place, at);
  return positions;
}

test('a standby that has all that was written is not behind, however long ago that was', () => {
  const idle = { primaryNowMs: 9 * HOUR, replayedCommitMs: 0 };
  expect(seen([100n, 0], [100n, HOUR]).lagMs(100n, 100n, HOUR + 400, idle)).toBe(0);
  expect(seen().lagMs(100n, 100n, HOUR, idle)).toBe(0);
});

test('one that hasn’t is behind since the log was last seen not beyond what it has', () => {
  const positions = seen([100n, 0], [100n, 5_000], [200n, 10_000], [300n, 15_000]);
  expect(positions.lagMs(100n, 300n, 20_000, SILENT)).toBe(15_000);
  expect(positions.lagMs(250n, 300n, 20_000, SILENT)).toBe(10_000);
});

test('after hours of idleness a burst makes a lag of moments, not of hours', () => {
  const idle = { primaryNowMs: 9 * HOUR, replayedCommitMs: 0 };
  expect(seen([100n, 0], [100n, HOUR]).lagMs(100n, 500n, HOUR + 40, idle)).toBe(40);
});

test('a clock that lies doesn’t count where we saw it ourselves, and never shortens what we saw', () => {
  expect(seen([100n, 0], [200n, 5_000]).lagMs(100n, 200n, 60_000, LYING)).toBe(60_000);
  expect(seen([200n, 0], [300n, 5_000]).lagMs(100n, 300n, 60_000, LYING)).toBe(60_000);
});

test('what was written before we looked counts by the database’s own stamps, and without them isn’t known', () => {
  const stamps = { primaryNowMs: 2 * HOUR, replayedCommitMs: HOUR };
  expect(seen([200n, 0]).lagMs(100n, 200n, 10, stamps)).toBe(HOUR);
  expect(seen([200n, 0]).lagMs(100n, 200n, 10, SILENT)).toBeUndefined();
  // The primary's clock was set back.
  expect(seen([200n, 0]).lagMs(100n, 200n, 10, { primaryNowMs: HOUR, replayedCommitMs: 2 * HOUR })).toBeUndefined();
});

test('a primary that was brought back to an earlier place is another one: what was seen before is forgotten', () => {
  expect(seen([100n, 0], [50n, 5_000], [80n, 6_000]).lagMs(60n, 80n, 7_000, SILENT)).toBe(2_000);
  expect(seen([10n, 0], [200n, 1_000], [100n, 5_000]).lagMs(60n, 100n, 6_000, SILENT)).toBeUndefined();
});

test('however many positions are remembered, a lag is never said to be shorter than it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_000 }), fc.integer({ min: 0, max: 9_000 }), (looks, behind) => {
      const positions = new PrimaryPositions();
      for (let i = 0; i <= looks; i++) positions.saw(BigInt(i), i * 10);
      const replayed = Math.max(0, looks - behind);
      const lag = positions.lagMs(BigInt(replayed), BigInt(looks), looks * 10, {
        primaryNowMs: looks * 10,
        replayedCommitMs: replayed * 10,
      });
      // What came after that place was written later than we saw the log there.
      const truth = replayed >= looks ? 0 : (looks - replayed) * 10;
      expect(lag).toBeGreaterThanOrEqual(truth);
    }),
    { numRuns: 60 },
  );
});

test('places are read as PostgreSQL writes them', () => {
  expect(placeOf('1/2A')).toBe(0x1_0000_002an);
  expect(() => placeOf('nothing')).toThrow(/can’t be read/);
});

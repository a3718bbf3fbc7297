import type { Pass, RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import { digestOf } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { rehearsalLines } from './words.ts';

const migration = (to: number, down: boolean) => ({
  ...{ id: `m${to}`, from: to - 1, to, phase: 'expand' as const, undo: down ? ('down' as const) : ('keep' as const) },
  ...{ up: digestOf(`m${to}`), ...(down && { down: digestOf(`m${to}.down`) }) },
});
const lines = (
  migrations: readonly ReturnType<typeof migration>[],
  comparisons: RehearsalFacts['comparisons'] = [],
): readonly string[] => {
  const pass = (direction: Pass['direction']): Pass => ({
    ...{ direction, durationMs: 1, files: [], stalls: [], unwatched: [] },
  });
  return rehearsalLines(
    'shop 1.2.0',
    {
      ...{ at: 0, from: { store: 'main' }, runner: 'headgate', schema: { from: 0, to: migrations.length }, migrations },
      copy: { how: 'dump', of: 'shop', takenAt: 0, server: 15, bytes: 1, rows: 1, readyMs: 1 },
      passes: [pass('forward'), ...comparisons.map(() => pass('back'))],
      ...{ comparisons, plans: { compared: 0, source: 'none', changes: [] }, missing: [] },
    },
    1_000,
  );
};
const closing = (...migrations: ReturnType<typeof migration>[]): string => lines(migrations).at(-1)!;

test('that a way back wasn’t run, since another has none, isn’t told as if there were none', () => {
  expect(closing(migration(1, false))).toContain('; going back is not a migration: the release keeps');
  expect(closing(migration(1, false), migration(2, true), migration(3, false))).toContain(
    '; the ways back that there are were NOT run, since m1, m3 have none: the release keeps',
  );
});

test('how far the ways back lead is told, and from where on there is none', () => {
  const all = [migration(1, true), migration(2, false), migration(3, true)];
  const told = lines(all, [{ what: 'back', differences: [] }]);
  const end = 'at schema 2: from there on there is no way back, since m2 has none';
  expect(told).toContain(`  Every object and every row is as it was ${end}.`);
  expect(told.at(-1)).toContain(`; the way back leads ${end}: the release keeps`);
  const wrong = lines(all, [{ what: 'back', differences: [{ kind: 'rows', relation: 't', before: 1, after: 2 }] }]);
  expect(wrong).toContain(`  1 difference from ${end}:`);
});

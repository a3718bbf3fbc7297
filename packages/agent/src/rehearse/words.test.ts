import { digestOf } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { rehearsalLines } from './words.ts';

const migration = (to: number, down: boolean) => ({
  ...{ id: `m${to}`, from: to - 1, to, phase: 'expand' as const, undo: down ? ('down' as const) : ('keep' as const) },
  ...{ up: digestOf(`m${to}`), ...(down && { down: digestOf(`m${to}.down`) }) },
});
const closing = (...migrations: ReturnType<typeof migration>[]): string =>
  rehearsalLines(
    'shop 1.2.0',
    {
      ...{ at: 0, from: { store: 'main' }, runner: 'headgate', schema: { from: 0, to: migrations.length }, migrations },
      copy: { how: 'dump', of: 'shop', takenAt: 0, server: 15, bytes: 1, rows: 1, readyMs: 1 },
      passes: [{ direction: 'forward', durationMs: 1, files: [], stalls: [], unwatched: [] }],
      ...{ comparisons: [], plans: { compared: 0, source: 'none', changes: [] }, missing: [] },
    },
    1_000,
  ).at(-1)!;

test('that a way back wasn’t run, since another has none, isn’t told as if there were none', () => {
  expect(closing(migration(1, false))).toContain('; going back is not a migration: the release keeps');
  expect(closing(migration(1, false), migration(2, true), migration(3, false))).toContain(
    '; the ways back that there are were NOT run, since m1, m3 have none: the release keeps',
  );
});

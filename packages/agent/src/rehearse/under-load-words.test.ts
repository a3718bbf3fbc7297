import type { UnderLoadFacts } from '@headgate/domain/rehearsal/under-load';
import { digestOf } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { underLoadLines } from './under-load-words.ts';

const restored = { at: 'as it had committed once', tookMs: 7_000, differences: [] };
const lines = (more: Partial<UnderLoadFacts> = {}): string =>
  underLoadLines({
    underLoad: {
      ...{ seed: 1, sessions: 2, everyMs: 100, attempts: 3, calls: 9, durationMs: 60_000, lockTimeouts: 0 },
      verification: { name: 'business', digest: digestOf('business') },
      old: { digest: digestOf('old'), version: '1.0.0' },
      ...{ deadlocks: 0, failures: [], interruptions: [], stalls: [], written: [] },
      quiet: { transactions: 4, failed: 0 },
      during: { transactions: 812, failed: 812, longestMs: 900 },
      end: { tables: 441, differences: [] },
      held: { looks: 900, sessions: 0, restored },
      ...more,
    },
  } as never).join('\n');

test('of a tenant that is held it is told who was turned away, and not that all of it failed', () => {
  const told = lines();
  expect(told).toContain(
    '\n  meanwhile: 812 transactions tried, all turned away, since the tenant is held; the longest waited 900 ms; nobody of the application’s in its database\n',
  );
  expect(told).toContain('\n  The schema, the files and 441 tables came out as undisturbed.\n');
  expect(told).toMatch(/came back in 7.0 s, .* ended as it had committed once: every object, every row and every file/);
  expect(told).not.toMatch(/FAILED|failed, 95%|rows could be counted/);
});

test('who got in, and a restore that isn’t what it was, stand out', () => {
  const differences = [{ kind: 'rows', relation: 'public.t', before: 1, after: 2 } as const];
  const told = lines({
    during: { transactions: 812, failed: 811 },
    failures: [{ tenant: 'acme', why: 'it was carried out', beside: 'beside the restore' }],
    held: { looks: 900, sessions: 3, restored: { ...restored, differences } },
  });
  expect(told).toContain('812 transactions tried, 1 carried out; 3 sessions of the application’s in its database');
  expect(told).toContain('    GOT IN acme: it was carried out (beside the restore)');
  expect(told).toMatch(/1 difference from what it was: Its restore point came back .*\n {4}public\.t: 1 row/);
  expect(lines({ held: { looks: 1, sessions: 0 } })).toContain('was not brought back after an upgrade that was ended');
});

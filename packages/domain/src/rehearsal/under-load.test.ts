import { expect, test } from 'vitest';
import {
  type Interruption,
  rowsAstray,
  type UnderLoadFacts,
  underLoadEvidence,
  underLoadReasons,
} from './under-load.ts';

const verification = { name: 'billing', digest: 'sha256:1' } as const;
const interruption: Interruption = {
  ...{
    file: '1.sql',
    moment: 'within' as const,
    at: 'after statement 1, before its commit',
    done: true,
    said: 'broke off',
  },
  ...{ stood: 0, expected: 0 },
};
const facts = (more: Partial<UnderLoadFacts> = {}): UnderLoadFacts => ({
  ...{ seed: 1, verification, old: { digest: 'sha256:2', version: '1.0.0' }, sessions: 4, everyMs: 100, attempts: 3 },
  quiet: { transactions: 20, failed: 0, p95Ms: 10, longestMs: 12 },
  during: { transactions: 80, failed: 0, p95Ms: 30, longestMs: 2_100.4 },
  ...{
    failures: [],
    interruptions: [interruption],
    calls: 2,
    durationMs: 900,
    stalls: [],
    deadlocks: 0,
    lockTimeouts: 0,
  },
  end: { tables: 7, differences: [] },
  written: [{ relation: 'public.invoice', each: 1, least: 120, most: 120, found: 120 }],
  ...more,
});

test('what went well counts with the version, the transactions and how often it was interrupted', () => {
  expect(underLoadReasons(undefined)).toEqual([]);
  expect(underLoadReasons(facts())).toEqual([]);
  expect(underLoadEvidence(undefined)).toBeUndefined();
  expect(underLoadEvidence(facts())).toEqual({
    ...{ old: '1.0.0', verification, interruptions: 1, transactions: 80, longestMs: 2_100 },
  });
});

const failure = { tenant: 'acme', check: 'bill/post', why: 'expected 201, found 500', beside: 'beside 1.sql, call 2' };
test.each<[what: string, more: Partial<UnderLoadFacts>, why: RegExp]>([
  [
    'a transaction that failed meanwhile',
    { during: { transactions: 80, failed: 1 }, failures: [failure] },
    /1 of 80 business transactions of 1\.0\.0 failed while they ran/,
  ],
  ['one that failed before', { quiet: { transactions: 20, failed: 2 } }, /2 of 20 business transactions failed before/],
  [
    'nobody at work before',
    { quiet: { transactions: 0, failed: 0 } },
    /no business transaction of 1\.0\.0 went well before/,
  ],
  ['nobody at work meanwhile', { during: { transactions: 0, failed: 0 } }, /no business transaction ended while/],
  ['one who works alone', { sessions: 1 }, /under load: 1 session worked, and at least 2 have to at once/],
  [
    'too few transactions meanwhile',
    { during: { transactions: 19, failed: 0 } },
    /only 19 business transactions ended while the migrations ran, and at least 20 have to: .*--sessions/,
  ],
  [
    'migrations that stop',
    { stopped: '1.sql: no such column', end: undefined as never, written: [] },
    /didn’t come to their end: 1\.sql: no such column/,
  ],
  [
    'a schema version that isn’t the one it should be',
    { interruptions: [{ ...interruption, stood: 1 }] },
    /1\.sql, interrupted after statement 1.* stood at schema 1 and not at 0/,
  ],
  ['nothing interrupted', { interruptions: [{ ...interruption, done: false }] }, /nothing was interrupted/],
  [
    'another end',
    { end: { tables: 7, differences: [{ kind: 'rows', relation: 'public.t', before: 3, after: 4 }] } },
    /not as when undisturbed: public\.t: 3 rows before, 4 after/,
  ],
  ['an end that nobody compared', { end: undefined as never }, /was not compared/],
  [
    'rows that are lost',
    { written: [{ relation: 'public.t', each: 1, least: 9, most: 9, found: 8 }] },
    /public\.t: 1 of the rows that sessions wrote is lost \(8, at least 9\)/,
  ],
  [
    'rows that are there twice',
    { written: [{ relation: 'public.t', each: 1, least: 9, most: 9, found: 12 }] },
    /public\.t: 3 rows too many, written twice \(12, at most 9\)/,
  ],
  ['nothing counted', { written: [] }, /it isn’t known whether writes were lost/],
])('%s is a reason, and is no evidence', (_, more, why) => {
  expect(underLoadReasons(facts(more)).join('\n')).toMatch(why);
  expect(underLoadEvidence(facts(more))).toBeUndefined();
});

const held = (more: Partial<UnderLoadFacts> = {}): UnderLoadFacts =>
  facts({
    during: { transactions: 80, failed: 80, longestMs: 20_001.2 },
    written: [],
    held: { looks: 900, sessions: 0, restored: { at: 'as it had committed once', tookMs: 7_000, differences: [] } },
    ...more,
  });
const other = [{ kind: 'rows', relation: 'public.t', before: 3, after: 4 } as const];

test('of a tenant that is held everybody has to be turned away, and it has to come back', () => {
  expect(underLoadReasons(held())).toEqual([]);
  expect(underLoadEvidence(held())).toEqual({
    ...{ old: '1.0.0', verification, interruptions: 1, transactions: 80, longestMs: 20_001, held: true },
  });
});

test.each<[what: string, more: Partial<UnderLoadFacts>, why: RegExp]>([
  [
    'a transaction that was carried out',
    {
      during: { transactions: 80, failed: 79 },
      failures: [{ tenant: 'acme', why: 'it was carried out', beside: 'x' }],
    },
    /1 of 80 business transactions of 1\.0\.0 were carried out although their tenant was held\n.*acme: it was carried out \(x\)/,
  ],
  [
    'a session in its database',
    { held: { ...held().held!, sessions: 2 } },
    /2 sessions of 1\.0\.0 were in the database while its tenant was held/,
  ],
  ['nobody who looked', { held: { ...held().held!, looks: 0 } }, /nobody looked who was in the database/],
  ['nobody who came', { during: { transactions: 3, failed: 3 } }, /only 3 business transactions ended/],
  ['no way back', { held: { looks: 1, sessions: 0 } }, /its restore point wasn’t brought back/],
  [
    'another way back',
    { held: { ...held().held!, restored: { ...held().held!.restored!, differences: other } } },
    /restored after it was ended as it had committed once, it isn’t as before: public\.t: 3 rows before, 4 after/,
  ],
  ['another end', { end: { tables: 7, differences: other } }, /not as when undisturbed: public\.t: 3 rows before, 4/],
  ['an upgrade that stops', { stopped: 'no such rate', end: undefined as never }, /didn’t come to their end: no such/],
])('of a tenant that is held %s is a reason, and is no evidence', (_, more, why) => {
  expect(underLoadReasons(held(more)).join('\n')).toMatch(why);
  expect(underLoadEvidence(held(more))).toBeUndefined();
});

test('a transaction that failed may have written or not: neither counts as lost or doubled', () => {
  const between = { relation: 'public.t', each: 2, least: 100, most: 106 };
  for (const found of [100, 103, 106]) expect(rowsAstray([{ ...between, found }])).toEqual({ lost: 0, doubled: 0 });
  expect(
    rowsAstray([
      { ...between, found: 97 },
      { ...between, found: 110 },
    ]),
  ).toEqual({ lost: 3, doubled: 4 });
});

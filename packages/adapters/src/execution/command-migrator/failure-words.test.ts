import { expect, test } from 'vitest';
import type { RunResult } from '../program-run/bounded-run.ts';
import { commandFailure, lastWords } from './failure-words.ts';

const run = (more: Partial<RunResult>): RunResult => ({
  exitCode: 1,
  ended: 'by-itself',
  output: '',
  durationMs: 61_000,
  ...more,
});
const holders = [{ pid: 7, user: 'erp', application: 'report', since: '2026-01-02 03:04:05' }];
const fails = (more: Partial<RunResult>, answer: string | null = 'one', who: typeof holders = []) =>
  commandFailure({ run: run(more), holders: who, said: { kind: 'version', answer }, goal: 'two' });

test.each([
  [
    'a full disk',
    fails({ output: 'psycopg2.errors.DiskFull: could not extend file "base/1"' }),
    'rejected',
    /disk is full/,
  ],
  [
    'a deadline',
    fails({ exitCode: undefined, ended: 'deadline', output: 'step 3' }),
    'expired',
    /stopped after 61 s; the application says "one"; it said: step 3/,
  ],
  [
    'a deadline behind a lock',
    fails({ exitCode: undefined, ended: 'deadline' }, 'one', holders),
    'expired',
    /waited for database session 7 of erp \(application "report"\)/,
  ],
  [
    'a lock',
    fails({ output: 'ERROR: canceling statement due to lock timeout' }),
    'transient',
    /a session that has ended since/,
  ],
  [
    'somebody’s kill',
    fails({ exitCode: undefined, ended: 'killed' }),
    'transient',
    /ended from outside; .*it said nothing/,
  ],
  [
    'an exit code',
    fails({ exitCode: 3, output: 'no such option: --frce' }),
    'rejected',
    /exit code 3\); the application says "one"; it said: no such option/,
  ],
  [
    'a good end that changed nothing',
    fails({ exitCode: 0 }, null),
    'rejected',
    /ended well, but the application says nothing yet where "two"/,
  ],
] as const)('%s has words of its own', (_, { code, why }, expectedCode, expected) => {
  expect(code).toBe(expectedCode);
  expect(why).toMatch(expected);
  expect(why.length).toBeLessThan(500);
});

test.each([
  [
    'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    g()\nValueError: 12 rows\n',
    'ValueError: 12 rows',
  ],
  [
    'Exception in thread\n\tat a.B.c(B.java:1)\nCaused by: org.E.SqlException: no table\n\tat d.E\n\t... 3 more',
    'Caused by: org.E.SqlException: no table',
  ],
  ['one\ntwo\nthree\nfour\n\n', 'two | three | four'],
  ['\u001b[31mred\u001b[0m\r\nand \u0007bell', 'red | and  bell'],
  [
    'Key (email)=(a@example.com) exists\nDETAIL:  Failing row contains (1, a@example.com).',
    'Key (email)=(a@example.com) exists',
  ],
  ['', ''],
])('of %j the last words are %j', (output, words) => {
  expect(lastWords(output)).toBe(words);
});

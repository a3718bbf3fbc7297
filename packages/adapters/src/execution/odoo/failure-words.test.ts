import { expect, test } from 'vitest';
import type { RunResult } from '../program-run/bounded-run.ts';
import { upgradeFailure } from './failure-words.ts';

const run = (output: string, more: Partial<RunResult> = {}): RunResult => ({
  exitCode: 255,
  ended: 'by-itself',
  durationMs: 12_000,
  output,
  ...more,
});
const AT = 'INFO t1 odoo.modules.loading: Loading module headgate_ps (76/77)\n';
const report = { pid: 4711, user: 'bi', application: 'month end', since: '2026-11-21 02:00:00' };

test.each<[string, RunResult, string, RegExp]>([
  ['a full disk', run(`${AT}OSError: [Errno 28] No space left on device`), 'rejected', /^the disk is full/],
  ['a full disk of the database', run('could not extend file "base/1/2"'), 'rejected', /^the disk is full/],
  [
    'a traceback, by its last word',
    run(
      `${AT}Traceback (most recent call last):\n  File "x.py", line 1\n    f()\nodoo.tools.convert.ParseError: while parsing a.xml:3\nmore`,
    ),
    'rejected',
    /at the module headgate_ps: odoo\.tools\.convert\.ParseError: while parsing a\.xml:3$/,
  ],
  [
    'a hang',
    run(AT, { exitCode: undefined, ended: 'deadline' }),
    'expired',
    /within 12 s and was stopped at the module headgate_ps$/,
  ],
  ['a kill from outside', run(AT, { ended: 'killed' }), 'transient', /ended from outside at the module/],
  [
    'modules that Odoo went on without',
    run("ERROR Some modules are not loaded, some dependencies or manifest may be missing: ['a', 'b']", { exitCode: 0 }),
    'rejected',
    /\['a', 'b'\]$/,
  ],
])('%s is told in words', (_, result, code, why) => {
  const failure = upgradeFailure({ run: result, holders: [], drift: [] });
  expect(failure.code).toBe(code);
  expect(failure.why).toMatch(why);
});

test('a lock is told by who holds it', () => {
  const failure = upgradeFailure({
    run: run('psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout'),
    holders: [report],
    drift: [],
  });
  expect(failure).toMatchObject({ code: 'transient' });
  expect(failure.why).toContain(
    'database session 4711 of bi (application "month end"), in a transaction since 2026-11-21 02:00:00 UTC',
  );
});

test('success by the exit code alone is none', () => {
  const drift = ['the module ps is at 1, expected 2'];
  expect(upgradeFailure({ run: run('', { exitCode: 0 }), holders: [], drift }).why).toContain(drift[0]);
});

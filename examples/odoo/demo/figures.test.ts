import { describe, expect, test } from 'vitest';
import type { OdooJournalLine } from '../load/journal-line.ts';
import { closing, type Measured } from './figures.ts';

const TENANTS = ['aspen', 'birch', 'cedar', 'dogwood'];

/** A day as it should be: 19.0.2 came to all four, one after the other, and 19.0.3 was taken back from aspen. */
function sound(): Measured {
  const state = (version: string, databaseOid = 1) => ({
    databaseOid,
    moduleVersion: version,
    codeVersion: version,
    attachments: { 'contract-1': 'digest' },
  });
  const lines = new Map(
    TENANTS.map((tenant, i) => {
      const own: OdooJournalLine[] = [];
      for (let at = 0; at < 2_000; at += 10) {
        const upgraded = at >= 1_000 + 50 * i && at < 1_040 + 50 * i;
        const restored = tenant === 'aspen' && at >= 1_500 && at < 1_600;
        const outcome = upgraded || restored ? 'turned-away' : 'acknowledged';
        own.push({ tenant, action: 'read', at, ms: 20, outcome });
      }
      return [tenant, own] as const;
    }),
  );
  const each = <T>(of: (tenant: string) => T) => new Map(TENANTS.map((tenant) => [tenant, of(tenant)]));
  return {
    failing: 'first',
    tenants: TENANTS,
    quiet: { from: 0, to: 900 },
    promotions: [
      { id: 'p1', version: '19.0.2', environment: 'production', result: 'promoted', from: 900, to: 1_400 },
      { id: 'p2', version: '19.0.3', environment: 'production', result: 'rolled-back', from: 1_400, to: 1_900 },
    ],
    states: {
      before: each(() => state('19.0.1.0.1')),
      between: each(() => state('19.0.2.0.0')),
      after: each((tenant) => state('19.0.2.0.0', tenant === 'aspen' ? 2 : 1)),
    },
    invoices: { first: each(() => 'INV/2026/00005'), second: each(() => 'INV/2026/00006') },
    numbersWrong: [],
    lines,
    writes: { lost: [], doubled: [], checked: 8, checkedOf: each(() => 2) },
    log: { ok: true, entries: 200, why: '' },
  };
}

test('a sound day has no findings', () => {
  const { findings, line } = closing(sound());
  expect(findings).toEqual([]);
  expect(line).toMatchObject({ tenantsUpgraded: 4, tenantsRestored: 1, tenantsUntouched: 3, lostWrites: 0 });
});

describe('each of these is found', () => {
  const number = (of: Record<string, string>) => (m: Measured) => ({
    ...m,
    invoices: { ...m.invoices, second: new Map([...m.invoices.second, ...Object.entries(of)]) },
  });
  test.each<[string, (m: Measured) => Measured, RegExp]>([
    [
      'a number handed out twice',
      number({ aspen: 'INV/2026/00005' }),
      /aspen posted the invoice INV\/2026\/00005 after/,
    ],
    ['a number left out', number({ birch: 'INV/2026/00009' }), /birch posted the invoice INV\/2026\/00009 after/],
    ['an invoice without a number', number({ cedar: '/' }), /cedar posted the invoice \/ after/],
    ['a lost write', (m) => ({ ...m, writes: { ...m.writes, lost: ['aspen: line 7 isn’t there'] } }), /line 7/],
    [
      'a write done twice',
      (m) => ({ ...m, writes: { ...m.writes, doubled: ['aspen: Load x is there 2 times'] } }),
      /2 times/,
    ],
    [
      'a tenant whose writes nobody compared',
      (m) => ({ ...m, writes: { ...m.writes, checkedOf: new Map([...m.writes.checkedOf, ['dogwood', 0]]) } }),
      /no acknowledged write of dogwood/,
    ],
    ['a log that doesn’t verify', (m) => ({ ...m, log: { ...m.log, ok: false, why: 'entry 9' } }), /entry 9/],
  ])('%s', (_what, spoil, words) => {
    expect(closing(spoil(sound())).findings.join('\n')).toMatch(words);
  });
});

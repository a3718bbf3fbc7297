import { expect, test } from 'vitest';
import type { OdooJournalLine } from '../load/journal-line.ts';
import { met, neighbours, p95 } from './journal-figures.ts';

const line = (tenant: string, at: number, outcome: OdooJournalLine['outcome'], ms = 10): OdooJournalLine => ({
  tenant,
  action: 'read',
  at,
  ms,
  outcome,
});
const all = { from: 0, to: 10_000 };

test('a downtime lasts from the last answer before it to the first answer after it', () => {
  const lines = [
    line('a', 0, 'acknowledged'),
    line('a', 500, 'turned-away'),
    line('a', 1_000, 'turned-away'),
    line('a', 1_500, 'acknowledged', 200),
  ];
  expect(met(lines, all)).toMatchObject({ requests: 4, turnedAway: 2, failed: 0, downtimeMs: 1_690 });
});

test('who was never turned away, or never served again, has no measured downtime', () => {
  expect(met([line('a', 0, 'acknowledged')], all).downtimeMs).toBeNull();
  expect(met([line('a', 0, 'acknowledged'), line('a', 500, 'turned-away')], all).downtimeMs).toBeNull();
});

test('whatever is neither an answer nor a 503 with Retry-After counts as failed', () => {
  const failed: OdooJournalLine = { ...line('a', 1, 'failed'), why: 'status 503: no Retry-After' };
  expect(met([failed], all)).toMatchObject({ failed: 1, downtimeMs: null });
  expect(met([failed], all).failures[0]).toContain('no Retry-After');
});

test('neighbours are counted while another tenant is away, and not while they are away themselves', () => {
  const a = [line('a', 1_000, 'turned-away'), line('a', 2_000, 'turned-away'), line('a', 5_500, 'acknowledged', 30)];
  const b = [
    line('b', 500, 'acknowledged', 99),
    line('b', 1_500, 'acknowledged', 20),
    line('b', 1_600, 'failed'),
    line('b', 5_000, 'turned-away'),
    line('b', 6_000, 'turned-away'),
  ];
  expect(neighbours([a, b], [all])).toEqual({ requests: 3, failed: 1, p95Ms: 30 });
});

test('the 95th percentile is one of the values, and none of none', () => {
  expect(p95([])).toBeNull();
  expect(p95(Array.from({ length: 100 }, (_, i) => i + 1))).toBe(95);
});

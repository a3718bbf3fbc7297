import { digestOf } from '@headgate/documents';
import { unexpected } from '@headgate/domain/masking/leaks';
import type { MaskingRule } from '@headgate/domain/masking/rule';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { copyFacts } from './copy-mark.ts';
import { MaskKeys } from './mask-keys.ts';
import { type MaskingReport, maskCopy, previewMasking } from './mask-copy.ts';
import { type ErpCopies, erpCopies, INVOICES, RULES } from './testing/erp-copy.ts';
import { figuresOf } from './testing/figures.ts';

const keys = new MaskKeys('a key that is long enough for any test of ours');
const digest = digestOf('rules');
let copies: ErpCopies;

beforeAll(async () => {
  copies = await erpCopies();
});
afterAll(() => copies?.remove());

const ask = (database: pg.ClientConfig, rules: readonly MaskingRule[] = RULES) => ({
  database,
  connections: 2,
  rules,
  expected: [],
  digest,
  keys,
});

async function masked(database: pg.ClientConfig, rules = RULES): Promise<MaskingReport> {
  const outcome = await maskCopy(ask(database, rules));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusals));
  if ('already' in outcome) throw new Error('already masked');
  return outcome.report;
}

const rows = async (database: pg.ClientConfig, sql: string) =>
  withClient(database, async (client) => (await client.query(sql)).rows);

describe('a masked copy', () => {
  let copy: pg.ClientConfig;
  let report: MaskingReport;
  beforeAll(async () => {
    copy = await copies.fresh('whole');
    report = await masked(copy);
  });

  test('has no original left, no broken key, as many different values, and the distributions of before', async () => {
    expect(report.leakScan.places).toEqual([]);
    expect(report.leakScan.originals).toBeGreaterThan(10_000);
    expect(await figuresOf(await copies.original(), copy, RULES)).toEqual({
      brokenKeys: 0,
      unequalDistinct: [],
      quantilesOff: [],
      unchanged: [],
    });
  });
});

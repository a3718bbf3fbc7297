import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withClient } from '@headgate/adapters/postgres-cluster/index';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agreement } from './audit.ts';
import { openAuditTargets } from './bring-up/audit-targets.ts';
import { bringUp, type Example } from './bring-up.ts';

let dataDir: string;
let example: Example;
const lines: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'psa-example-'));
  example = await bringUp({ dataDir, report: (line) => lines.push(line) });
});
afterAll(async () => {
  await example?.stop();
  // As root the example stands outside of the data folder.
  if (example) await rm(path.dirname(example.root), { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
});

const answered = async (cell: string, tenant: string): Promise<{ status: number; slot: string; version: string }> => {
  const found = example.cells.find((each) => each.cell.cell === cell)!;
  const response = await fetch(`${found.url}/t/${tenant}/projects`, {
    headers: { authorization: `Bearer ${(await found.tokens())[tenant]}` },
  });
  const { headers, status } = response;
  await response.arrayBuffer();
  return { status, slot: headers.get('x-psa-slot')!, version: headers.get('x-psa-version')! };
};

test('three cells serve their tenants on 1.0.0, with 100,000 time entries in all', async () => {
  const serving = { status: 200, slot: 'blue', version: '1.0.0' };
  let entries = 0;
  for (const each of example.cells) {
    for (const tenant of each.cell.tenants) expect(await answered(each.cell.cell, tenant.id)).toEqual(serving);
    await withClient(await each.connection(), async (client) => {
      entries += (await client.query('SELECT count(*)::int AS n FROM time_entry')).rows[0].n;
    });
  }
  expect(entries).toBe(100_000);
});

test('the books of a new example agree', async () => {
  const targets = await openAuditTargets(example);
  const books = await agreement(targets);
  await targets.close();
  expect(books).toMatchObject({ agrees: true, count: 0 });
  expect(books.tenants).toHaveLength(12);
  expect(books.tenants.every((tenant) => tenant.invoices > 100)).toBe(true);
});

test('bringing it up again adopts what runs; after a stop it starts again where it was', async () => {
  lines.length = 0;
  await bringUp({ dataDir, report: (line) => lines.push(line) });
  expect(lines.filter((line) => line.includes('runs already'))).toHaveLength(3);
  await example.stop();
  await expect(answered('dedicated', 'ded-1')).rejects.toThrow();
  example = await bringUp({ dataDir });
  expect(await answered('dedicated', 'ded-1')).toEqual({ status: 200, slot: 'blue', version: '1.0.0' });
});

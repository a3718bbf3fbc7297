import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../app/core/database.ts';
import { agreement, doubledPostings, failedRequests, lostWrites } from '../audit.ts';
import { type AcknowledgedRequest, readJournal } from '../load/journal.ts';
import { EXAMPLE_CELLS } from '../tenants.ts';
import { eventually, openStand, type Running, type Stand } from '../testing/stand.ts';

const TENANTS = EXAMPLE_CELLS.find((cell) => cell.cell === 'shared')!.tenants.slice(0, 4);
const LOAD_MS = 3_000;
let stand: Stand;
let blue: Running;
let journalFile: string;
let writes: AcknowledgedRequest[];

beforeAll(async () => {
  stand = await openStand(TENANTS, 400);
  blue = await stand.start('1.0.0', 'blue');
  journalFile = path.join(stand.dir, 'journal.jsonl');
  await load(journalFile, blue.url, LOAD_MS);
  await eventually(async () => (await agree()).agrees, 5_000);
  writes = [];
  for await (const line of readJournal(journalFile)) if (line.kind === 'acknowledged') writes.push(line);
});
afterAll(() => stand?.close());

/** Runs the load generator as the process that it is, for a while. */
async function load(journal: string, url: string, durationMs: number): Promise<void> {
  const configFile = path.join(stand.dir, `${path.basename(journal)}.config.json`);
  const tenants = TENANTS.map((tenant) => tenant.id);
  const cells = [{ url, tokensFile: stand.tokensFile, tenants }];
  await writeFile(
    configFile,
    JSON.stringify({ journalFile: journal, requestsPerSecond: 8, timeLimitMs: 1_000, cells }),
  );
  const main = fileURLToPath(new URL('../load.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [main, '--config', configFile], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exit = once(child, 'exit');
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
}

const stores = () => [{ client: stand.store as unknown as Database, tenants: TENANTS.map((tenant) => tenant.id) }];
const agree = () => agreement({ stores: stores(), erp: stand.ledger as unknown as Database });
const lost = () => lostWrites({ journalFile, stores: stores() });
const doubled = () => doubledPostings({ erp: stand.ledger as unknown as Database });
const one = (action: string): AcknowledgedRequest => writes.find((write) => write.action === action)!;

/** Makes something bad inside a transaction of the store or the ledger, measures, and takes it back. */
async function sabotage<T>(
  side: 'store' | 'ledger',
  sql: string,
  values: unknown[],
  measure: (client: Database) => Promise<T>,
): Promise<T> {
  const client = await stand[side].connect();
  try {
    await client.query('BEGIN');
    const { rowCount } = await client.query(sql, values);
    expect(rowCount).toBe(1);
    return await measure(client as unknown as Database);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}
const lostWith = (sql: string, ...values: unknown[]) =>
  sabotage('store', sql, values, (client) => lostWrites({ journalFile, stores: [{ ...stores()[0]!, client }] }));

test('a quiet run: nothing failed, nothing lost, nothing doubled, and the books agree', async () => {
  const { checked, count } = await lost();
  expect(count).toBe(0);
  expect(checked).toBe(writes.filter((write) => write.action !== 'summary').length);
  expect(checked).toBeGreaterThan(TENANTS.length * 10);
  expect(await failedRequests({ journalFile })).toMatchObject({ count: 0, byTenant: {} });
  expect((await doubled()).count).toBe(0);
  const books = await agree();
  expect(books).toMatchObject({ agrees: true, count: 0 });
  for (const tenant of books.tenants) expect(tenant.invoicedCents).toBe(tenant.postedCents);
});

test('every tenant makes an invoice at least once in two seconds', () => {
  for (const { id } of TENANTS) {
    const times = writes.filter((write) => write.tenant === id && write.action === 'invoice').map((write) => write.at);
    expect(times.length).toBeGreaterThanOrEqual(3);
    for (const [index, at] of times.slice(1).entries()) expect(at - times[index]!).toBeLessThan(2_000);
  }
});

test('sabotage: a deleted row is one lost write', async () => {
  const { tenant, answer } = one('project');
  const approved = one('approval');
  const found = await lostWith(
    'DELETE FROM approval WHERE tenant_id = $1 AND time_entry_id = $2',
    approved.tenant,
    approved.answer.id,
  );
  expect(found.count).toBe(1);
  expect(found.first[0]).toMatch(/approval .*approver was promised as "per-900" and is null/);
  const renamed = await lostWith(`UPDATE project SET name = 'x' WHERE tenant_id = $1 AND id = $2`, tenant, answer.id);
  expect(renamed.count).toBe(1);
});

test('sabotage: each promised field of a time entry that changes is a lost write', async () => {
  const { tenant, answer } = one('time-entry');
  for (const change of [`minutes = minutes % 1440 + 1`, `person = 'per-x'`, `day = day - 1`, `note = note || '!'`]) {
    const found = await lostWith(`UPDATE time_entry SET ${change} WHERE tenant_id = $1 AND id = $2`, tenant, answer.id);
    expect(found.count, change).toBe(1);
  }
});

test("sabotage: an invoice's amount or line that changes is a lost write", async () => {
  const { tenant, answer } = one('invoice');
  const amount = await lostWith(
    'UPDATE invoice SET net_cents = net_cents + 1, total_cents = total_cents + 1 WHERE tenant_id = $1 AND number = $2',
    tenant,
    answer.number,
  );
  expect(amount.count).toBe(1);
  expect(amount.first[0]).toContain('netCents');
  const line = await lostWith(
    'DELETE FROM invoice_line WHERE tenant_id = $1 AND invoice_number = $2 AND line = 1',
    tenant,
    answer.number,
  );
  expect(line.count).toBe(1);
});

test('sabotage: a write that only the journal has is a lost write', async () => {
  const copy = path.join(stand.dir, 'longer.jsonl');
  const write = one('project');
  await writeFile(
    copy,
    `${await readFile(journalFile, 'utf8')}${JSON.stringify({ ...write, answer: { ...write.answer, id: 'prj-gone' } })}\n`,
  );
  const found = await lostWrites({ journalFile: copy, stores: stores() });
  expect(found).toMatchObject({ count: 1, first: [`${write.tenant}: project prj-gone: missing`] });
});

test('sabotage: a ledger entry under a second key is a doubled posting, and the books disagree', async () => {
  const { tenant, answer } = one('invoice');
  const sql = `INSERT INTO ledger_entry (key, fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents)
               SELECT key || '/again', fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents
               FROM ledger_entry WHERE tenant = $1 AND invoice = $2`;
  const [postings, books] = await sabotage('ledger', sql, [tenant, answer.number], async (erp) => [
    await doubledPostings({ erp }),
    await agreement({ stores: stores(), erp }),
  ]);
  expect(postings).toMatchObject({ count: 1, first: [`${tenant}: invoice ${answer.number} stands 2 times`] });
  expect(books).toMatchObject({ agrees: false, count: 1 });
});

test('sabotage: the books disagree by a cent, a missing entry, an unacknowledged one, one without an invoice', async () => {
  const { tenant, answer } = one('invoice');
  const key = [tenant, answer.number];
  const ledgerWith = (sql: string) => sabotage('ledger', sql, key, (erp) => agreement({ stores: stores(), erp }));
  const cent = await ledgerWith(
    'UPDATE ledger_entry SET net_cents = net_cents - 1, total_cents = total_cents - 1 WHERE tenant = $1 AND invoice = $2',
  );
  expect(cent).toMatchObject({ agrees: false, count: 1 });
  const missing = await ledgerWith('DELETE FROM ledger_entry WHERE tenant = $1 AND invoice = $2');
  expect(missing.first).toEqual([`${tenant}: invoice ${answer.number} is not in the ledger`]);
  const alone = await ledgerWith('UPDATE ledger_entry SET invoice = 9999999 WHERE tenant = $1 AND invoice = $2');
  expect(alone.first).toContain(`${tenant}: invoice 9999999 stands only in the ledger`);
  const open = await sabotage(
    'store',
    `UPDATE invoice SET state = 'created', erp_reference = NULL WHERE tenant_id = $1 AND number = $2`,
    key,
    (client) => agreement({ stores: [{ ...stores()[0]!, client }], erp: stand.ledger as unknown as Database }),
  );
  expect(open.first).toEqual([`${tenant}: invoice ${answer.number} is in the ledger and not acknowledged`]);
});

test('sabotage: a lost request, a refused one and a late one are failed requests of their tenant and time', async () => {
  const journal = path.join(stand.dir, 'troubled.jsonl');
  const target = new URL(blue.url);
  const spoiled = TENANTS[0]!.id;
  let seen = 0;
  // A proxy that spoils three requests of one tenant and lets everything else through.
  const proxy = http.createServer((request, response) => {
    const mine = request.url!.startsWith(`/t/${spoiled}/`);
    if (mine) seen += 1;
    if (mine && seen === 2) return void request.socket.destroy();
    if (mine && seen === 5) return void response.writeHead(502).end('bad gateway');
    if (mine && seen === 8) return;
    const onward = http.request(
      { host: target.hostname, port: target.port, path: request.url, method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const from = Date.now();
  await load(journal, `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, LOAD_MS + 1_500);
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));

  const failed = await failedRequests({ journalFile: journal, from, to: Date.now() });
  expect(failed.byTenant).toEqual({ [spoiled]: 3 });
  expect(failed.first.join('\n')).toMatch(/(hang up|RESET)[\s\S]*status 502[\s\S]*no answer within 1000 ms/);
  expect((await failedRequests({ journalFile: journal, to: from })).count).toBe(0);
  // Each was tried again under its own key, so nothing is lost or doubled.
  expect((await lostWrites({ journalFile: journal, stores: stores() })).count).toBe(0);
  await eventually(async () => (await agree()).agrees, 5_000);
});

import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { parseDocuments } from '@headgate/documents/kinds/parse-documents';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleDocuments } from '../documents.ts';
import { EXAMPLE_CELLS } from '../tenants.ts';
import { customer } from '../testing/customer.ts';
import { ERP_TOKEN, eventually, openStand, type Running, type Stand } from '../testing/stand.ts';

const TENANTS = EXAMPLE_CELLS.find((cell) => cell.cell === 'shared')!.tenants;
let stand: Stand;
let blue: Running;

beforeAll(async () => {
  stand = await openStand(TENANTS, 800);
  blue = await stand.start('1.0.0', 'blue');
});
afterAll(() => stand?.close());

const stateOf = async (url: string, tenant: string, number: number): Promise<string> =>
  (await customer(url, tenant).get(`invoices/${number}`)).body.state;
const ledgerRows = async (tenant: string, number: number): Promise<number> =>
  (await stand.ledger.query('SELECT 1 FROM ledger_entry WHERE tenant = $1 AND invoice = $2', [tenant, number]))
    .rowCount!;
const RECONCILIATION = exampleDocuments()
  .flatMap((each) => {
    const parsed = parseDocuments(each.text, each);
    return parsed.ok ? parsed.documents.map((document) => document.content) : [];
  })
  .find((content) => content.kind === 'Reconciliation')!;
type LeftRow = { key: string; number: string; state: string; total_cents: bigint; erp_reference: string | null };
const leftSide = async (tenant: string): Promise<Map<string, LeftRow>> => {
  const { rows } = await stand.store.query<LeftRow>(RECONCILIATION.spec.left.sql, [[tenant]]);
  return new Map(rows.map((row) => [row.key, row]));
};
const applyRule = (name: string, values: string[]) =>
  stand.store.query(RECONCILIATION.spec.rules.find((rule) => rule.name === name)!.do!.sql, values);
const route = (slot: string) => stand.admin.query('UPDATE headgate.route SET slot = $1, n = n + 1', [slot]);

test('an invoice goes to the ledger once and is acknowledged', async () => {
  const client = customer(blue.url, 'brd-1');
  const invoice = await client.invoiceAnHour();
  expect(invoice).toMatchObject({ status: 201, body: { netCents: 10_000, taxCents: 1_900, totalCents: 11_900 } });
  expect(invoice.headers.get('x-psa-slot')).toBe('blue');
  expect(invoice.headers.get('x-psa-version')).toBe('1.0.0');
  const { number, project } = invoice.body;
  await eventually(async () => (await stateOf(blue.url, 'brd-1', number)) === 'acknowledged', 3_000);
  expect(await ledgerRows('brd-1', number)).toBe(1);
  expect((await client.get(`projects/${project}/summary`)).body).toMatchObject({
    minutes: { invoiced: 60 },
    invoices: { acknowledged: { count: 1, netCents: 10_000 } },
  });
});

test('a write with the same key happens once, also when both come at the same time', async () => {
  const client = customer(blue.url, 'brd-2');
  const key = randomUUID();
  const body = { name: 'Once', ratePerHourCents: 100 };
  const [first, second] = await Promise.all([client.post('projects', body, key), client.post('projects', body, key)]);
  expect(first.status).toBe(201);
  expect(second.body).toEqual(first.body);
  expect((await client.post('projects', { ...body, name: 'Other' }, key)).status).toBe(422);
  const rows = await stand.store.query(`SELECT 1 FROM project WHERE tenant_id = 'brd-2' AND name = 'Once'`);
  expect(rows.rowCount).toBe(1);
});

test('invoice numbers have no gaps, whatever is refused in between', async () => {
  const client = customer(blue.url, 'brd-3');
  const first = await client.invoiceAnHour();
  const empty = await client.post('invoices', { project: first.body.project });
  expect(empty.status).toBe(409);
  const more = await Promise.all([client.invoiceAnHour(), client.invoiceAnHour(), client.invoiceAnHour()]);
  const numbers = more.map((reply) => reply.body.number).sort((a, b) => a - b);
  expect(numbers).toEqual([1, 2, 3].map((step) => first.body.number + step));
});

test('bad input gets a problem that names the field, and changes nothing', async () => {
  const client = customer(blue.url, 'brd-1');
  for (const [path, body, detail] of [
    ['projects', { name: '', ratePerHourCents: 1 }, /"name"/],
    ['projects', { name: 'x', ratePerHourCents: 1.5 }, /"ratePerHourCents"/],
    ['projects', { name: 'x', ratePerHourCents: 1, customer: 'nobody' }, /"customer"/],
    ['projects', { name: 'x', ratePerHourCents: 1, discountBasisPoints: 5 }, /"discountBasisPoints"/],
    ['time-entries', { project: 'prj-0001', person: 'p', day: '2026-02-30', minutes: 1 }, /"day"/],
    ['time-entries', { project: 'other', person: 'p', day: '2026-02-28', minutes: 1 }, /"project"/],
    ['invoices', [], /object/],
  ] as const) {
    const reply = await client.post(path, body);
    expect(reply.status, path).toBe(400);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(reply.body.detail).toMatch(detail);
  }
  expect((await client.get('invoices/1e3')).status).toBe(400);
  expect((await client.get('invoices/999999')).status).toBe(404);
  expect((await client.get('constructor')).status).toBe(404);
});

test('a tenant sees nothing of another, and nothing at all with a wrong token', async () => {
  const invoice = await customer(blue.url, 'pil-3').invoiceAnHour();
  const other = customer(blue.url, 'int-1');
  expect((await other.get(`projects/${invoice.body.project}/summary`)).status).toBe(404);
  expect((await other.post('invoices', { project: invoice.body.project })).status).toBe(400);
  const stranger = await fetch(`${blue.url}/t/pil-3/projects`, { headers: { authorization: 'Bearer token-of-int-1' } });
  expect(stranger.status).toBe(401);
});

test("a worker claims only the jobs of its own slot's tenants", async () => {
  await stand.admin.query(`UPDATE headgate.route SET slot = 'green' WHERE tenant = 'int-2'`);
  const away = await customer(blue.url, 'int-2').invoiceAnHour();
  const here = await customer(blue.url, 'int-1').invoiceAnHour();
  await eventually(async () => (await stateOf(blue.url, 'int-1', here.body.number)) === 'acknowledged', 3_000);
  expect(await stateOf(blue.url, 'int-2', away.body.number)).toBe('created');
  await stand.admin.query(`UPDATE headgate.route SET slot = 'blue' WHERE tenant = 'int-2'`);
  await eventually(async () => (await stateOf(blue.url, 'int-2', away.body.number)) === 'acknowledged', 3_000);
});

test('1.0.0 goes on serving on the expanded schema, and 1.1.0 discounts', async () => {
  await stand.migrate('1.1.0', 'up');
  expect((await customer(blue.url, 'int-1').invoiceAnHour()).status).toBe(201);
  const green = await stand.start('1.1.0', 'green');
  await route('green');
  const invoice = await customer(green.url, 'brd-1').invoiceAnHour({ discountBasisPoints: 1_000 });
  expect(invoice.body).toMatchObject({ netCents: 9_000, taxCents: 1_710 });
  await eventually(async () => (await stateOf(green.url, 'brd-1', invoice.body.number)) === 'acknowledged', 3_000);
  await route('blue');
  expect(await green.stop()).toEqual([0, 0]);
});

test('1.2.0 is healthy and serves plain customers, yet loses the postings and acknowledgements of two pilots', async () => {
  await stand.migrate('1.2.0', 'up');
  const green = await stand.start('1.2.0', 'green');
  await route('green');
  const make = async (tenant: string): Promise<number> =>
    (await customer(green.url, tenant).invoiceAnHour()).body.number;
  const numbers = new Map<string, number>();
  for (const { id } of TENANTS) numbers.set(id, await make(id));
  for (const tenant of ['int-1', 'int-2', 'pil-3', 'brd-1', 'brd-2', 'brd-3']) {
    await eventually(async () => (await stateOf(green.url, tenant, numbers.get(tenant)!)) === 'acknowledged', 3_000);
  }
  const finished = async (tenant: string): Promise<boolean> => {
    const { rows } = await stand.store.query(
      `SELECT state FROM job WHERE tenant_id = $1 AND payload ->> 'invoice' = $2`,
      [tenant, String(numbers.get(tenant))],
    );
    return rows.length === 1 && rows[0].state === 'done';
  };
  for (const tenant of ['pil-1', 'pil-2']) {
    await eventually(() => finished(tenant), 3_000);
    expect(await stateOf(green.url, tenant, numbers.get(tenant)!)).toBe('created');
  }
  expect(await ledgerRows('pil-1', numbers.get('pil-1')!)).toBe(0);
  expect(await ledgerRows('pil-2', numbers.get('pil-2')!)).toBe(1);
  const health = await fetch(`${green.url}/healthz`);
  expect(await health.json()).toEqual({ version: '1.2.0', slot: 'green', schema: 3 });
  await green.stop();
});

test('the release before takes over what 1.2.0 left, without doubling what 1.2.0 posted with another body', async () => {
  const green = await stand.start('1.1.0', 'green');
  for (const [key, { state, number }] of await leftSide('pil-1')) {
    if (state === 'created') await applyRule('created-not-posted', ['pil-1', number]);
    expect(key).toBe(`pil-1/${number}`);
  }
  await stand.store.query(
    `UPDATE job SET state = 'queued', due_at = now() WHERE tenant_id = 'pil-2' AND state = 'done'`,
  );
  const open = () => stand.store.query(`SELECT 1 FROM invoice WHERE state = 'created'`);
  await eventually(async () => (await open()).rowCount === 0, 5_000);
  const doubled = await stand.ledger.query(`SELECT 1 FROM ledger_entry GROUP BY tenant, invoice HAVING count(*) > 1`);
  expect(doubled.rowCount).toBe(0);
  await route('blue');
  await green.stop();
});

test('the declared reconciliation sees each invoice with its ledger entry, and acknowledges one that was forgotten', async () => {
  const answer = await fetch(`${stand.erpUrl}/ledger/entries?tenant=pil-3&limit=5000`, {
    headers: { authorization: `Bearer ${ERP_TOKEN}` },
  });
  const { entries } = (await answer.json()) as { entries: { key: string; totalCents: number; erpReference: string }[] };
  const left = await leftSide('pil-3');
  expect(left.size).toBe(entries.length);
  for (const entry of entries) {
    expect(left.get(entry.key)).toMatchObject({
      state: 'acknowledged',
      total_cents: BigInt(entry.totalCents),
      erp_reference: entry.erpReference,
    });
  }
  const { key, erpReference } = entries[0]!;
  const { number } = left.get(key)!;
  await stand.store.query(
    `UPDATE invoice SET state = 'created', erp_reference = NULL WHERE tenant_id = 'pil-3' AND number = $1`,
    [number],
  );
  expect((await leftSide('pil-3')).get(key)!.state).toBe('created');
  await applyRule('posted-not-acknowledged', ['pil-3', number, erpReference]);
  expect((await leftSide('pil-3')).get(key)).toEqual(left.get(key));
});

test('migrations go back, and archive what they drop', async () => {
  await stand.migrate('1.2.0', 'down');
  await stand.migrate('1.1.0', 'down');
  const { rows } = await stand.store.query('SELECT discount_basis_points FROM archive.project_discount');
  expect(rows).toEqual([{ discount_basis_points: 1_000 }]);
  await stand.migrate('1.1.0', 'up');
  expect((await customer(blue.url, 'int-1').invoiceAnHour()).status).toBe(201);
});

test('SIGTERM finishes the request in flight on a kept-alive connection, then exits 0 within 5 s', async () => {
  const second = await stand.start('1.0.0', 'spare');
  const working = () =>
    stand.admin.query(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'psa-worker-1.0.0-spare'`);
  await eventually(async () => (await working()).rowCount! > 0, 5_000);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (): Promise<{ status: number; connection: string | undefined }> =>
    new Promise((resolve, reject) => {
      const request = http.get(`${second.url}/healthz`, { agent }, (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode!, connection: response.headers.connection }));
      });
      request.on('error', reject);
    });
  expect((await ask()).status).toBe(200);
  const before = Date.now();
  const exits = second.stop();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await ask()).toEqual({ status: 200, connection: 'close' });
  expect(await exits).toEqual([0, 0]);
  expect(Date.now() - before).toBeLessThan(5_000);
  agent.destroy();
});

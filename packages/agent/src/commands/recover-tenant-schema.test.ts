/** `headgate-agent recover-tenant …` of a cell in which each tenant has a schema of its own. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RecoveredTenants, recoveredTenants } from '../testing/recovered-tenants.ts';

let all: RecoveredTenants;

const tables = (schema: string): string => `
  create schema ${schema};
  create table ${schema}.customer(id serial primary key, name text, rate text references public.rate(code));
  create table ${schema}.invoice(id serial primary key, customer_id int not null references ${schema}.customer(id), total numeric(10,2) not null);
  create table ${schema}.visit(at timestamptz);
  insert into ${schema}.customer(name, rate) values ('Acme', 'EUR'), ('Bolt', 'EUR');
  insert into ${schema}.invoice(customer_id, total) values (1, 10.50), (2, 20)`;

beforeAll(async () => {
  all = await recoveredTenants({
    cell: { tenancy: 'schema-per-tenant' },
    tables: `create table rate(code text primary key, value numeric); insert into rate values ('EUR', 1);
      ${tables('tenant_ada')}; ${tables('tenant_bob')}`,
    before: 'insert into tenant_ada.invoice(customer_id, total) values (1, 7.25)',
    after: `
      truncate tenant_ada.invoice restart identity; insert into tenant_ada.invoice(customer_id, total) values (2, 99);
      insert into tenant_ada.customer(name) values ('New'); insert into tenant_bob.customer(name) values ('New too')`,
  });
}, 120_000);
afterAll(() => all?.close());

test('from a scan that proposes how schemas are named to a tenant that is back, and nobody else', {
  timeout: 120_000,
}, async () => {
  const { dir, world, asked, compared, approve } = all;
  const rules = join(dir, 'rules.yaml');
  expect(await asked('scan', '--store', 'main', '--out', rules)).toMatchObject({ code: 0 });
  const proposed = await readFile(rules, 'utf8');
  expect(proposed).toContain(`
  # tenant_ada.visit has no primary key, which is refused: to go back without it say leave: [{table: visit}] below, and bring its rows back by hand
  schemas: {named: "tenant_{tenant}"}
  rules:`);
  expect(proposed).toMatch(/\{table: public\.rate, rows: shared\}\n$/);

  await writeFile(rules, proposed.replace(/ {2}schemas.*\n/, ''));
  expect(await compared('--tenant', 'ada', '--as', 'usr_maker')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/tenancy: schema-per-tenant.*the rules don’t say how it is named/),
  });
  await writeFile(rules, proposed);
  expect(await compared('--tenant', 'ada', '--as', 'usr_maker')).toMatchObject({
    code: 1,
    err: expect.stringContaining('tenant_ada.visit has no primary key'),
  });
  await writeFile(rules, proposed.replace('}"}', '}", leave: [{table: visit}]}'));

  const file = join(dir, 'ada.difference');
  const { out, err, code } = await compared('--tenant', 'ada', '--as', 'usr_maker', '--out', file);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  for (const words of [
    'Its rows are all those of the schema tenant_ada.',
    'tenant_ada.invoice: 1 → 3 rows',
    '  sum of total: 99.00 → 37.75',
    'Sequences are never set back. Yet to give out what comes back, and raised behind it:\n  tenant_ada.invoice_id_seq (tenant_ada.invoice.id): 2 → 4',
    'in 2 tables of the schema tenant_ada, always',
    'Of the schema tenant_ada stays as it is, as the rules say: tenant_ada.visit.',
    'Shared, neither read nor changed: public.rate.\nSchemas of other tenants: neither read nor changed.',
  ])
    expect(out).toContain(words);
  const yes = join(dir, 'yes.json');
  const signed = await approve(file, 'approver.pem', 'usr_approver', yes, '--yes');
  expect(signed).toMatchObject({ code: 0, out: expect.stringContaining('tenant_ada.invoice_id_seq') });
  const bob = await world.query('select * from tenant_bob.customer order by 1');
  const done = await asked('apply', file, '--as', 'usr_run', '--approval', yes, '--rules', rules);
  expect(done).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      /Outside of the schema tenant_ada no row was written[^\n]*\ntenant_ada\.invoice_id_seq goes on from 4/,
    ),
  });
  expect(await world.query('select id, total::text from tenant_ada.invoice order by 1')).toEqual([
    { id: 1, total: '10.50' },
    { id: 2, total: '20.00' },
    { id: 3, total: '7.25' },
  ]);
  expect(await world.query('select * from tenant_bob.customer order by 1')).toEqual(bob);
  await rm(yes);
});

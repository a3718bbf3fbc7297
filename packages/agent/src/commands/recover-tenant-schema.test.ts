/** `headgate-agent recover-tenant …` of a cell in which each tenant has a schema of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RouterProcess } from '@headgate/adapters/execution/router/router-process';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { runAs } from '@headgate/adapters/machine/run-as';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
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

let router: RouterProcess;
let slot: Server;
let base: string;

beforeAll(async () => {
  const home = await mkdtemp(join(tmpdir(), 'headgate-recover-tenant-'));
  await chmod(home, 0o755);
  const [listenPort, adminPort, blue] = (await freePorts(3)) as [number, number, number];
  const admin = { listenPort, adminPort, tokenFile: join(home, 'token') };
  base = `http://127.0.0.1:${listenPort}`;
  slot = createServer((_request, response) => void response.end('done'));
  await new Promise<void>((done) => slot.listen(blue, '127.0.0.1', done));
  router = new RouterProcess({
    ...{ ...admin, cellDir: home, maxBodyBytes: 4_096, upstreams: { blue, green: blue } },
    ...{ tenantBy: 'path', retryAfterS: 17, user: runAs() },
  });
  await router.start();
  await router.client.change({ epoch: 0, n: 0 }, { ada: { blue: 100 }, bob: { blue: 100 } });
  all = await recoveredTenants({
    cell: { tenancy: 'schema-per-tenant', router: admin },
    tables: `create table rate(code text primary key, value numeric); insert into rate values ('EUR', 1);
      ${tables('tenant_ada')}; ${tables('tenant_bob')}`,
    before: 'insert into tenant_ada.invoice(customer_id, total) values (1, 7.25)',
    after: `
      truncate tenant_ada.invoice restart identity; insert into tenant_ada.invoice(customer_id, total) values (2, 99);
      insert into tenant_ada.customer(name) values ('New'); insert into tenant_bob.customer(name) values ('New too')`,
  });
}, 120_000);
afterAll(async () => {
  await all?.close();
  await router?.stop();
  slot?.close();
});

const status = async (method: string, tenant = 'ada') => (await fetch(`${base}/t/${tenant}/x`, { method })).status;
async function until(check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error('it never came to that');
    await new Promise((done) => setTimeout(done, 50));
  }
}

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
  expect(out).toContain('ada isn’t held: a row of its that is written from now on has this refused. To hold it:');
  // Where documents are pinned it takes the rules, so they stand in what is typed next.
  expect(out).toMatch(/recover-tenant apply \S+ --config \S+ --rules \S+ --as ID --approval APPROVAL/);
  // Somebody else is at work in a table, so that it waits: its requests are held for as long.
  const { done, held } = await withClient(await world.real.store.cluster.connection('app'), async (other) => {
    await other.query('begin; lock table tenant_ada.customer in share mode');
    const applying = asked('apply', file, '--as', 'usr_run', '--approval', yes, '--rules', rules);
    await until(async () => (await status('POST')) === 503);
    const seen = [await status('GET'), await status('POST', 'bob')];
    await other.query('rollback');
    return { done: await applying, held: seen };
  });
  expect(held).toEqual([200, 200]);
  expect(await status('POST')).toBe(200);
  expect(done.out).toMatch(
    /^ada is held: the router answers .* with 503 until this is over, and for 15 s more at most if this is killed\.\n\nada is back/,
  );
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
});

test('a tenant that is held from a terminal is served again when that ends, and soon after it was killed', {
  timeout: 90_000,
}, async () => {
  const main = join(import.meta.dirname, '..', 'main.ts');
  const asked = ['recover-tenant', 'hold', '--config', join(all.dir, 'agent.yaml'), '--store', 'main'];
  const held = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const child = spawn(process.execPath, [main, ...asked, '--tenant', 'ada'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until(async () => said.includes('At most 30 minutes'));
    expect([await status('POST'), await status('GET'), await status('POST', 'bob')]).toEqual([503, 200, 200]);
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return said;
  };
  expect(await held('SIGTERM')).toMatch(/ada is held: .*\n.*\nada is served again\.\n$/);
  expect(await status('POST')).toBe(200);
  await held('SIGKILL');
  await until(async () => (await status('POST')) === 200);
  await router.stop();
  expect(await all.asked('hold', '--store', 'main', '--tenant', 'ada')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/ada isn’t held \(The router's admin API on port \d+ doesn't answer/),
  });
});

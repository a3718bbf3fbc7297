import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { typed } from '../testing/typed.ts';
import { compare as command } from './compare.ts';

let real: RealStore;
const query = async (sql: string) =>
  withClient(await real.store.cluster.connection('app'), async (client) => (await client.query(sql)).rows);
const config = () => join(real.dir, 'agent.yaml');
const compare = async (...args: string[]) => {
  const { code, out: stdout, err: stderr } = await typed(command, args);
  return { code, stdout, stderr };
};

beforeAll(async () => {
  real = await realStore();
  const move = {
    old: 'select tenant, number, net_cents / 100.0 as net from public.invoice',
    new: 'select tenant, invoice as number, net from public.amount',
    ...{ key: ['tenant', 'number'], compare: ['net'], tenant: 'tenant', amounts: ['net'] },
    ...{ writtenBy: ['1.5.0'], readBy: ['1.6.0'] },
  };
  const store = {
    clusterDir: real.store.cluster.config.dir,
    port: real.store.cluster.config.port,
    ...{ database: 'app', user: 'app', passwordFile: real.store.passwordFile, archiveDir: real.archiveDir },
    restorePointsDir: join(real.dir, 'restore-points'),
    moves: { 'invoice-net': move, address: { ...move, old: 'select 1 from public.nowhere' } },
  };
  const cell = {
    ...{ cell: 'shared', environment: 'production', application: 'psa', dir: join(real.dir, 'cell') },
    slots: { blue: { web: 20_001 }, green: { web: 20_002 } },
    stores: { main: store },
    tenants: { acme: { store: 'main', ring: 'pilot' } },
    router: { listenPort: 20_003, adminPort: 20_004, tokenFile: join(real.dir, 'router-token') },
  };
  const agent = {
    ...{ version: 1, server: 'http://127.0.0.1:20005', name: 'agent-production', cells: [cell] },
    ...{
      tokenFile: join(real.dir, 'token'),
      dataDir: join(real.dir, 'agent'),
      trustFile: join(real.dir, 'trust.yaml'),
    },
    environments: [{ name: 'production' }],
  };
  await writeFile(config(), JSON.stringify(agent));
  await query(`set role app;
    create table public.invoice(tenant text, number int, net_cents bigint, primary key (tenant, number));
    create table public.amount(tenant text, invoice int, net numeric(12,2));
    insert into public.invoice select 'acme', n, 100 * n from generate_series(1, 30) n;
    insert into public.invoice values ('globex', 7, 1999);
    insert into public.amount select tenant, number, net_cents / 100.0 from public.invoice`);
}, 120_000);
afterAll(() => real?.remove());

test('says that both places agree, with what they add up to', async () => {
  const { stdout, code } = await compare('--config', config(), '--move', 'invoice-net');
  expect(
    stdout.replace(/in \d+\.\d s/, 'in … s'),
  ).toBe(`invoice-net: the store main of shared, 31 rows in the old place and 31 in the new one, compared in … s.

Both places
          old     new
  net  484.99  484.99
The sums are equal.

Both places agree.
`);
  expect(code).toBe(0);
});

test('says what differs, which rows, whose, and by how much', async () => {
  await query(`delete from public.amount where invoice > 8; update public.amount set net = 20 where tenant = 'globex';
    insert into public.amount values ('acme', 1, 1), ('acme', null, 5), ('acme', 99, E'1')`);
  const { stdout, code } = await compare('--config', config(), '--move', 'invoice-net');
  expect(code).toBe(1);
  expect(stdout).toContain('  missing in new         22   the old place has it, the new one doesn’t');
  expect(stdout).toContain('      tenant acme, number 9\n');
  expect(stdout).toContain('      and 2 more\n');
  expect(stdout).toContain(
    '  different               1   both have it, with different values\n      tenant globex, number 7\n',
  );
  expect(stdout).toContain(
    '  doubled                 1   a place has its key more than once\n      tenant acme, number 1\n',
  );
  expect(stdout).toContain('  without a key           1');
  expect(stdout).toContain('The sums are NOT equal.');
  expect(stdout).toMatch(/The two places do NOT agree\.\n$/);
  const { stdout: json } = await compare('--config', config(), '--move', 'invoice-net', '--json');
  expect(JSON.parse(json)).toMatchObject({
    moves: [
      { move: 'invoice-net', agrees: false, differences: { missingInNew: 22, different: 1, doubled: 1, keyless: 1 } },
    ],
  });
});

test('says which place can’t be read, and goes on with the others', async () => {
  const { stdout, stderr, code } = await compare('--config', config());
  expect(code).toBe(69);
  expect(stderr).toContain(`address of shared/main can't be compared: relation "public.nowhere" does not exist`);
  expect(stdout).toContain('invoice-net: the store main of shared');
});

test('is refused in words where what was typed can’t be', async () => {
  expect(await compare()).toMatchObject({ code: 64 });
  const { code, stderr } = await compare('--config', config(), '--move', 'invoices');
  expect(code).toBe(64);
  expect(stderr).toContain('there is no move invoices; there is invoice-net, address');
  expect((await compare('--config', config(), '--cell', 'other')).code).toBe(64);
  expect((await compare('--help')).stdout).toContain('headgate-agent compare --config FILE');
});

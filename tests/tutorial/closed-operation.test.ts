/** A service whose migration can't run beside one thing that its customers do: from the declaration to the router’s answers. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { ComponentProcess } from '@headgate/adapters/execution/process/component-process';
import { readSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandsOf, Shell, writePrograms } from './programs.ts';
import { ORDERS, writeShop } from './shop.ts';

const TUTORIAL = join(import.meta.dirname, '..', '..', 'docs', 'tutorial.md');
const DEADLINE_MS = 90_000;
const tools = await findTools(15, undefined);
let real: RealStore;
let dir: string;
let shell: Shell;
let shop: string;

const OPERATIONS = `  operations:
    - name: place-order
      says: Nothing can be ordered at the moment.
      requests:
        - {methods: [POST], path: /orders}
`;
/** Long enough to be seen by an agent that looks every few seconds; what it locks tells that it runs. */
const SLOW = `-- headgate:closes place-order
create table busy_note();
select pg_sleep(12);
alter table orders add column note text;
`;

beforeAll(async () => {
  if (tools === undefined) return;
  real = await realStore();
  dir = await mkdtemp(join(tmpdir(), 'headgate-closed-'));
  await chmod(dir, 0o755);
  await writeShop(join(dir, 'shop'));
  await writePrograms(join(dir, 'bin'));
  const { port } = real.store.cluster.config;
  await withClient(await real.store.cluster.connection(), async (client) => {
    await client.query(`create role shop login password 'plain'`);
    await client.query('create database shop owner shop');
  });
  const owner = { ...(await real.store.cluster.connection('shop')), user: 'shop', password: 'plain' };
  await withClient(owner, (client) => client.query(ORDERS));
  const { HEADGATE_SERVER: _s, HEADGATE_DATA: _d, HEADGATE_TOKEN_FILE: _t, ...env } = process.env;
  shell = new Shell(dir, {
    ...env,
    PATH: `${join(dir, 'bin')}:${env.PATH}`,
    SHOP_DATABASE_URL: `postgres://shop:plain@127.0.0.1:${port}/shop`,
    SHOP_ADMIN_URL: `postgres://postgres:${await readSecret(real.store.cluster.passwordFile)}@127.0.0.1:${port}/postgres`,
  });
  const commands = await commandsOf(TUTORIAL);
  const setup = commands.indexOf('headgate setup shop');
  const adopt = commands.findIndex((command) => command.startsWith('headgate adopt'));
  for (const command of commands.slice(0, setup)) await run(command);
  const file = join(dir, 'shop', 'headgate.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^ {2}environments:/m, `${OPERATIONS}  environments:`));
  for (const command of commands.slice(setup, adopt + 1)) await run(command);
  const { router } = JSON.parse(await readFile(join(dir, '.headgate/cells/shop-production.json'), 'utf8'));
  shop = `http://127.0.0.1:${router.listenPort}`;
}, 240_000);

afterAll(async () => {
  await shell?.close();
  const cell = dir && join(dir, '.headgate', 'cells', 'shop-production');
  if (cell !== undefined) {
    await new ComponentProcess(join(cell, 'router'), { name: 'router' }).stop(2_000);
    for (const slot of ['blue', 'green'])
      for (const component of (await readSlot(slotDir(cell, slot)))?.components ?? [])
        await new ComponentProcess(slotDir(cell, slot), component).stop(2_000);
  }
  await real?.remove();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

async function run(command: string): Promise<string> {
  const { code, output } = await shell.run(command, DEADLINE_MS);
  if (code !== 0) throw new Error(`${command}\nended with ${code}:\n${output}\n${await shell.said()}`);
  return output;
}

async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  for (const end = Date.now() + 120_000; Date.now() < end; ) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}\n${await shell.said()}`);
}
const order = () => fetch(`${shop}/orders`, { method: 'POST' });

test.skipIf(tools === undefined)(
  'while its migration runs orders are refused with a clear answer, everything else is served, and status says until when',
  { timeout: 240_000 },
  async () => {
    expect((await order()).status).toBe(201);
    await writeFile(join(dir, 'shop/migrations/0002-note.sql'), SLOW);
    await run('headgate --as developer release create shop --key .headgate/ci/release.key --version 1.1.0');
    const plan = await run('headgate plan 1.1.0 --to shop-production --dry-run');
    expect(plan.replace(/\s+/g, ' ')).toContain('close place-order for shop: refused with when to come again');
    expect(plan).toContain('with place-order closed');
    await run('headgate --as release-manager promote 1.1.0 --to shop-production --key first');
    const id = /"id":"(prm_[^"]*)"/.exec(await run('headgate promotion list --open --json'))?.[1];
    await run(`headgate --as approver approve ${id} --yes`);
    const refused = await until(async () => {
      const answer = await order();
      return answer.status === 503 ? answer : undefined;
    }, 'no order was ever refused');
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({
      operation: 'place-order',
      detail: expect.stringContaining(
        'Nothing can be ordered at the moment. Nothing was carried out; please try again in',
      ),
    });
    expect((await fetch(`${shop}/orders`)).status).toBe(200);
    const status = await until(async () => {
      expect((await fetch(`${shop}/orders`)).status).toBe(200);
      const said = await run('headgate status');
      return said.includes('CLOSED') ? said : undefined;
    }, 'status never said what is closed');
    expect(status).toMatch(
      /^CLOSED in cell shop-production: place-order for one tenant, since .*, until .*, then it opens by itself$/m,
    );
    await run('headgate watch --environment shop-production');
    expect((await order()).status).toBe(201);
    expect(await run('headgate status')).not.toContain('CLOSED');
  },
);

test.skipIf(tools === undefined)(
  'with the control plane gone in the midst, orders are taken again by themselves',
  { timeout: 240_000 },
  async () => {
    await writeFile(join(dir, 'shop/migrations/0003-more.sql'), SLOW.replaceAll('note', 'more'));
    await run('headgate --as developer release create shop --key .headgate/ci/release.key --version 1.2.0');
    await run('headgate --as release-manager promote 1.2.0 --to shop-production --key second');
    const id = /"id":"(prm_[^"]*)"/.exec(await run('headgate promotion list --open --json'))?.[1];
    await run(`headgate --as approver approve ${id} --yes`);
    const admin = await real.store.cluster.connection('shop');
    const locks = `select 1 from pg_locks where locktype = 'relation' and mode = 'AccessExclusiveLock'`;
    await until(async () => {
      const { rows } = await withClient(admin, (client) => client.query(locks));
      return rows.length > 0 ? true : undefined;
    }, 'the migration never began');
    expect((await order()).status).toBe(503);
    await shell.end('headgate-server');
    await until(async () => ((await order()).status === 201 ? true : undefined), 'orders stayed closed');
  },
);

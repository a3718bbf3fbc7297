/** docs/tutorial.md, command by command: a service that is none of the examples, from nothing to a promoted release. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
/** For one command. Milliseconds. */
const DEADLINE_MS = 90_000;
const tools = await findTools(15, undefined);

let real: RealStore;
let dir: string;
let shell: Shell;
let adminPassword: string;

const query = async (sql: string): Promise<{ n: number }[]> =>
  withClient(await real.store.cluster.connection('shop'), async (client) => (await client.query(sql)).rows);

beforeAll(async () => {
  if (tools === undefined) return;
  real = await realStore();
  dir = await mkdtemp(join(tmpdir(), 'headgate-tutorial-'));
  await chmod(dir, 0o755);
  await writeShop(join(dir, 'shop'));
  await writePrograms(join(dir, 'bin'));
  const { port } = real.store.cluster.config;
  await withClient(await real.store.cluster.connection(), async (client) => {
    await client.query(`create role shop login password 'plain'`);
    await client.query('create database shop owner shop');
  });
  // What the service did until today.
  await withClient(
    { ...(await real.store.cluster.connection('shop')), user: 'shop', password: 'plain' },
    async (client) => {
      await client.query(ORDERS);
      await client.query(`insert into orders(item) values ('pencil'), ('paper')`);
    },
  );
  adminPassword = await readSecret(real.store.cluster.passwordFile);
  const { HEADGATE_SERVER: _s, HEADGATE_DATA: _d, HEADGATE_TOKEN_FILE: _t, ...env } = process.env;
  shell = new Shell(dir, {
    ...env,
    PATH: `${join(dir, 'bin')}:${env.PATH}`,
    SHOP_DATABASE_URL: `postgres://shop:plain@127.0.0.1:${port}/shop`,
    SHOP_ADMIN_URL: `postgres://postgres:${adminPassword}@127.0.0.1:${port}/postgres`,
  });
});

afterAll(async () => {
  await shell?.close();
  if (dir !== undefined) await endCell(join(dir, '.headgate', 'cells', 'shop-production'));
  await real?.remove();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

/** What an agent keeps lives on without it. */
async function endCell(cell: string): Promise<void> {
  await new ComponentProcess(join(cell, 'router'), { name: 'router' }).stop(2_000);
  for (const slot of ['blue', 'green'])
    for (const component of (await readSlot(slotDir(cell, slot)))?.components ?? [])
      await new ComponentProcess(slotDir(cell, slot), component).stop(2_000);
}

test.skipIf(tools === undefined)('every command of the tutorial does what it says', { timeout: 240_000 }, async () => {
  const started = performance.now();
  for (const command of await commandsOf(TUTORIAL)) {
    const ran = await shell.run(command, DEADLINE_MS);
    if (ran.code !== 0) throw new Error(`${command}\nended with ${ran.code}:\n${ran.output}\n${await shell.said()}`);
  }
  const seconds = (performance.now() - started) / 1_000;
  const said = (start: string) => shell.ran.findLast(({ command }) => command.startsWith(start))?.output ?? '';

  const lines = (await readFile(join(dir, 'shop', 'headgate.yaml'), 'utf8'))
    .split('\n')
    .filter((line) => /^[^#]*\S/.test(line) && !line.trim().startsWith('#'));
  expect(lines.length, 'about twenty lines').toBeLessThanOrEqual(20);
  expect(said('headgate plan')).toMatch(/It could not find out:\n- restore-point: .*\n- migration 0002-note: /);
  expect(said('headgate status')).toMatch(
    /shop-production +shop-production +controlled +1\.1\.0 × 1 +shop-production-db at 2/,
  );
  expect(said('headgate watch')).toContain('ended: promoted');
  expect(said('headgate doctor')).not.toContain('WRONG');

  // Not what anybody says, but what is: customers' answers, the table, the record, and that the data is theirs of before.
  const { router } = JSON.parse(await readFile(join(dir, '.headgate', 'cells', 'shop-production.json'), 'utf8'));
  const orders = await (await fetch(`http://127.0.0.1:${router.listenPort}/orders`)).json();
  expect(orders).toEqual([
    { id: 1, item: 'pencil', note: null },
    { id: 2, item: 'paper', note: null },
  ]);
  const record = await query('select version as n, applied_by from headgate.migration order by version');
  expect(record).toEqual([
    { n: 1, applied_by: 'was there before Headgate' },
    { n: 2, applied_by: expect.stringMatching(/./) },
  ]);
  const points = await readdir(join(dir, '.headgate', 'cells', 'shop-production-restore-points'));
  expect(points.filter((name) => /^rp-[0-9a-z-]+$/.test(name))).toHaveLength(1);
  expect(points.filter((name) => name.endsWith('.verified'))).toHaveLength(1);

  // Both URLs stayed where they were: in no answer, no log, and no file that was written.
  const { stdout: found } = await promisify(execFile)('grep', ['-rlaE', `:plain@|${adminPassword}`, '.'], {
    cwd: dir,
  }).catch(() => ({ stdout: '' }));
  expect(found).toBe('');
  const everything = `${shell.ran.map(({ output }) => output).join('')}${await shell.said()}`;
  for (const secret of [':plain@', adminPassword]) expect(everything).not.toContain(secret);

  const slowest = [...shell.ran].sort((a, b) => b.seconds - a.seconds)[0]!;
  process.stdout.write(
    `tutorial: ${shell.ran.length} commands, ${seconds.toFixed(1)} s; the slowest took ${slowest.seconds.toFixed(1)} s: ${slowest.command.slice(0, 70)}\n`,
  );
});

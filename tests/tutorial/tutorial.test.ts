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
import { processesAt } from '@headgate/adapters/machine/processes-in';
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

/** A command that ends well; answers what it said. */
async function run(command: string): Promise<string> {
  const { code, output } = await shell.run(command, DEADLINE_MS);
  if (code !== 0) throw new Error(`${command}\nended with ${code}:\n${output}\n${await shell.said()}`);
  return output;
}

/** The tutorial's commands up to the one with which it is ended, and that one with what follows. */
async function commands(): Promise<readonly [readonly string[], readonly string[]]> {
  const all = await commandsOf(TUTORIAL);
  const end = all.findIndex((command) => command.startsWith('headgate-agent stop'));
  return [all.slice(0, end), all.slice(end)];
}

const inReal = test.skipIf(tools === undefined);

inReal('every command of the tutorial does what it says', { timeout: 240_000 }, async () => {
  const started = performance.now();
  for (const command of (await commands())[0]) await run(command);
  const seconds = (performance.now() - started) / 1_000;
  const said = (start: string) => shell.ran.findLast(({ command }) => command.startsWith(start))?.output ?? '';

  const lines = (await readFile(join(dir, 'shop', 'headgate.yaml'), 'utf8'))
    .split('\n')
    .filter((line) => /^[^#]*\S/.test(line) && !line.trim().startsWith('#'));
  expect(lines.length, 'about twenty lines').toBeLessThanOrEqual(20);
  expect(said('headgate plan')).toMatch(
    /Judged on the way: restore-point before each migrate step\.\n\nIt could not find out:\n- migration 0002-note: /,
  );
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

inReal('a changed headgate.yaml is told of before it is approved, and waited for', { timeout: 120_000 }, async () => {
  const objection =
    /the agent agt_shop of shop-production doesn't hold the document shop-answers \(sha256:[0-9a-f]{64}\)/;
  await run("sed -i 's#health: /healthz#health: /orders#' shop/headgate.yaml");
  const setup = await run('headgate setup shop');
  expect(setup).toMatch(objection);
  expect(setup).toMatch(
    /carry the folder once more, and there:\n {2}headgate-agent stop --config .headgate\/agent\/agent.yaml --agent-only\n {2}headgate-agent enrol /,
  );
  expect(setup, 'its cell runs already').not.toContain('take-up');
  const doctor = await shell.run('headgate doctor', DEADLINE_MS);
  expect(doctor.code).toBe(1);
  expect(doctor.output).toMatch(new RegExp(`WRONG +pins: ${objection.source}`));
  await run('headgate --as developer release create shop --key .headgate/ci/release.key --version 1.2.0');
  expect(await run('headgate plan 1.2.0 --to shop-production --dry-run')).toMatch(objection);
  const asked = await run('headgate --as release-manager promote 1.2.0 --to shop-production');
  expect(asked).toMatch(objection);
  const id = /prm_\w+/.exec(asked)![0];
  expect(await run(`headgate --as approver approve ${id} --yes`)).toMatch(objection);
  await expect.poll(async () => run('headgate status'), { timeout: 30_000 }).toMatch(/its agent would refuse it/);

  // Mended as doctor says it.
  const [, read, pin = ''] = /to mend: read it: (.*); then: (.*)/.exec(doctor.output)!;
  expect(await run(String(read))).toMatch(/path: \/orders/);
  const [setUp, stop, enrol, start] = pin.split(' && ');
  expect(setUp).toBe('headgate setup shop');
  expect(await run(String(enrol)), 'while it runs').toMatch(
    /the agent that runs there \(pid \d+\) holds what it held before until it is started anew: headgate-agent stop --config \S+ --agent-only && headgate-agent run --config \S+/,
  );
  expect(await run(String(stop))).toMatch(/^ended the agent agt_shop \(pid \d+\); what it runs lives on/);
  // By its own word, at once.
  expect(await run('headgate status')).toMatch(
    /NOBODY LOOKS at cell shop-production: agt_shop ended at .* by its own word.*; to start it where it was enrolled: headgate-agent run --config \.headgate\/agent\/agent\.yaml/,
  );
  expect(await run(String(enrol))).not.toMatch(/holds what it held before/);
  await run(`${start} &`);
  expect(await run(`headgate watch ${id}`)).toContain('ended: promoted');
  expect(await run('headgate setup shop')).not.toMatch(/once more/);
  expect((await shell.run('headgate doctor', DEADLINE_MS)).output).toMatch(
    /ok +pins: what agents hold is what is in force/,
  );
});

inReal('the last section ends all that the tutorial began, and keeps the database', { timeout: 120_000 }, async () => {
  const { router } = JSON.parse(await readFile(join(dir, '.headgate', 'cells', 'shop-production.json'), 'utf8'));
  const [stop, leave, ...rest] = (await commands())[1];
  const still = await shell.run(stop!.replace(' --and-agent', ''), DEADLINE_MS);
  expect([still.code, still.output]).toEqual([
    1,
    expect.stringMatching(/agent agt_shop runs \(pid \d+\), and starts again/),
  ]);
  const unnamed = await shell.run(stop!.replace(' --tenants shop', ''), DEADLINE_MS);
  expect([unnamed.code, unnamed.output]).toEqual([1, expect.stringMatching(/shop is served there.*--tenants shop/)]);
  expect((await fetch(`http://127.0.0.1:${router.listenPort}/orders`)).status).toBe(200);

  const said = await run(stop!);
  expect(said).toMatch(/^ended the agent agt_shop \(pid \d+\)\ncell shop-production: ended router \(pid \d+\)\n/);
  expect(said).toMatch(/ended slot blue: web of 1\.2\.0 \(pid \d+\)\n/);
  await expect(fetch(`http://127.0.0.1:${router.listenPort}/orders`)).rejects.toThrow();
  expect(await run('headgate status')).toMatch(/a person ended agt_shop and all that it ran there, at /);
  const doctor = await shell.run('headgate doctor', DEADLINE_MS);
  expect([doctor.code, doctor.output]).toEqual([
    1,
    expect.stringMatching(/WRONG +agents: shop-production: a person ended agt_shop/),
  ]);
  const left = await run(leave!);
  expect(left).toMatch(/the schema headgate, with its tables .*\n {2}the role headgate_migrator_\d+/);
  expect(await run(leave!)).toBe('nothing of Headgate’s is in database shop\n');
  expect(await query(`select nspname as n from pg_namespace where nspname = 'headgate'`)).toEqual([]);
  for (const command of rest) await run(command);
  expect(shell.behind).toEqual([]);
  expect(await processesAt(dir)).toEqual([]);
  expect(await readdir(dir)).not.toContain('.headgate');
  expect(await query('select count(*)::int as n from orders')).toEqual([{ n: 2 }]);
});

inReal('all of it can be done a second time, on the same database', { timeout: 300_000 }, async () => {
  // The service as it was on the first day; the database is the one of before, without what the first trial's release added.
  await query('alter table orders drop column note');
  await rm(join(dir, 'shop'), { recursive: true });
  await writeShop(join(dir, 'shop'));
  const [trial, end] = await commands();
  for (const command of trial) await run(command);
  const { router } = JSON.parse(await readFile(join(dir, '.headgate', 'cells', 'shop-production.json'), 'utf8'));
  expect(await (await fetch(`http://127.0.0.1:${router.listenPort}/orders`)).json()).toHaveLength(2);

  // Ended without leaving the database: the third one is told, before anything of its is started.
  for (const command of end.filter((each) => !each.startsWith('headgate-agent leave'))) await run(command);
  expect(shell.ran.at(-1)!.output).toMatch(
    /not in it: what Headgate made in the database of shop-production-db, which stays there; to take that out first: headgate-agent leave --config \S+agent\.yaml --cell shop-production\n/,
  );
  expect(shell.behind).toEqual([]);
  const third = trial.findIndex((command) => command.startsWith('headgate-agent take-up'));
  await rm(join(dir, 'shop', 'headgate.yaml'));
  for (const command of trial.slice(0, third)) await run(command);
  const refused = await shell.run(trial[third]!, DEADLINE_MS);
  expect(refused.code).toBe(1);
  expect(refused.output).toMatch(
    /under control of another installation of Headgate: cell shop-production in .* on .*, since /,
  );
  const leave = /: (headgate-agent leave --config \S+ --cell \S+ --installation \S+)/.exec(refused.output)![1]!;
  expect(await run(`${leave} --yes`)).toMatch(/left database shop/);
  await run(trial[third]!);
  await run(end[0]!.replace(' --and-agent', ''));
  for (const command of end.slice(1)) await run(command);
  const role = `select count(*)::int as n from pg_roles, pg_database where datname = 'shop' and rolname = 'headgate_migrator_' || pg_database.oid`;
  expect(await query(role)).toEqual([{ n: 0 }]);
  expect(await query(`select nspname as n from pg_namespace where nspname = 'headgate'`)).toEqual([]);
  expect(await processesAt(dir)).toEqual([]);
});

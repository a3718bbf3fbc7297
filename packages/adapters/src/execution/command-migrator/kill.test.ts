import { type ChildProcess, spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationRef } from '@headgate/domain';
import { digestFor, stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { processesIn } from '../../machine/processes-in.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { CommandMigrations } from './command-config.ts';
import { CommandMigrator } from './command-migrator.ts';
import { erpProgram } from './testing/erp-program.ts';
import type { OneMigration } from './testing/migrate-once.ts';

const MAIN = new URL('testing/migrate-once.ts', import.meta.url).pathname;

let real: RealStore;
let migrations: object;
let migrator: CommandMigrator;
let flag: string;
let n = 0;
beforeAll(async () => {
  real = await realStore();
  const { user } = real.store.cluster.programs;
  const { program } = await erpProgram(real.dir, user);
  migrations = {
    kind: 'command',
    program,
    databaseEnv: { url: 'DATABASE_URL' },
    versionQuery: 'select name from erp_version order by n desc limit 1',
  };
  const store = { ...real.store, migrations: CommandMigrations.parse(migrations) };
  migrator = new CommandMigrator(new Map([['main', store]]), { dir: join(real.dir, 'commands'), user, node: '' });
  flag = join(real.dir, 'wait');
});
afterAll(() => real?.remove());

const query = async (sql: string) =>
  withClient(await real.store.cluster.connection('app'), (client) => client.query(sql).then(({ rows }) => rows));
const says = async () => (await query('select name from public.erp_version order by n')).map(({ name }) => name);
const sessions = () =>
  query(`select pid from pg_stat_activity where usename like 'headgate_migrator_%'`).then((rows) => rows.length);
const document = (words: readonly string[], from: string | null, to: string): string =>
  JSON.stringify({ apiVersion: 'headgate/v1', kind: 'CommandMigration', arguments: words, from, to });
function migration(from: number, text: string): MigrationRef {
  const file = { name: `${from + 1}.yaml`, digest: digestFor(text), size: text.length };
  return { id: `m${from + 1}`, from, to: from + 1, phase: 'expand', file };
}
const up = (from: number, text: string) =>
  migrator.up('main', migration(from, text), text, stepContext({ fence: { epoch: 7, n: ++n } }));
/** As a controller tries again: the server may not have seen yet that a killed agent's session is gone. */
async function upAgain(from: number, text: string): ReturnType<typeof up> {
  for (const until = performance.now() + 10_000; ; await sleep(20)) {
    const answer = await up(from, text);
    if (answer.ok || !answer.why.includes('another migration') || performance.now() > until) return answer;
  }
}

/** An agent of its own that begins the migration; killed with SIGKILL by whoever asked for it. */
async function agent(text: string): Promise<ChildProcess> {
  const one: OneMigration = {
    dir: real.dir,
    cluster: real.store.cluster.config,
    passwordFile: real.store.passwordFile,
    migrations,
    migration: migration(1, text),
    text,
    n: ++n,
  };
  const file = join(real.dir, 'one.json');
  await writeFile(file, JSON.stringify(one), { mode: 0o600 });
  const child = spawn(process.execPath, [MAIN, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()));
  return child;
}
async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await ended;
}

beforeEach(async () => {
  await query('delete from headgate.migration; delete from headgate.attempt');
  await query('drop table if exists public.erp_version, public.invoice');
  const one = document(['to', 'one'], null, 'one');
  expect(await up(0, one)).toEqual({ ok: true, value: { version: 1 } });
  await writeFile(flag, '');
});

/** Not done until somebody saw its end. */
const HALF_WAY = {
  schemaVersion: 1,
  drift: ["an upgrade from version 1 to 2 is under way, or was begun and didn't end"],
};

test.each([
  ['before its program changed anything', 'early', ['one']],
  ['after its program was done, and before it could say so', 'late', ['one', 'two']],
])('an agent that was killed %s: the next one ends what is left and finishes', async (_, how, said) => {
  const text = document([how, 'two', flag], 'one', 'two');
  const child = await agent(text);
  await expect.poll(sessions, { timeout: 20_000 }).toBe(1);
  await expect.poll(says, { timeout: 20_000 }).toEqual(said);
  await kill(child);
  expect(await migrator.look('main'), 'not done until somebody saw its end').toEqual(HALF_WAY);
  expect(await sessions(), 'the program lives on').toBe(1);
  await rm(flag);
  // It would end by itself by now, were it not ended first.
  expect(await upAgain(1, text)).toEqual({ ok: true, value: { version: 2 } });
  expect(await sessions()).toBe(0);
  expect(await says()).toEqual(['one', 'two']);
  expect(await migrator.look('main')).toEqual({ schemaVersion: 2 });
});

test('whoever opens the cell next ends what is left, before anything else', async () => {
  const child = await agent(document(['early', 'two', flag], 'one', 'two'));
  await expect.poll(sessions, { timeout: 20_000 }).toBe(1);
  await kill(child);
  await migrator.endLeftovers();
  await expect.poll(sessions).toBe(0);
  expect(await processesIn(join(real.dir, 'commands/main/scratch'))).toEqual([]);
});

test('a program that is killed from outside is told so, and can be called again', async () => {
  const text = document(['early', 'two', flag], 'one', 'two');
  const answer = up(1, text);
  await expect.poll(sessions, { timeout: 20_000 }).toBe(1);
  for (const pid of await processesIn(join(real.dir, 'commands/main/scratch'))) process.kill(pid, 'SIGKILL');
  expect(await answer).toMatchObject({
    ok: false,
    code: 'transient',
    why: expect.stringContaining('was ended from outside; the application says "one"'),
  });
  await rm(flag);
  expect(await up(1, text)).toEqual({ ok: true, value: { version: 2 } });
});

test('a session that the server ends is told so, and its program doesn’t go on', async () => {
  const text = document(['early', 'two', flag], 'one', 'two');
  const answer = up(1, text);
  await expect.poll(sessions, { timeout: 20_000 }).toBe(1);
  await query(`select pg_terminate_backend(pid) from pg_stat_activity where usename like 'headgate_migrator_%'`);
  expect(await answer).toMatchObject({ ok: false, why: expect.stringContaining('terminating connection') });
});

test('a decision that comes later while a program runs keeps what it did from being recorded', async () => {
  const text = document(['early', 'two', flag], 'one', 'two');
  const answer = up(1, text);
  await expect.poll(sessions, { timeout: 20_000 }).toBe(1);
  await query(`update headgate.fence set epoch = 8`);
  await rm(flag);
  expect(await answer).toMatchObject({ ok: false, code: 'fenced' });
  expect(await migrator.look('main')).toEqual(HALF_WAY);
  await query(`update headgate.fence set epoch = 7`);
});

test('killed at any moment, a migration happens once', async () => {
  const text = document(['slowly', 'two'], 'one', 'two');
  for (const afterMs of [30, 120, 250, 450, 700, 1_000]) {
    const child = await agent(text);
    await sleep(afterMs); // the moment of the kill, not something that is waited for
    await kill(child);
    expect(await upAgain(1, text), `killed after ${afterMs} ms`).toEqual({ ok: true, value: { version: 2 } });
    expect(await says()).toEqual(['one', 'two']);
    const down = document(['to', 'one'], 'two', 'one');
    const back = { ...migration(1, down), up: migration(1, text).file };
    const ctx = stepContext({ fence: { epoch: 7, n: ++n } });
    expect(await migrator.down('main', back, down, ctx)).toEqual({ ok: true, value: { version: 1 } });
    await query(`delete from public.erp_version where n > 1`);
  }
});

/** `headgate-agent dr …` of a cell with a store on somebody else's PostgreSQL: exercised, lost with its server, and rebuilt on another one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { externalDatabase } from '@headgate/adapters/execution/testing/external-database';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { alive, identify } from '@headgate/adapters/machine/process-identity';
import { processesBelow } from '@headgate/adapters/machine/processes-in';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { openRebuildExercise } from '@headgate/documents';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type LostCell, lostCell } from '../dr/testing/lost-cell.ts';
import { typed } from '../testing/typed.ts';
import { untoldFacts } from '../testing/untold-facts.ts';
import { backup } from './backup.ts';
import { dr } from './dr.ts';

vi.setConfig({ testTimeout: 300_000 });
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SUM = `select count(*)::int as n, md5(string_agg(e::text, '|' order by n)) as sum from entry e`;
const STANDS = ['--as', 'usr_ann', '--because', 'the provider is gone'];
const tools = await findTools(15, undefined);

let dir: string;
let lost: RealStore;
let next: RealStore;
let cell: LostCell;
/** As their restore points have them. */
let before: Record<string, unknown>[];
let shop: string;
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-servers-'));
  await chmod(dir, 0o755);
  lost = await realStore();
  next = await realStore();
  const own = await externalDatabase(lost);
  shop = own.name;
  const { url, adminUrl } = own.config;
  await cp((url as { file: string }).file, at('url'));
  await cp((adminUrl as { file: string }).file, at('admin-url'));
  cell = await lostCell({ external: { url: { file: at('url') }, adminUrl: { file: at('admin-url') } } });
  await admin(lost, `create role ${shop}_reader nologin`);
  await cell.query('main', `grant select on entry to ${shop}_reader`);
  before = await sums();
  await cell.seal();
  const taken = await typed(backup, ['network', '--config', cell.agentFile]);
  if (taken.code !== 0) throw new Error(taken.err);
  await cell.query('main', `insert into entry values (5000, 'after the restore point')`);
  await cell.ship();
}, 240_000);
afterAll(async () => {
  await cell?.remove();
  await lost?.remove();
  await next?.remove();
  await rm(dir, { recursive: true, force: true });
});

async function sums(): Promise<Record<string, unknown>[]> {
  return [...(await cell.query('main', SUM)), ...(await cell.query('platform', SUM))];
}
async function admin(server: RealStore, sql: string): Promise<Record<string, unknown>[]> {
  return withClient(await server.store.cluster.connection(), async (client) => (await client.query(sql)).rows);
}
const databases = async (server: RealStore): Promise<readonly unknown[]> =>
  (await admin(server, 'select datname as name from pg_database where not datistemplate order by 1')).map(
    (row) => row.name,
  );
const secret = /the-payment-key|the-vlan-key|plain-shop|postgres:\/\//;
const asked = (name: string, ...args: string[]) =>
  typed(dr, [name, '--config', cell.agentFile, '--release', cell.releaseDir, ...args], secret);

/** The same as a program of its own; `then` happens once it has said that. How it ended, and what it said. */
async function child(words: string, then: (program: ChildProcess) => unknown, name: string, ...args: string[]) {
  const typedArgs = ['dr', name, '--config', cell.agentFile, '--release', cell.releaseDir, ...args];
  const program = spawn(process.execPath, [MAIN, ...typedArgs], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let met = false;
  return new Promise<{ readonly said: string; readonly code: number | null }>((done, fail) => {
    program.stderr!.on('data', (chunk) => {
      said += String(chunk);
      if (met || !said.includes(words)) return;
      met = true;
      then(program);
    });
    program.once('exit', (code) => (met ? done({ said, code }) : fail(new Error(said))));
  });
}
const killedAt = (words: string, ...typedArgs: [string, ...string[]]) =>
  child(words, (program) => program.kill('SIGKILL'), ...typedArgs);
const exercises = async (): Promise<readonly string[]> =>
  (await readdir(cell.workDir)).filter((name) => name.startsWith('exercise-'));
/** The new place’s server in the files that the cell's names, as a database of that name. */
async function name(server: RealStore, database = shop): Promise<void> {
  const { cluster } = server.store;
  const { port } = cluster.config;
  const password = await readSecret(cluster.passwordFile);
  await writeFile(at('url'), `postgres://${shop}:plain-${shop}@127.0.0.1:${port}/${database}\n`, { mode: 0o600 });
  await writeFile(at('admin-url'), `postgres://postgres:${password}@127.0.0.1:${port}/postgres\n`, { mode: 0o600 });
}

describe.skipIf(tools === undefined)('With PostgreSQL’s tools', () => {
  test('the plan and the runbook say what a person gives, and that everything since the restore point is lost', async () => {
    const planned = await asked('plan');
    expect(planned.code).toBe(0);
    expect(planned.out).toMatch(
      /3\. store\/main\n {7}after configuration\/network, store\/platform\n {7}done when rows and sums .*; the schema is 0; pg_amcheck/,
    );
    expect(planned.out).toMatch(
      /main: rp-\S+ of \S+, schema 0, 1 MB; the last .* would be lost: a dump has no log, and everything since it goes\n/,
    );
    expect(planned.out).toMatch(
      new RegExp(
        `a person gives a PostgreSQL 15 or later that isn’t the lost one, .*; ${at('url')} names ${shop} on 127\\.0\\.0\\.1:\\d+, as ${shop} now`,
      ),
    );
    expect(planned.out).toMatch(/a person gives on this machine pg_restore of PostgreSQL 15 or later/);
    expect(planned.out).toContain(`roles that rights in it name: ${shop}_reader`);
    const written = (await asked('runbook')).out;
    expect(written).toMatch(/For the store main somebody gives a PostgreSQL 15 or later/);
    expect(written).toMatch(
      new RegExp(
        `which must not be the lost one\\). Its database ${shop} is made there, or is there and empty; its login ${shop} is made`,
      ),
    );
    expect(written).toMatch(
      /restore-points fetch --config \S+ --store main --cell shared --id rp-\S+ --identity \S+ --to \S+\nexport PGHOST=NEW_SERVER/,
    );
    expect(written).toMatch(/pg_restore --exit-on-error --no-owner --role=/);
  });

  test('what is wrong is refused by its name: a key, a part, a URL, no program that reads a dump, one database for two', async () => {
    const refused = async (words: RegExp, ...args: string[]): Promise<void> => {
      for (const each of ['plan', 'exercise'])
        expect(await asked(each, ...args), each).toMatchObject({ code: 1, err: expect.stringMatching(words) });
      expect(await exercises()).toEqual([]);
    };
    const other = at('other.txt');
    await writeFile(other, `${(await newIdentity()).identity}\n`, { mode: 0o600 });
    await refused(/store main: the part contents of rp-.* can't be decrypted/, '--identity', other);
    const points = join(cell.vaultDir, 'points', 'production', 'shared', 'main');
    const point = join(points, (await readdir(points))[0]!);
    const part = join(point, (await readdir(point)).find((each) => each.startsWith('database-'))!);
    const without = async (file: string, words: RegExp): Promise<void> => {
      await rename(file, at('aside'));
      await refused(words).finally(() => rename(at('aside'), file));
    };
    await without(part, /store main: .*the part database-\d+ of rp-.* isn't in .*\n.*what helps: bring it back/);
    await without(
      at('url'),
      /externalStores\.main\.url: \S+url isn’t there\n.*what helps: write the connection URL of the new place’s server there/,
    );
    await mkdir(at('no-tools'));
    const { externalStores, ...rest } = cell.config;
    try {
      await cell.configure({ ...rest, externalStores: { main: { ...externalStores.main, toolsDir: at('no-tools') } } });
      await refused(/externalStores\.main\.toolsDir: no pg_restore of PostgreSQL 15 or later is on this machine/);
      await cell.configure({ ...rest, externalStores: { ...externalStores, second: externalStores.main } });
      await refused(/externalStores\.second\.url: \S+ is the database of the store main, too/);
    } finally {
      await cell.configure(cell.config);
    }
  });

  test('an exercise restores it on a PostgreSQL of its own, also after one that was killed, and touches neither the store nor its server', async () => {
    const there = [await databases(lost), await sums()];
    await killedAt('main: it is loaded on', 'exercise');
    const [left] = await exercises();
    const runs = (await processesBelow(join(cell.workDir, left!, 'servers'))).flatMap((pid) => identify(pid) ?? []);
    expect(runs.length).toBeGreaterThan(3);
    const statement = at('statement.json');
    const ran = await asked(
      'exercise',
      '--verification',
      cell.verificationFile,
      '--statement',
      statement,
      '--rpo',
      '3600',
    );
    expect(ran.out).toMatch(/main from rp-\S+: 3000 rows in 1 table compared; pg_amcheck found nothing wrong\n/);
    expect(ran).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /2 tenants led to 1\.4\.0\n.*3 business transactions went well\n {2}RTO: .* until the first business transaction\n {2}RPO: .*\nIt went well\.\n$/s,
      ),
    });
    expect(await exercises()).toEqual([]);
    expect(runs.filter(alive)).toEqual([]);
    expect([await databases(lost), await sums()]).toEqual(there);
    const signers = await ownSigners(cell.config.vault!.keyFile);
    const opened = openRebuildExercise(await readFile(statement, 'utf8'), { signers });
    expect(opened).toMatchObject({ ok: true, facts: { routed: 2, transactions: 3, missing: [] } });
    expect((await untoldFacts(cell.dataDir)).at(-1)).toMatchObject({
      kind: 'exercise',
      result: 'done',
      stores: [{ store: 'platform' }, { store: 'main' }],
    });
    expect((await asked('plan')).out).toMatch(/5 steps, .* when it was last exercised:/);
  });

  test('sabotage: a transaction that fails leaves no RTO, and what was written since the dump counts as lost', async () => {
    const { drill } = cell.config.vault!;
    const { command } = drill!.transactions!;
    await cell.configure({
      ...cell.config,
      vault: { ...cell.config.vault!, drill: { ...drill!, transactions: { command: [...command, 'fails'] } } },
    });
    try {
      expect(await asked('exercise', '--rpo', '1')).toMatchObject({
        code: 1,
        out: expect.stringMatching(
          /RTO: no business transaction ever succeeded\n {2}RPO: the last .* would be lost\n {2}WRONG: business: .* on main/,
        ),
        err: expect.stringContaining('more than the last 1 s would be lost'),
      });
    } finally {
      await cell.configure(cell.config);
    }
  });

  test('rebuilt it is on no server but another one: not the very database, nor its server, nor over anything, nor where nobody answers', async () => {
    await cell.lose();
    const refused = async (words: RegExp): Promise<void> => {
      const there = await databases(next);
      expect(await asked('rebuild', ...STANDS)).toMatchObject({ code: 1, err: expect.stringMatching(words) });
      expect(await databases(next)).toEqual(there);
      expect(await readdir(cell.dir)).not.toContain('machine');
    };
    await refused(
      /nothing was begun:[\s\S]*externalStores\.main\.url: \S+ is the very database that the cell shared had, and it is there\n.*what helps: name the server of the new place/,
    );
    await name(lost, 'another');
    await refused(/externalStores\.main\.url: \S+ is the server that the store was on as its restore point was taken/);
    await name(next);
    await refused(new RegExp(`roles that aren’t on \\S+: ${shop}_reader\\n.*create role "${shop}_reader" nologin;`));
    await admin(next, `create role ${shop}_reader nologin`);
    await admin(next, `create database ${shop}`);
    await withClient(await next.store.cluster.connection(shop), (client) => client.query('create table theirs(n int)'));
    await refused(/the database \S+ on \S+ isn’t empty: it has .*theirs.*Nothing is written over/);
    await admin(next, `drop database ${shop}`);
    await next.store.cluster.stop();
    expect(await asked('rebuild', ...STANDS)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/nothing was begun:[\s\S]*adminUrl: \S+ can’t be asked: /),
    });
    await next.store.cluster.start();
  });

  test('it stands again row by row where its rebuilding was killed twice, and its server went away in the midst', async () => {
    await lost.store.cluster.stop();
    const there = await databases(next);
    await killedAt('main: it is loaded on', 'rebuild', ...STANDS);
    expect(await databases(next)).not.toContain(shop);
    // It waits as it loads, until its server is gone.
    await mkdir(at('slow'));
    const wait = `case "$*" in *--list*) ;; *) touch ${at('loads')}; until [ -e ${at('gone')} ]; do sleep 0.1; done ;; esac\n`;
    for (const [program, first] of Object.entries({ pg_dump: '', pg_restore: wait })) {
      const script = `#!/bin/sh\n${first}exec ${join(tools!, program)} "$@"\n`;
      await writeFile(join(at('slow'), program), script, { mode: 0o755 });
    }
    const { externalStores, ...rest } = cell.config;
    await cell.configure({ ...rest, externalStores: { main: { ...externalStores.main, toolsDir: at('slow') } } });
    const stop = async (): Promise<void> => {
      await vi.waitFor(() => access(at('loads')), { timeout: 60_000 });
      await next.store.cluster.stop(0);
      await writeFile(at('gone'), '');
    };
    const away = await child('main: it is loaded on', stop, 'rebuild', ...STANDS);
    expect(away).toMatchObject({
      code: 1,
      said: expect.stringMatching(
        /store\/platform: it is done already[\s\S]*store\/main: NOT done: 127\.0\.0\.1:\d+ went away \(.*Called again it is made anew[\s\S]*called again it goes on there/,
      ),
    });
    await next.store.cluster.start();
    expect((await databases(next)).filter((each) => !there.includes(each))).toEqual([
      expect.stringContaining('__rebuilding_'),
    ]);
    await cell.configure(cell.config);
    await killedAt('main: tables and indexes are checked', 'rebuild', ...STANDS);
    const ran = await asked('rebuild', ...STANDS);
    expect(ran).toMatchObject({
      code: 0,
      out: expect.stringMatching(/shared \(production\) stands again, by usr_ann/),
    });
    expect(await sums()).toEqual(before);
    expect((await databases(next)).filter((each) => !there.includes(each))).toEqual([shop]);
    const answer = await fetch(`http://127.0.0.1:${cell.config.router.listenPort}/t/ada/work`);
    expect(await answer.json()).toMatchObject({ state: 'done', payment: 'https://payment.example.org' });
    const [rights] = await cell.query(
      'main',
      `select has_table_privilege('${shop}_reader', 'entry', 'select') as reads`,
    );
    expect(rights).toEqual({ reads: true });
    const [fence] = await withClient(
      await next.store.cluster.connection(shop),
      async (client) => (await client.query('select epoch::int from headgate.fence')).rows,
    );
    expect(fence).toEqual({ epoch: 3 });
    expect((await untoldFacts(cell.dataDir)).at(-1)).toMatchObject({
      kind: 'rebuild',
      by: 'usr_ann',
      result: 'done',
      stores: [{ store: 'platform' }, { store: 'main' }],
    });
  });

  test('a later call finds the store done', async () => {
    const again = await asked('rebuild', ...STANDS);
    expect(again).toMatchObject({ code: 0, err: expect.stringContaining('store/main: it is done already') });
    expect(await sums()).toEqual(before);
  });
});

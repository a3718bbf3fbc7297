/** A database of a service's own, taken up, left, and taken up again: by the shipped command, on a real PostgreSQL 15. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CellConfig, parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { endRunning, lookAtRunning } from '@headgate/adapters/execution/running-cell';
import { externalDatabase } from '@headgate/adapters/execution/testing/external-database';
import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { processesBelow } from '@headgate/adapters/machine/processes-in';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadService, writeServiceCells } from '../service/service-cells.ts';
import { takeUpService } from '../service/take-up-service.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SERVER = `import http from 'node:http';
http.createServer((q, r) => r.end('answered')).listen(process.env.PORT, '127.0.0.1');
`;

/** One installation on this machine: its folder, its agent's configuration, its cell. */
interface Installation {
  readonly dir: string;
  readonly service: string;
  readonly config: CellConfig;
}

let real: RealStore;
let database: string;
let first: Installation;
let second: Installation;
let third: Installation | undefined;

beforeAll(async () => {
  real = await realStore();
  const made = await externalDatabase(real);
  database = made.name;
  first = await installation(made.config);
  second = await installation(made.config);
});
afterAll(async () => {
  for (const each of [first, second, third].filter((one) => one !== undefined)) {
    await endRunning(each.config, () => {});
    await rm(each.dir, { recursive: true, force: true });
  }
  await real?.remove();
});

async function installation(urls: { url: { file: string }; adminUrl: { file: string } }): Promise<Installation> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-trial-'));
  await chmod(dir, 0o755);
  await mkdir(join(dir, 'desk', 'sql'), { recursive: true });
  await mkdir(join(dir, 'data'), { mode: 0o700 });
  const service = join(dir, 'desk', 'headgate.yaml');
  await writeFile(
    service,
    `apiVersion: headgate/v1
kind: Service
metadata: {name: desk, owner: team-desk}
spec:
  run: ["\${node}", "\${dir}/server.mjs"]
  files: [server.mjs]
  health: /health
  migrations: sql
  environments: [{name: staging, database: {url: {file: ${urls.url.file}}, adminUrl: {file: ${urls.adminUrl.file}}}}]
`,
  );
  await writeFile(join(dir, 'desk', 'server.mjs'), SERVER);
  await writeFile(join(dir, 'desk', 'sql', '1-tickets.sql'), 'create table tickets(n int);');
  const [cellFile] = await writeServiceCells(await loadService(service), ['staging'], join(dir, 'cells'));
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  await writeFile(join(dir, 'trust.yaml'), sealedPlan().trustText);
  const agent = {
    server: 'http://127.0.0.1:1',
    name: 'agt_desk',
    tokenFile: join(dir, 'token'),
    dataDir: join(dir, 'data'),
    trustFile: join(dir, 'trust.yaml'),
    environments: [{ name: 'staging' }],
    cellFiles: [cellFile],
  };
  await writeFile(join(dir, 'agent.yaml'), JSON.stringify(agent));
  return { dir, service, config: parseCellConfig(JSON.parse(await readFile(cellFile!, 'utf8'))) };
}

/** The shipped program, as a person types it. */
async function agent(of: Installation, command: string, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, command, '--config', join(of.dir, 'agent.yaml'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += String(chunk);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const takeUp = (of: Installation) => agent(of, 'take-up', '--service', of.service, '--version', '1.0');
const ask = (of: Installation) =>
  fetch(`http://127.0.0.1:${of.config.router.listenPort}/`).then((response) => response.text());
const admin = async <T extends object>(sql: string): Promise<T[]> =>
  withClient(await real.store.cluster.connection(database), async (client) => (await client.query<T>(sql)).rows);
const ours = () => admin(`select nspname from pg_namespace where nspname = 'headgate'`);

test('a database without a table isn’t taken up as if its migrations were done, and nothing is made in it', async () => {
  const refused = await takeUp(first);
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(refused.err).toMatch(
    /holds no table, and take-up would record its migration as carried out without running any/,
  );
  expect(await ours()).toEqual([]);
  await admin(`create table tickets(n int); alter table tickets owner to ${database}`);
});

test('a migration whose column isn’t in the database is named with its file before anything is begun', async () => {
  const ahead = join(first.dir, 'desk', 'sql', '2-note.sql');
  await writeFile(ahead, 'alter table tickets add column note text;');
  const refused = await takeUp(first);
  await rm(ahead);
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(refused.err).toMatch(/lacks .*: tickets\.note \(made by .*2-note\.sql\)\. .*nothing was recorded or started/);
  expect(await ours()).toEqual([]);
});

test('a take-up that broke off is finished by the next one, and until then is never said to run', async () => {
  // As if somebody had decided there meanwhile: the last part of it, the routes, is refused.
  await takeUpService({ cells: [first.config] }, first.service, '1.0', () => {}).then(
    () => {},
    () => {},
  );
  await endRunning(first.config, () => {});
  await admin(`delete from headgate.route`);
  await admin(`update headgate.fence set epoch = 1, n = 5`);
  for (const _ of [1, 2]) {
    const broken = await takeUp(first);
    expect([broken.code, broken.out]).toEqual([1, '']);
    expect(broken.err).toMatch(/later decision/);
  }
  await admin(`update headgate.fence set epoch = 0, n = 0`);
  const finished = await takeUp(first);
  expect([finished.code, JSON.parse(finished.out)]).toEqual([0, expect.objectContaining({ how: 'taken up' })]);
  expect(await ask(first)).toBe('answered');
  expect(JSON.parse((await takeUp(first)).out)).toMatchObject({ how: 'runs already' });
});

test('another folder than the one that was begun with isn’t mixed with it', async () => {
  await admin(`delete from headgate.route`);
  const other = await agent(first, 'take-up', '--service', first.service, '--version', '2.0');
  expect(other.code).toBe(1);
  expect(other.err).toMatch(
    /slot blue holds 1\.0 \(running\), which isn't the folder as it stands now \(2\.0\); and no slot serves desk/,
  );
  expect(JSON.parse((await takeUp(first)).out)).toMatchObject({ how: 'taken up' });
});

test('another installation’s database is refused before anything starts, with whose it is and two ways out', async () => {
  const refused = await takeUp(second);
  expect(refused.code).toBe(1);
  const id = /--installation ([0-9a-f]{12})/.exec(refused.err)?.[1];
  expect(refused.err).toContain(`another installation of Headgate: cell desk-staging in ${first.config.dir} on `);
  expect(refused.err).toMatch(/carry on under that installation/);
  expect(refused.err).toContain(
    `headgate-agent leave --config ${join(second.dir, 'agent.yaml')} --cell desk-staging --installation ${id}`,
  );
  expect(await processesBelow(join(second.dir, 'cells'))).toEqual([]);
  expect((await lookAtRunning(second.config)).parts).toEqual([]);
  expect(await ask(first)).toBe('answered');
});

test('nothing is left while a cell runs, by whoever has it; nor while its owner works there, nor unnamed', async () => {
  const running = await agent(first, 'leave', '--yes');
  expect(running.code).toBe(1);
  expect(running.err).toMatch(
    /router, slot blue: web of 1\.0 run\. End that first: headgate-agent stop --config \S+ --cell \S+ --tenants desk\n/,
  );
  const unnamed = await agent(second, 'leave', '--yes');
  expect(unnamed.code).toBe(1);
  expect(unnamed.err).toMatch(/say that you mean it: --installation [0-9a-f]{12}\n/);
  const hold = await holdCell(first.config.dir);
  const atWork = await agent(second, 'leave', '--yes', '--installation', /--installation (\w+)/.exec(unnamed.err)![1]!);
  await hold.release();
  expect(atWork.err).toMatch(/That one is at work there now/);
  expect(await ours()).toHaveLength(1);
  const gone = await agent(first, 'leave', '--drop', 'customers', '--yes');
  expect(gone.code).toBe(1);
});

test('a leave that removed nothing leaves the cell as it was: it can be started, and left later', async () => {
  expect((await agent(first, 'stop', '--tenants', 'desk')).code).toBe(0);
  // What PostgreSQL alone refuses: an extension's member.
  await admin('alter extension plpgsql add table headgate.route');
  const failed = await agent(first, 'leave', '--yes');
  expect([failed.code, failed.err]).toEqual([1, expect.stringMatching(/extension plpgsql.*nothing was removed there/)]);
  await admin('alter extension plpgsql drop table headgate.route');
  expect(JSON.parse((await takeUp(first)).out)).toMatchObject({
    how: expect.stringMatching(/^(taken up|runs already)$/),
  });
  expect(await ask(first)).toBe('answered');
});

test('a copy of a cell’s folder is another installation: it neither takes up nor leaves what the original has', async () => {
  const number = join(second.config.dir, 'claim-id');
  const before = await readFile(number);
  await cp(join(first.config.dir, 'claim-id'), number);
  const id = (await readFile(number, 'utf8')).trim();
  const refused = await takeUp(second);
  expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/this folder has its number, too/)]);
  const unnamed = await agent(second, 'leave', '--yes');
  expect(unnamed.err).toMatch(/this folder has its number, too: it is a copy .* say that you mean it: --installation/);
  const hold = await holdCell(first.config.dir);
  const atWork = await agent(second, 'leave', '--yes', '--installation', id);
  await hold.release();
  expect([unnamed.code, atWork.code, atWork.err]).toEqual([1, 1, expect.stringMatching(/is at work there now/)]);
  expect(await ours()).toHaveLength(1);
  await writeFile(number, before);
});

test('a copy of a database in use is taken up once what came along is out of it, and the original isn’t touched', async () => {
  const copy = `${database}_copy`;
  await withClient(await real.store.cluster.connection(), async (client) => {
    await client.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [database]);
    await client.query(`create database ${copy} template ${database} owner ${database}`);
  });
  await withClient(await real.store.cluster.connection(copy), (client) =>
    client.query('update headgate.fence set epoch = 1, n = 1'),
  );
  const { url, adminUrl } = Object.values(first.config.externalStores)[0]! as Parameters<typeof installation>[0];
  const file = join(second.dir, 'copy-url');
  await writeFile(file, (await readFile(url.file, 'utf8')).replace(/\/[^/]*$/, `/${copy}\n`), { mode: 0o600 });
  third = await installation({ url: { file }, adminUrl });
  const hold = await holdCell(first.config.dir);
  const refused = await takeUp(third);
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringMatching(/is a copy: what is in it of Headgate came along/),
  ]);
  const command = `headgate-agent leave --config ${join(third.dir, 'agent.yaml')} --cell desk-staging\n`;
  expect(refused.err).toContain(command);
  expect(refused.err).not.toContain('--installation');
  const left = await agent(third, 'leave', '--yes');
  await hold.release();
  expect([left.code, left.out]).toEqual([0, expect.stringMatching(/\(it is a copy: .*; nothing changes there\)/)]);
  expect(JSON.parse((await takeUp(third)).out)).toMatchObject({ how: 'taken up' });
  expect(await ask(third)).toBe('answered');
  expect(await ours()).toHaveLength(1);
});

test('what another installation’s restore put aside isn’t dropped by name alone', async () => {
  const aside = `${database}__before`;
  const on = async (sql: string, name?: string) =>
    withClient(await real.store.cluster.connection(name), (client) => client.query(sql));
  await on(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${database}'`);
  await on(`create database ${aside} template ${database} owner ${database}`);
  await on(`update headgate.claim set id = 'b0b0b0b0b0b0', folder = '/other', place = null`, aside);
  expect((await agent(first, 'stop', '--tenants', 'desk')).code).toBe(0);
  const refused = await agent(first, 'leave', '--drop', aside, '--yes');
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringMatching(
      /was put aside by another installation of Headgate: .* in \/other on .*--installation b0b0b0b0b0b0/,
    ),
  ]);
  expect((await on(`select from pg_database where datname = '${aside}'`)).rowCount).toBe(1);
  await on(`drop database ${aside}`);
});

test('it says what it would remove, asks, removes that, and is done however often it is called', async () => {
  expect((await agent(first, 'stop', '--tenants', 'desk')).code).toBe(0);
  const unasked = await agent(first, 'leave');
  expect(unasked.code).toBe(2);
  expect(unasked.out).toMatch(
    /^database shop\d+ \(store desk-staging-db\): to be removed from it, and nothing else:\n {2}the schema headgate, with its tables attempt, claim, fence, migration, permit, route\n {2}the role headgate_migrator_\d+, which only migrations used\nnothing was removed\n$/,
  );
  const wrong = await agent(first, 'leave', '--drop', 'customers', '--yes');
  expect(wrong).toMatchObject({
    code: 1,
    err: expect.stringMatching(/--drop: customers is no database that Headgate put aside; there is none/),
  });
  expect(await ours()).toHaveLength(1);
  const left = await agent(first, 'leave', '--yes');
  expect([left.code, left.out]).toEqual([
    0,
    expect.stringMatching(/left database shop\d+: nothing of Headgate’s is in it any more\n$/),
  ]);
  expect(await ours()).toEqual([]);
  const again = await agent(first, 'leave', '--yes', '--json');
  expect([again.code, JSON.parse(again.out)]).toEqual([0, { left: [], dropped: [] }]);
});

test('a cell that has left its database is started no more, and says how to begin anew', async () => {
  const refused = await takeUp(first);
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/has left its databases .*data folder of its own/),
  });
  expect(await ours()).toEqual([]);
});

test('the next installation takes the database up; without its folder it is left by number, from another one', async () => {
  expect(JSON.parse((await takeUp(second)).out)).toMatchObject({ how: 'taken up' });
  expect(await ask(second)).toBe('answered');
  await admin(`update headgate.fence set epoch = 1, n = 1`);
  await endRunning(second.config, () => {});
  // Its folder is gone, as after `headgate data remove`; a third one is made in the same place.
  await rm(second.config.dir, { recursive: true });
  await mkdir(join(second.dir, 'copy'));
  await cp(second.service, join(second.dir, 'copy', 'headgate.yaml'));
  const refused = await takeUp(second);
  expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/that folder was made anew since/)]);
  const id = /--installation ([0-9a-f]{12})/.exec(refused.err)![1]!;
  const left = await agent(second, 'leave', '--installation', id, '--yes');
  expect(left.code).toBe(0);
  expect(JSON.parse((await takeUp(second)).out)).toMatchObject({ how: 'taken up' });
  expect(await ask(second)).toBe('answered');
});

test('a database of before there were claims, with decisions in it, is another’s until somebody says so', async () => {
  await endRunning(second.config, () => {});
  await admin('drop table headgate.claim');
  await admin(`update headgate.fence set epoch = 1, n = 1`);
  await rm(second.config.dir, { recursive: true });
  const refused = await takeUp(second);
  expect(refused.err).toMatch(/of a version that didn’t write down which/);
  expect(refused.err).toMatch(/--installation unknown\n/);
  expect((await agent(second, 'leave', '--yes')).code).toBe(1);
  expect((await agent(second, 'leave', '--yes', '--installation', 'unknown')).code).toBe(0);
  expect(await ours()).toEqual([]);
});

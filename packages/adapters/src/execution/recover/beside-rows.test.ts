/** What a store has beside rows is seen, part by part: a real cluster, and a copy of its files that stands for then. */
import { execFileSync } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { otherLines, STORE_PARTS, type StorePart } from '@headgate/domain';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { compareStores, lookAtStore } from './compare-stores.ts';

const signal = new AbortController().signal;
let real: RealStore;
let copy: Cluster;

beforeAll(async () => {
  real = await realStore();
  await on(`create sequence inv_no; create unlogged table basket(n int); create table entry(n int primary key, note text);
    create function price() returns int language sql as 'select 1'; insert into entry values (1, 'one');
    create role clerk login password 'x'`);
  await real.store.cluster.stop();
  const to = join(real.dir, 'copy');
  execFileSync('cp', ['-a', real.store.cluster.dir, to]);
  const { archiveDir: _, ...config } = real.store.cluster.config;
  copy = new Cluster({ ...config, dir: to, port: await freePort() }, real.store.cluster.programs);
  await Promise.all([real.store.cluster.start(), copy.start()]);
}, 120_000);
afterAll(async () => {
  await copy?.stop(0);
  await real?.remove();
});

const on = async (sql: string, database = 'app', cluster = real.store.cluster): Promise<void> =>
  withClient(await cluster.connection(database), async (client) => void (await client.query(sql)));
const stands = () => real.store;
const stood = () => ({ cluster: copy, database: 'app', user: 'app' });
const compared = () => compareStores(stands(), stood(), signal);
const changed = async (was: Awaited<ReturnType<typeof lookAtStore>>): Promise<readonly StorePart[]> => {
  const { beside } = await lookAtStore(stands(), signal);
  return STORE_PARTS.filter((part) => beside?.[part] !== was.beside?.[part]);
};

test('a copy of the same files differs in nothing, whatever PostgreSQL does by itself: vacuum, a rebuilt index, sessions’ own tables', async () => {
  const session = new pg.Client(await real.store.cluster.connection('app'));
  await session.connect();
  try {
    await session.query(`create temp table own(t text); insert into own values ('x')`);
    for (const sql of ['vacuum full analyze', 'reindex database app', 'truncate headgate.fence, headgate.route'])
      await on(sql);
    // Whoever logs in anew gets the login's password anew, with another salt.
    await on(`alter role app with login password 'another'`);
    const { others, othersInAll, live, was, databases } = await compared();
    expect({ others, othersInAll, databases }).toEqual({ others: [], othersInAll: 0, databases: [] });
    expect(live.beside).toEqual(was.beside);
  } finally {
    await session.end();
  }
});

test('each kind of change turns its part alone, and is told by its name and never by a definition', {
  timeout: 300_000,
}, async () => {
  const hba = (): Promise<void> =>
    appendFile(join(real.store.cluster.data, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n');
  const changes: readonly (readonly [StorePart, string | (() => Promise<void>), string?])[] = [
    ['sequences', `select nextval('inv_no') from generate_series(1, 500)`],
    ['unlogged', 'insert into basket select generate_series(1, 1000)'],
    ['largeObjects', `select lo_from_bytea(424242, 'an invoice')`],
    ['definitions', `create or replace function price() returns int language sql as 'select 2 /* secret */'`],
    ['definitions', 'create index entry_note on entry(note)'],
    ['definitions', 'alter table entry replica identity full'],
    ['definitions', `create operator === (function = int4eq, leftarg = int, rightarg = int)`],
    ['definitions', `create function headgate.backdoor() returns int language sql as 'select 1'`],
    ['definitions', `insert into headgate.migration(version, id, digest, applied_by) values (7, 'x', 'y', 'z')`],
    ['roles', `create role backdoor login superuser password 'x'`],
    ['roles', 'alter role app superuser'],
    ['roles', 'grant pg_read_all_data to clerk'],
    ['roles', `alter role clerk password 'y'`],
    ['settings', `alter system set work_mem = '5MB'`],
    ['settings', `alter role clerk set search_path = 'other'`],
    ['settings', hba],
    ['databases', 'create table kept_here(n int)', 'postgres'],
    ['databases', 'create database other'],
    ['databases', 'create table t as select generate_series(1, 3) as n', 'other'],
  ];
  for (const [part, change, database] of changes) {
    const was = await lookAtStore(stands(), signal);
    await (typeof change === 'string' ? on(change, database) : change());
    expect(await changed(was), String(change)).toEqual([part]);
  }
  const { others, othersInAll, tables, databases } = await compared();
  expect(tables).toEqual([]);
  expect(databases).toEqual(['other']);
  const lines = otherLines(others, othersInAll);
  expect(lines.join('\n')).not.toMatch(/secret|kept_here\(|select/);
  expect(lines).toEqual([
    'Beside rows, 18 things go back as well (roles, other databases of its cluster, sequences, unlogged tables, large objects, definitions of objects, settings):',
    '  role app: superuser → no rights of its own',
    '  role backdoor, superuser, may log in: goes away',
    '  role clerk: may log in, in pg_read_all_data → may log in',
    '  database other: goes away',
    '  database postgres: column public.kept_here.n: goes away',
    '  database postgres: order of columns of public.kept_here: goes away',
    '  database postgres: rows of public.kept_here, 0: goes away',
    '  database postgres: table public.kept_here: goes away',
    '  sequence public.inv_no: next 501 → next 1, so numbers that were given are given again',
    '  unlogged table public.basket: 1,000 rows → 0 rows',
    '  large objects, 1 of them: goes away',
    '  Headgate’s own table headgate.migration: 1 row → 0 rows',
    '  PostgreSQL’s own table pg_operator: is otherwise then',
    '  index public.entry_note: goes away',
    '  routine public.price(): is otherwise then',
    '  file pg_hba.conf: is otherwise then',
    '  file postgresql.auto.conf: is otherwise then',
    '  settings of clerk: goes away',
  ]);
});

test('a database that nobody can look into is refused: it would go back unseen', async () => {
  const was = await lookAtStore(stands(), signal);
  await on('create database closed allow_connections false');
  await expect(compared()).rejects.toThrow(/database closed goes back .* takes no connections/);
  expect(await changed(was)).toEqual(['databases']);
  await on('drop database closed');
});

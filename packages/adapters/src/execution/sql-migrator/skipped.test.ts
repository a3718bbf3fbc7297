/** What PostgreSQL passes over with a warning, on real servers. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { Cluster, findPrograms, openCluster, type PostgresMajor } from '../../postgres-cluster/index.ts';
import { beyondSystem, listenForSkips, type Skip, skippedRefusal } from './skipped.ts';

describe.each<[PostgresMajor]>([[15], [18]])('on PostgreSQL %i', (major) => {
  let dir: string;
  let cluster: Cluster;
  let control: pg.Client;
  let client: pg.Client;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-skipped-'));
    await chmod(dir, 0o755);
    cluster = await openCluster(
      { dir: join(dir, 'cluster'), port: await freePort(), settings: { fsync: 'off' } },
      await findPrograms(major, dir),
    );
    control = new pg.Client(await cluster.connection());
    await control.connect();
    await control.query(`create role own; grant create on schema public to own;
      create table theirs(id int primary key, t text); grant select, insert, update, delete on theirs to public;
      set role own; create table mine(id int primary key, a int, exclude using btree (a with =)); create index mine_a on mine(a); reset role;
      update pg_index set indisvalid = false where indexrelid = 'mine_a'::regclass`);
    client = new pg.Client(await cluster.connection());
    await client.connect();
    await client.query('set role own');
  });
  afterAll(async () => {
    await client?.end();
    await control?.end();
    await new Cluster(cluster.config, cluster.programs).stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function skipsOf(sql: string): Promise<readonly Skip[]> {
    const heard = listenForSkips(client);
    await client.query(sql).finally(() => heard.end());
    return heard.all();
  }

  test.each([
    ['vacuum theirs', 'theirs'],
    ['vacuum (analyze) mine, theirs', 'theirs'],
    ['analyze theirs', 'theirs'],
    ['do $$ begin analyze theirs; end $$', 'theirs'],
    ['reindex table concurrently mine', 'mine_a'],
  ])('%s is heard to pass over something', async (sql, name) => {
    const skips = await skipsOf(sql);
    expect(skips.map(({ message }) => message).join()).toContain(name);
    expect(skippedRefusal('main', await beyondSystem(control, skips))).toMatchObject({
      ok: false,
      code: 'rejected',
      why: expect.stringContaining(name),
    });
  });

  test('a table that somebody holds and SKIP_LOCKED passes over is heard as well', async () => {
    await control.query('begin; lock table mine in access exclusive mode');
    const skips = await skipsOf('vacuum (skip_locked) mine');
    await control.query('rollback');
    expect(skips).toHaveLength(1);
  });

  test('of everything only what is nobody’s system counts', async () => {
    const skips = await skipsOf('vacuum');
    expect(skips.length).toBeGreaterThan(1);
    const counting = (await beyondSystem(control, skips)).map(({ relation }) => relation ?? '');
    expect(new Set(counting.map((name) => name.replace('_pkey', '')))).toEqual(new Set(['theirs']));
  });

  test.each([
    'vacuum mine',
    'analyze mine',
    'drop table if exists nowhere',
    `do $$ begin raise warning 'skipping it'; end $$`,
    'create table if not exists mine()',
  ])('%s passes over nothing that was asked for', async (sql) => {
    expect(await skipsOf(sql)).toEqual([]);
  });

  test('a superuser may drop an INVALID index of a TOAST table, which an owner can’t even name', async () => {
    const cut = new pg.Client(await cluster.connection());
    await cut.connect();
    await control.query('begin; insert into theirs values (1)');
    await cut.query('set statement_timeout = 300');
    await expect(cut.query('reindex table concurrently theirs')).rejects.toThrow(/timeout/);
    await cut.end();
    await control.query('rollback');
    const left = async () =>
      (
        await control.query(
          `select indexrelid::regclass::text as name from pg_index where not indisvalid and indexrelid::regclass::text ~ '^pg_toast'`,
        )
      ).rows;
    const [{ name }] = await left();
    await expect(client.query(`drop index ${name}`)).rejects.toThrow(/pg_toast/);
    await control.query(`drop index concurrently if exists ${name}`);
    expect(await left()).toEqual([]);
  });
});

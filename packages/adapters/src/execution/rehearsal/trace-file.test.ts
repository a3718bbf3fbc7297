import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { othersWait, type TracedFile } from '@headgate/domain/rehearsal/trace';
import { loadParser } from '@headgate/migrations';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { type Cluster, openCluster } from '../../postgres-cluster/cluster.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { lookFromOutside, whoWaits } from './testing/independent-look.ts';
import { fixture, KINDS, TABLES } from './testing/traced-kinds.ts';
import { traceFile } from './trace-file.ts';

beforeAll(loadParser);

const DEADLINE_MS = 30_000;
const GATE = 4242;

describe.each([15, 18] as const)('on PostgreSQL %i', (major) => {
  let dir: string;
  let cluster: Cluster;
  const clients: pg.Client[] = [];
  let runner: pg.Client;
  let watcher: pg.Client;
  let control: pg.Client;
  let outside: pg.Client;

  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client(await cluster.connection());
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-trace-'));
    await chmod(dir, 0o755);
    const settings = { fsync: 'off', autovacuum: 'off', shared_buffers: '64MB' };
    cluster = await openCluster(
      { dir: join(dir, 'cluster'), port: await freePort(), settings },
      await findPrograms(major, dir),
    );
    [runner, watcher, control, outside] = [await connect(), await connect(), await connect(), await connect()];
    await runner.query(
      'set log_temp_files = 0; set client_min_messages = log; set max_parallel_workers_per_gather = 0',
    );
  });
  afterAll(async () => {
    for (const client of clients) await client.end();
    await cluster?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const flush = (client: pg.Client) => client.query('select pg_stat_force_next_flush()');
  const trace = (text: string, how: 'headgate' | 'psql' = 'headgate', onLock = (_: string) => {}) =>
    traceFile(
      { runner, watcher, control },
      { migration: 'm', file: 'm.sql', text, how, lockWaitMs: DEADLINE_MS, onLock },
    );
  let cases = 0;
  const prepared = async (): Promise<string> => {
    const schema = `c${++cases}`;
    await control.query(fixture(schema));
    await control.query(`set search_path = ''`);
    await flush(control);
    await runner.query(`set search_path = ${schema}; set timezone = 'UTC'`);
    return schema;
  };
  const plain = (schema: string, names: readonly string[]) =>
    [...new Set(names.map((name) => name.replace(`${schema}.`, '')))].sort();

  /** Runs a file that waits for us at its end, and lets `meanwhile` look while it still holds everything. */
  async function held<T>(text: string, meanwhile: () => Promise<T>): Promise<{ file: TracedFile; seen: T }> {
    await outside.query('select pg_advisory_lock($1)', [GATE]);
    const running = trace(`${text};\nselect pg_catalog.pg_advisory_xact_lock(${GATE})`);
    let over = false;
    running
      .finally(() => {
        over = true;
      })
      .catch(() => {});
    try {
      const waiting = `select 1 from pg_locks where locktype = 'advisory' and not granted`;
      for (const until = performance.now() + DEADLINE_MS; !over && performance.now() < until; )
        if ((await outside.query(waiting)).rowCount === 1) break;
      const seen = await meanwhile();
      await release();
      return { seen, file: await running };
    } catch (error) {
      await release();
      throw error;
    }
  }
  const release = () => outside.query('select pg_advisory_unlock_all()');

  // On 18 a share of them: that the server's own words are understood there, too.
  const kinds = KINDS.filter((_, i) => major === 15 || i % 3 === 0);
  test.each(kinds.map((kind) => [kind[0], kind] as const))(
    '%s: every rewrite, every scan under a lock',
    async (_, kind) => {
      const [, sql, must] = kind;
      const schema = await prepared();
      const before = await lookFromOutside(outside, cluster.data, schema);
      const { file, seen: waits } = await held(sql, () => whoWaits(outside, schema, TABLES));
      await flush(runner);
      const after = await lookFromOutside(outside, cluster.data, schema);
      expect(file.failed).toBeUndefined();
      const all = <T>(of: (s: TracedFile['statements'][number]) => readonly T[]): T[] => file.statements.flatMap(of);

      // By hand.
      expect(
        plain(
          schema,
          all((s) => s.rewritten),
        ),
      ).toEqual([...(must.rewritten ?? [])].sort());
      expect(
        plain(
          schema,
          all((s) => s.emptied),
        ),
      ).toEqual([...(must.emptied ?? [])].sort());
      const scanned = plain(
        schema,
        all((s) => s.scanned.map(({ relation }) => relation)),
      );
      expect(scanned).toEqual([...(must.scanned ?? [])].sort());

      // By the disk: another file, where the name is still there.
      const moved = [...before.files].filter(([name, at]) => after.files.has(name) && after.files.get(name) !== at);
      const known = [...all((s) => s.rewritten), ...all((s) => s.emptied)];
      expect(plain(schema, known)).toEqual(moved.map(([name]) => name).sort());

      // By the server's own counts, seen from another session: whatever was read while others waited.
      const read = [...before.read]
        .filter(([name, rows]) => (after.read.get(name) ?? rows) > rows)
        .map(([name]) => name);
      const somebodyWaits = Object.values(waits).some((who) => who !== 'nobody') || sql.startsWith('refresh');
      expect(scanned.filter((name) => after.read.has(name))).toEqual(somebodyWaits ? read.sort() : []);

      // By trying: who waits for which table is who the trace says.
      const strongest = (name: string) =>
        all((s) => s.locks).filter(({ relation }) => relation === `${schema}.${name}`);
      const told = Object.fromEntries(
        TABLES.map((name) => {
          const locks = strongest(name);
          const everybody = locks.some(({ mode }) => mode === 'ACCESS EXCLUSIVE');
          return [name, everybody ? 'everybody' : locks.some(othersWait) ? 'writers' : 'nobody'];
        }),
      );
      expect(told).toEqual(waits);
    },
  );

  test('statements that no transaction takes are seen by a second session', async () => {
    const schema = await prepared();
    await outside.query(`begin; update ${schema}.orders set note = 'y' where id = 1`);
    const running = trace(
      `create index concurrently late on orders(state);
       reindex index concurrently orders_name;
       drop index concurrently late;
       vacuum full scratch`,
      'psql',
      (relation) => {
        // It waits for us, with its lock held: that is when somebody else could see it, too.
        if (relation === `${schema}.orders`) void outside.query('commit');
      },
    );
    const { failed, statements } = await running;
    expect(failed).toBeUndefined();
    expect(statements.map(({ alone }) => alone)).toEqual([true, true, true, true]);
    const [made, again, dropped, full] = statements;
    expect(made).toMatchObject({ rewritten: [], scanned: [] });
    expect(made?.locks).toContainEqual(
      expect.objectContaining({ relation: `${schema}.orders`, mode: 'SHARE UPDATE EXCLUSIVE' }),
    );
    expect(again?.rebuilt).toEqual([`${schema}.orders_name`]);
    expect(dropped).toMatchObject({ rewritten: [], scanned: [] });
    expect(full?.rewritten).toEqual([`${schema}.scratch`]);
  });

  test('a file of several transactions: each lock ends with its own', async () => {
    const schema = await prepared();
    const { failed, statements } = await trace(
      `begin; alter table orders add column a uuid default gen_random_uuid(); commit;
       alter table orders add column b int;
       begin; lock table lines in share mode; select count(*) from orders; rollback`,
      'psql',
    );
    expect(failed).toBeUndefined();
    expect(statements.map(({ rewritten, alone }) => [rewritten, alone])).toEqual([
      [[`${schema}.orders`], false],
      [[], false],
      [[], false],
      [[], false],
    ]);
    expect(statements[1]?.scanned).toEqual([]);
    expect(statements[3]?.scanned).toEqual([
      { relation: `${schema}.orders`, rows: 500, under: { relation: `${schema}.lines`, mode: 'SHARE' } },
    ]);
    const { rows } = await control.query(
      `select count(*)::int as n from pg_attribute where attrelid = '${schema}.orders'::regclass and attname in ('a', 'b')`,
    );
    expect(rows).toEqual([{ n: 2 }]);
  });

  test('what Headgate’s own runner refuses fails here, too, and leaves nothing', async () => {
    const schema = await prepared();
    for (const [sql, code] of [
      ['create table t(x int); commit', '2D000'],
      ['create table t(x int); create index concurrently i on orders(state)', '25001'],
      ['-- headgate:no-transaction\ncreate index concurrently i on orders(state); select 1', '0A000'],
      ['create table t(x int); do $$ begin commit; end $$', '2D000'],
      ['create table t(x int); select 1/0', '22012'],
      [`create table t(x int primary key deferrable initially deferred); insert into t values (1), (1)`, '23505'],
    ] as const) {
      const { failed } = await trace(sql);
      expect(failed, sql).toMatchObject({ code });
    }
    expect((await control.query(`select to_regclass('${schema}.t') as there`)).rows).toEqual([{ there: null }]);
  });

  test('locks are held to the end, and what was written is counted', async () => {
    const schema = await prepared();
    const { statements } = await trace(
      `alter table scratch add column a int; select pg_sleep(0.2); create table big as select i, md5(i::text) as t from generate_series(1, 20000) i;
       set local work_mem = '64kB'; create table sorted as select * from big order by t`,
    );
    const [altered, , made, , sorted] = statements;
    expect(altered?.locks).toEqual([
      { relation: `${schema}.scratch`, mode: 'ACCESS EXCLUSIVE', heldMs: expect.any(Number) },
    ]);
    expect(altered?.locks[0]?.heldMs).toBeGreaterThanOrEqual(200);
    expect(made?.walBytes).toBeGreaterThan(500_000);
    expect(made?.tempBytes).toBe(0);
    expect(sorted?.tempBytes).toBeGreaterThan(500_000);
  });
});

/** For tests only: a store that two tenants share, and the same store as it was before they wrote on. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDifferenceFile } from '@headgate/documents';
import type { TenantRowsRule } from '@headgate/domain';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import { ownersConnection, type Store } from '../../store/store-session.ts';
import { type RealStore, realStore } from '../../testing/real-store.ts';
import { type ApplyAsk, type ApplyOutcome, applyDifference } from '../apply-difference.ts';
import { type DifferenceAsk, type MadeDifference, makeDifference } from '../make-difference.ts';

/** Types whose values have many texts, a way through foreign keys, a key onto itself, a trigger, a computed column. */
export const SCHEMA = `
  create table currency(code text primary key, name text);
  create table customer(id int primary key, tenant text not null, name text, note json, born date, unique (tenant, name));
  create table orders(id bigint generated always as identity primary key, tenant text not null,
    customer_id int not null references customer(id), before_id bigint references orders(id), number int not null,
    currency text references currency(code), total numeric(12,2), at timestamptz, tags text[], seal bytea, ratio float8,
    touched int not null default 0, twice numeric generated always as (total * 2) stored, unique (tenant, number));
  create table order_line(order_id bigint not null references orders(id), n int, text char(8), amount numeric, primary key (order_id, n));
  create function touch() returns trigger language plpgsql as $$ begin new.touched := old.touched + 1; return new; end $$;
  create trigger touch before update on orders for each row execute function touch();
  insert into currency values ('EUR', 'Euro'), ('USD', 'Dollar');
`;

export const RULES: readonly TenantRowsRule[] = [
  { table: 'currency', rows: 'shared' },
  { table: 'customer', rows: 'tenant', column: 'tenant' },
  { table: 'orders', rows: 'tenant', column: 'tenant' },
  { table: 'order_line', rows: 'through', by: ['order_id'], of: 'orders' },
];

/** Rows of a tenant, whose keys begin at a number of their own. */
export function rowsOf(tenant: string, from: number): string {
  return `
    insert into customer select ${from} + i, '${tenant}', 'customer ' || i, '{"b": 1,  "a": null}', '2001-02-03' from generate_series(1, 5) i;
    insert into orders(id, tenant, customer_id, before_id, number, currency, total, at, tags, seal, ratio) overriding system value
      select ${from} + i, '${tenant}', ${from} + 1 + i % 5, case when i > 1 then ${from} + i - 1 end, i, 'EUR', i * 1.10,
        '2026-01-01 00:00:00.123456+00'::timestamptz + i * interval '1 day', array['a "quoted" one', null, 'ü,{}'], '\\xdead00beef', i / 3.0
      from generate_series(1, 8) i;
    insert into order_line select ${from} + i, n, 'l' || n, null from generate_series(1, 8) i, generate_series(1, 3) n;`;
}

export interface SharedStore {
  readonly real: RealStore;
  readonly dir: string;
  /** With the application's own rights, in the store that serves. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  asSuperuser<T>(work: (client: pg.Client) => Promise<T>): Promise<T>;
  /** This moment is what is gone back to. */
  remember(): Promise<void>;
  /** All rows of both sides of a tenant's, as text; of a store. */
  rows(tenant: string, which: 'live' | 'was'): Promise<readonly string[]>;
  diff(tenant: string, more?: Partial<DifferenceAsk>): Promise<MadeDifference>;
  apply(path?: string, more?: Partial<ApplyAsk>): Promise<ApplyOutcome>;
  /** Where differences are. */
  readonly out: string;
  /** Drops all tables and functions, and makes them anew for both tenants. */
  anew(): Promise<void>;
  remove(): Promise<void>;
}

export async function sharedStore(): Promise<SharedStore> {
  const real = await realStore();
  const dir = await mkdtemp(join(tmpdir(), 'headgate-tenant-rows-'));
  const live: Store = real.store;
  const was: Store = { ...live, database: 'was' };
  const superuser = async <T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> =>
    withClient(await real.store.cluster.connection(database), work);
  const query = async (sql: string): Promise<Record<string, unknown>[]> =>
    withClient(await ownersConnection(live), async (client) => (await client.query(sql)).rows);
  const out = join(dir, 'difference');
  return {
    real,
    dir,
    out,
    query,
    asSuperuser: (work) => superuser('app', work),
    async remember() {
      await superuser('postgres', async (client) => {
        await client.query('drop database if exists was with (force)');
        await client.query('create database was template app owner app');
      });
    },
    async rows(tenant, which) {
      const config = await ownersConnection(which === 'live' ? live : was);
      return withClient(config, async (client) => {
        const { rows } = await client.query<{ row: string }>(
          `select 'c' || c::text as row from customer c where tenant = $1
           union all select 'o' || o::text from orders o where tenant = $1
           union all select 'l' || l::text from order_line l join orders o on o.id = l.order_id where o.tenant = $1 order by 1`,
          [tenant],
        );
        return rows.map(({ row }) => row);
      });
    },
    async diff(tenant, more = {}) {
      for (const each of [out, `${out}.undo`]) await rm(each, { force: true });
      return makeDifference({
        of: { environment: 'production', cell: 'shared', store: 'main', tenant, moment: 'yesterday', by: 'usr_ann' },
        rules: { rules: RULES, name: 'psa', digest: `sha256:${'0'.repeat(64)}` },
        ...{ others: ['bob'], live, was, out, now: Date.now, signal: new AbortController().signal },
        ...more,
      });
    },
    async apply(path = out, more = {}) {
      return applyDifference({
        file: await openDifferenceFile(path),
        ...{ store: live, cell: 'shared', fence: { epoch: 1, n: 1 }, by: 'usr_run', others: ['bob'], now: Date.now },
        ...more,
      });
    },
    async anew() {
      for (const name of await readdir(dir)) await rm(join(dir, name));
      await query('drop schema public cascade; create schema public').catch(async () => {
        await superuser('app', (client) =>
          client.query('drop schema public cascade; create schema public authorization app'),
        );
      });
      await query(SCHEMA);
      await query(rowsOf('ada', 1_000));
      await query(rowsOf('bob', 2_000));
    },
    async remove() {
      await real.remove();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** For tests only: a shop's database on a server that somebody else keeps, and migrations for it. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactFile, Migration } from '@headgate/domain';
import { readSecret } from '../../../machine/durable-file.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import { parseConnectionUrl } from '../../external-store/connection-url.ts';
import { openExternalStore } from '../../external-store/external-store.ts';
import { prepareStore } from '../../store/store-session.ts';
import { type RealStore, realStore } from '../../testing/real-store.ts';
import type { MigrationFiles } from '../rehearse.ts';

/** Rows of the larger table: enough that reading it from end to end is told. */
export const INVOICES = 12_000;

const SCHEMA = `
  create table customer(id bigint primary key, email text not null unique, name text);
  create table invoice(id bigint primary key, customer_id bigint not null references customer, total numeric(12,2) not null, note text, issued date);
  create index invoice_customer on invoice(customer_id);
  create view open_invoice as select id, total from invoice where note is null;
  create type mood as enum ('sad', 'ok');
  create function twice(n int) returns int immutable language sql as 'select n * 2';
  create sequence receipt start 20001;
  create table weighed(n int check (twice(n) > 0));`;
const ROWS = `
  insert into customer select i, 'c' || i || '@example.org', 'N' || i from generate_series(1, 1000) i;
  insert into invoice select i, 1 + i % 1000, i, case when i % 3 = 0 then 'note ' || i end, date '2024-01-01' + i % 300 from generate_series(1, ${INVOICES}) i;
  insert into weighed values (1), (2);`;

/** The store, with its own login `shop`. */
export async function shopStore() {
  const real: RealStore = await realStore();
  const { cluster } = real.store;
  const { port } = cluster.config;
  await withClient(await cluster.connection(), async (client) => {
    await client.query(`create role shop login password 'plain-shop'; create role reader nologin`);
    await client.query('create database shop owner shop');
    await client.query(`alter database shop set search_path = public, pg_temp`);
  });
  const admin = await readSecret(cluster.passwordFile);
  const files = { url: join(real.dir, 'shop-url'), adminUrl: join(real.dir, 'shop-admin-url') };
  const url = `postgres://shop:plain-shop@127.0.0.1:${port}/shop`;
  await writeFile(files.url, `${url}\n`, { mode: 0o600 });
  await writeFile(files.adminUrl, `postgres://postgres:${admin}@127.0.0.1:${port}/postgres\n`, { mode: 0o600 });
  const store = await openExternalStore('main', {
    url: { file: files.url },
    adminUrl: { file: files.adminUrl },
    restorePointsDir: join(real.dir, 'shop-points'),
    keepRestorePoints: 5,
  });
  await prepareStore(store);
  const owner = { connectionString: url };
  await withClient(owner, async (client) => {
    await client.query(SCHEMA);
    await client.query(ROWS);
    await client.query('grant select on customer to reader; analyze');
  });
  return { real, store, files, source: parseConnectionUrl(url, 'the test'), owner };
}

export type ShopStore = Awaited<ReturnType<typeof shopStore>>;

const fileOf = (name: string, text: string): ArtifactFile => ({
  name,
  digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  size: text.length,
});

/** Migrations from version 0 on: pairs of a way forward and a way back. */
export function migrationsOf(...pairs: readonly (readonly [up: string, down?: string])[]): readonly MigrationFiles[] {
  return pairs.map(([up, down], i) => {
    const migration: Migration = {
      id: `m${i + 1}`,
      from: i,
      to: i + 1,
      phase: 'expand',
      up: fileOf(`${i + 1}.sql`, up),
      ...(down === undefined ? {} : { down: fileOf(`${i + 1}.down.sql`, down) }),
      undo: down === undefined ? 'keep' : 'down',
    };
    return { migration, up, ...(down === undefined ? {} : { down }) };
  });
}

/** What the owner of a database puts in our way there, where we look at it with a superuser's rights. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { copyFromDump } from '../rehearsal/copy-from-dump.ts';
import { givenServer } from '../rehearsal/copy-server.ts';
import { heaviestIn } from '../rehearsal/plans.ts';
import { externalDatabase } from '../testing/external-database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { clientConfig, readConnectionUrl } from './connection-url.ts';
import { openExternalStore } from './external-store.ts';

let real: RealStore;
beforeAll(async () => {
  real = await realStore();
});
afterAll(() => real?.remove());

let shop: Awaited<ReturnType<typeof externalDatabase>>;
beforeEach(async () => {
  shop = await externalDatabase(real);
  const { name } = shop;
  await asOwner(`create schema trap;
    create function trap.sprung() returns boolean language plpgsql volatile as $$ begin
      if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
        alter role ${name} superuser;
      end if;
      return true; end $$;
    create view trap.pg_database as select oid, datname, datdba, encoding, datcollate, datctype from pg_catalog.pg_database where trap.sprung();
    create view trap.pg_extension as select * from pg_catalog.pg_extension where trap.sprung();
    create view trap.pg_roles as select * from pg_catalog.pg_roles where trap.sprung();
    create function trap.current_setting(text) returns text language sql as 'select pg_catalog.current_setting($1) where trap.sprung()';
    create schema headgate;
    create view headgate.migration as select 7 as version where trap.sprung();
    alter database ${name} set search_path = trap, pg_catalog`);
});

async function asOwner(sql: string) {
  const { config, name } = shop;
  const plain = { ...clientConfig(await readConnectionUrl(config.url)), options: '' };
  return withClient(plain, async (client) => {
    const { rows } = await client.query(sql);
    return rows ?? name;
  });
}

const sprung = async (): Promise<boolean> =>
  withClient(await real.store.cluster.connection(), async (client) => {
    const { rows } = await client.query('select rolsuper from pg_roles where rolname = $1', [shop.name]);
    return rows[0].rolsuper;
  });

test('a superuser who goes by what the owner set springs the trap: it is one', async () => {
  await withClient(await real.store.cluster.connection(shop.name), (client) =>
    client.query('select count(*) from pg_database'),
  );
  expect(await sprung()).toBe(true);
});

test('opening a store runs nothing of its owner’s', async () => {
  const store = await openExternalStore('main', shop.config);
  await withClient(await store.cluster.controlConnection(shop.name), heaviestIn);
  expect(await sprung()).toBe(false);
});

test('a copy that is made by a superuser’s URL runs nothing of the owner’s with that, and takes no record of the owner’s for ours', async () => {
  const source = { ...(await readConnectionUrl(shop.config.adminUrl)), database: shop.name };
  const workDir = join(real.dir, `dumps-${shop.name}`);
  await mkdir(workDir);
  const onto = await givenServer(shop.config.adminUrl);
  const copy = await copyFromDump({ source, onto, workDir, deadlineMs: 60_000, signal: AbortSignal.timeout(60_000) });
  await copy.remove();
  expect(copy.schemaVersion).toBeUndefined();
  expect(await sprung()).toBe(false);
});

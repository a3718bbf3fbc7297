/** What a tenant's way back in its place lays down, and where: asked while everybody is served. */
import { join } from 'node:path';
import { namedFiles } from '@headgate/adapters/execution/odoo/moment/named-files';
import { lackOfRoom, onDisks } from '@headgate/adapters/execution/odoo/moment/room';
import { inRecords } from '@headgate/adapters/execution/odoo/records';
import type { OdooStore, OdooStores } from '@headgate/adapters/execution/odoo/store';

export interface TenantRoomAsk {
  readonly stores: OdooStores;
  readonly aside: OdooStores;
  readonly store: OdooStore;
  /** The folder of what was brought back. */
  readonly to: string;
  /** Of its files of then. */
  readonly bytes: number;
}

/** In words why there isn't enough; undefined: there is. */
export async function roomForTenant({ stores, aside, store, to, bytes }: TenantRoomAsk): Promise<string | undefined> {
  const [now, then] = [await sizeOf(stores, store), await sizeOf(aside, store)];
  const sizes = [...(await namedFiles(stores, store.database)).files.values()].map(({ size = 0 }) => size);
  return lackOfRoom(
    await onDisks([
      { what: 'a dump of then and its files', dir: to, bytes: then + bytes },
      { what: 'its database of then', dir: stores.cluster.data, bytes: then },
      { what: 'its files of then', dir: join(stores.odoo.dataDir, 'filestore'), bytes },
      {
        what: 'a restore point of what stands',
        dir: stores.dir,
        bytes: now + sizes.reduce((sum, each) => sum + each, 0),
      },
    ]),
  );
}

/** Bytes: a dump of it is smaller. */
async function sizeOf(stores: OdooStores, { database }: OdooStore): Promise<number> {
  return inRecords(stores, async (client) => {
    const { rows } = await client.query<{ bytes: string }>(
      'select pg_catalog.pg_database_size($1::name)::text as bytes',
      [database],
    );
    return Number(rows[0]!.bytes);
  });
}

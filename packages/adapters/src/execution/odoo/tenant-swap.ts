import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { z } from 'zod';
import { readIfThere, syncFolder, writeDurably } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { endSessions } from './database-door.ts';
import { dropDatabase } from './dump.ts';
import { filestoreDir, type OdooStore, type OdooStores, storeDir } from './store.ts';

const Journal = z.strictObject({
  key: z.string(),
  phase: z.enum(['swapping', 'done']),
  schemaVersion: z.int(),
});
export type SwapJournal = z.output<typeof Journal>;

/** What a restore prepares beside the tenant. */
export function prepared(
  stores: OdooStores,
  store: OdooStore,
): { readonly database: string; readonly filestore: string } {
  const database = `${store.database}__restoring`;
  return { database, filestore: `${filestoreDir(stores, store)}.restoring` };
}

const journalFile = (stores: OdooStores, store: OdooStore): string => join(storeDir(stores, store), 'restore.json');

export async function readSwap(stores: OdooStores, store: OdooStore): Promise<SwapJournal | undefined> {
  const text = await readIfThere(journalFile(stores, store));
  return text === undefined ? undefined : Journal.parse(JSON.parse(text));
}

/** Whether a restore of this store is between its two states: nobody may open it then. */
export async function restoring(stores: OdooStores, store: OdooStore): Promise<boolean> {
  return (await readSwap(stores, store))?.phase === 'swapping';
}

/** From here on the restore goes to its end, whoever is killed: everything was prepared and verified. */
export async function beginSwap(
  stores: OdooStores,
  store: OdooStore,
  key: string,
  schemaVersion: number,
): Promise<void> {
  await withClient(await stores.cluster.controlConnection(), (client) => dropDatabase(client, replacedDatabase(store)));
  await rm(`${filestoreDir(stores, store)}.before`, { recursive: true, force: true });
  await write(stores, store, { key, phase: 'swapping', schemaVersion });
}

/**
 * Ends a restore that came as far as the swap, from wherever it was killed: the databases change names in one
 * transaction, the filestores by renames that are seen to be done or not. Nothing to do when there is none.
 */
export async function finishSwap(stores: OdooStores, store: OdooStore): Promise<SwapJournal | undefined> {
  const journal = await readSwap(stores, store);
  if (journal?.phase !== 'swapping') return journal;
  const { database, filestore } = prepared(stores, store);
  await withClient(await stores.cluster.controlConnection(), async (client) => {
    const there = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (there.rowCount === 0) return; // they have changed names
    const name = (each: string): string => pg.escapeIdentifier(each);
    // A reporting tool would come back at once and keep the name: nobody may connect until it is the other database's.
    await client.query(`alter database ${name(store.database)} allow_connections false`);
    await client.query(`alter database ${name(database)} allow_connections false`);
    await endSessions(client, 'datname = any($1)', [[store.database, database]]);
    await client.query('begin');
    await client.query(`alter database ${name(store.database)} rename to ${name(replacedDatabase(store))}`);
    await client.query(`alter database ${name(database)} rename to ${name(store.database)}`);
    await client.query('commit');
  });
  await withClient(await stores.cluster.controlConnection(), async (client) => {
    await client.query(`alter database ${pg.escapeIdentifier(store.database)} allow_connections true`);
  });
  const place = filestoreDir(stores, store);
  if (await stat(filestore).catch(() => undefined)) {
    if (await stat(place).catch(() => undefined)) await rename(place, `${place}.before`);
    await rename(filestore, place);
    await syncFolder(dirname(place));
  }
  return journal;
}

/** The last word of a restore, after what else belongs to it was done. */
export async function endSwap(stores: OdooStores, store: OdooStore, journal: SwapJournal): Promise<void> {
  await write(stores, store, { ...journal, phase: 'done' });
}

/** The replaced database is kept under this name until the next restore: a person may want to look. */
export function replacedDatabase(store: OdooStore): string {
  return `${store.database}__before`;
}

async function write(stores: OdooStores, store: OdooStore, journal: SwapJournal): Promise<void> {
  await writeDurably(journalFile(stores, store), `${JSON.stringify(journal)}\n`, 0o600);
}

import { cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Answer, denied, granted } from '@headgate/execution';
import pg from 'pg';
import { readIfThere, syncFolder, writeDurably } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { type OdooLogin, plainName } from './command.ts';
import type { DatabaseDoor } from './database-door.ts';
import { copyDatabase, dropDatabase, ownTree } from './dump.ts';
import { freshIdentity } from './fresh-identity.ts';
import { inRecords } from './records.ts';
import { filestoreDir, type OdooStore, type OdooStores, storeDir } from './store.ts';

export interface TenantCreation {
  /** The tenant's store; neither its database nor its filestore may be there. */
  readonly store: OdooStore;
  /** The database that it is copied from, with its filestore. Nobody may be using it; who does is sent away. */
  readonly template: OdooStore;
  /**
   * What makes the copy this tenant's, before it is: by a login that ends with it, in the database that is being made. It
   * may be done again when somebody was killed in the middle.
   */
  fill?(making: OdooStore, login: OdooLogin): Promise<void>;
}

/**
 * Makes a tenant's database and filestore out of a template: all or nothing, whenever one is killed. Both are made under
 * names of their own; the files get the tenant's name first, and the database with it is the last word. A note in our own
 * folder, written before anything else, tells what an earlier call left behind, which goes before the next begins.
 *
 * The copy has an identity of its own, and no key or password of the template's (`fresh-identity`). Its door is closed:
 * nobody of Odoo's gets in before it is opened. Answers `there` when it has the tenant already.
 */
export async function createTenant(
  stores: OdooStores,
  door: DatabaseDoor,
  creation: TenantCreation,
): Promise<Answer<'made' | 'there'>> {
  const { store, template } = creation;
  return inRecords(stores, async (records) => {
    const { rows } = await records.query<{ mine: boolean }>(
      `select pg_try_advisory_lock(hashtext('headgate.store'), hashtext($1)) as mine`,
      [store.name],
    );
    if (!rows[0]!.mine) return denied('transient', `somebody else is at work on the store ${store.name}`);
    const note = noteFile(stores, store);
    const begun = (await readIfThere(note)) !== undefined;
    if (await databaseThere(records, store.database)) {
      // With the last word said, only the note was left.
      await rm(note, { force: true });
      return granted('there');
    }
    const place = filestoreDir(stores, store);
    if (!begun && (await there(place)))
      return denied(
        'rejected',
        `${place} is there, with no database ${store.database}: move it away, if it is nobody's`,
      );
    if (!(await databaseThere(records, template.database)))
      return denied('rejected', `there is no database ${template.database} to copy from`);
    // Odoo's own processes work in folders below it.
    await mkdir(storeDir(stores, store), { recursive: true, mode: 0o755 });
    await writeDurably(note, `${JSON.stringify({ template: template.database })}\n`, 0o600);
    await make(stores, door, creation);
    // Of a tenant that had the name before, no upgrade is under way and none was made. Its fence stays.
    await records.query('delete from headgate.pending where store = $1', [store.name]);
    await records.query('delete from headgate.upgraded where store = $1', [store.name]);
    await records.query(
      `alter database ${pg.escapeIdentifier(making(store).database)} rename to ${pg.escapeIdentifier(plainName(store.database))}`,
    );
    await rm(note, { force: true });
    return granted('made');
  });
}

async function make(stores: OdooStores, door: DatabaseDoor, { store, template, fill }: TenantCreation): Promise<void> {
  const half = making(store);
  const files = `${filestoreDir(stores, store)}.making`;
  const place = filestoreDir(stores, store);
  const filled = filestoreDir(stores, half);
  const removeFiles = async (): Promise<void> => {
    for (const left of [files, place, filled]) await rm(left, { recursive: true, force: true });
  };
  await removeFiles();
  await door.endAssignments(half);
  await copyDatabase(stores, template.database, half.database);
  try {
    const login = await door.forAssignment(half);
    try {
      await freshIdentity(stores, half, login);
      await fill?.(half, login);
    } finally {
      await door.endAssignments(half);
    }
    await door.close(half);
    await mkdir(dirname(place), { recursive: true });
    const from = filestoreDir(stores, template);
    if (await there(from)) await cp(from, files, { recursive: true });
    else await mkdir(files);
    await ownTree(files, stores.odoo.user);
    // What `fill` attached was written under the name that the database had then.
    if (await there(filled)) {
      await cp(filled, files, { recursive: true });
      await ownTree(files, stores.odoo.user);
      await rm(filled, { recursive: true });
    }
    await rename(files, place);
    await syncFolder(dirname(place));
  } catch (error) {
    await removeFiles();
    await withClient(await stores.cluster.controlConnection(), (client) => dropDatabase(client, half.database));
    throw error;
  }
}

/** The store while it is being made: under a name of its own, by which it is known for what it is. */
function making(store: OdooStore): OdooStore {
  return { name: store.name, database: plainName(`${store.database}__making`) };
}

function noteFile(stores: OdooStores, store: OdooStore): string {
  return join(storeDir(stores, store), 'creation.json');
}

async function databaseThere(client: pg.ClientBase, database: string): Promise<boolean> {
  const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
  return rowCount === 1;
}

async function there(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ComparedAttachments } from '@headgate/domain';
import type pg from 'pg';
import { inTenant } from './reader.ts';
import type { OdooStores } from './store.ts';

const TABLE = { name: 'ir_attachment', columns: ['store_fname'] } as const;
/** So many names are in our memory at once. */
const BATCH = 2_000;
/** A name of Odoo's has 43 characters. */
const MOST_CHARACTERS = 200;
/** Millions of files take their time. */
const BOUNDS = { deadlineMs: 900_000, mostBytes: 4 * 1024 ** 3 };

/** How many of a database's attachments name a file that isn't in this folder. Throws a `StoreFault` like `installedModules`. */
export async function danglingAttachments(stores: OdooStores, database: string, filestore: string): Promise<number> {
  const count = async (client: pg.ClientBase): Promise<number> => {
    await client.query(
      `declare names no scroll cursor for
       select distinct pg_catalog."left"(store_fname, ${MOST_CHARACTERS}) collate pg_catalog."C" as name
       from only public.${TABLE.name} where store_fname is not null`,
    );
    let dangling = 0;
    for (;;) {
      const { rows } = await client.query<{ name: string }>(`fetch ${BATCH} from names`);
      for (const { name } of rows) if (!(await isThere(filestore, name))) dangling++;
      if (rows.length < BATCH) return dangling;
    }
  };
  return inTenant(stores, database, TABLE, count, BOUNDS);
}

/**
 * Every file that a database's attachments name, beside what its name says: Odoo names it by the SHA-1 of what it holds. Reads all of
 * them. Throws a `StoreFault` like `installedModules`.
 */
export async function compareAttachments(
  stores: OdooStores,
  database: string,
  filestore: string,
  signal: AbortSignal,
): Promise<Omit<ComparedAttachments, 'promisedMissing'>> {
  const found = { compared: 0, missing: 0, altered: 0 };
  // A session for each batch: files take longer to read than one may stay idle.
  for (let after = ''; ; ) {
    const names = await inTenant(stores, database, TABLE, (client) => namesAfter(client, after), BOUNDS);
    for (const name of names) {
      signal.throwIfAborted();
      if (!(await isThere(filestore, name))) found.missing++;
      else {
        found.compared++;
        if ((await sha1Of(join(filestore, name), signal)) !== name.slice(3)) found.altered++;
      }
    }
    if (names.length < BATCH) return found;
    after = names.at(-1)!;
  }
}

async function namesAfter(client: pg.ClientBase, after: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select distinct pg_catalog."left"(store_fname, ${MOST_CHARACTERS}) collate pg_catalog."C" as name
     from only public.${TABLE.name}
     where store_fname operator(pg_catalog.>) $1::pg_catalog.text collate pg_catalog."C"
     order by 1 limit ${BATCH}`,
    [after],
  );
  return rows.map(({ name }) => name);
}

async function sha1Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha1');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

async function isThere(filestore: string, name: string): Promise<boolean> {
  // Odoo writes them as two hexadecimal digits, a slash and the digest; anything else could lead out of the folder.
  if (!/^[0-9a-f]{2}\/[0-9a-f]{40}$/.test(name)) return false;
  return (await stat(join(filestore, name)).catch(() => undefined)) !== undefined;
}

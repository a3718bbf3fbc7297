import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inTenant } from './reader.ts';
import type { OdooStores } from './store.ts';

/** How many of a database's attachments name a file that isn't in this folder. */
export async function danglingAttachments(stores: OdooStores, database: string, filestore: string): Promise<number> {
  const names = await inTenant(stores, database, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'select distinct store_fname as name from public.ir_attachment where store_fname is not null',
    );
    return rows.map(({ name }) => name);
  });
  let dangling = 0;
  for (const name of names) {
    // Odoo writes them as two hexadecimal digits, a slash and the digest; anything else could lead out of the folder.
    const there =
      /^[0-9a-f]{2}\/[0-9a-f]{40}$/.test(name) && (await stat(join(filestore, name)).catch(() => undefined));
    if (!there) dangling++;
  }
  return dangling;
}

/** A tenant's copy as it is now: schema and rows of its database, and the files beside it, as one fingerprint. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fingerprint, TableSum } from '@headgate/domain/rehearsal/compare';
import { readBack } from '../../../machine/copy-tree.ts';
import { fingerprintOf } from '../../rehearsal/fingerprint.ts';
import { readerConnection } from '../reader.ts';
import { filestoreDir } from '../store.ts';
import type { TenantCopy } from './tenant-copy.ts';

/** As which the files are told: a table's name has its schema's before it. */
export const FILESTORE = 'filestore';
/** Connections with which checksums are taken. */
const CONNECTIONS = 2;

/** Nobody may write meanwhile. Rows are read by who may only read: nothing of the tenant's own runs as anybody of ours. */
export async function stateOf(
  { stores, tenant }: Pick<TenantCopy, 'stores' | 'tenant'>,
  signal: AbortSignal,
): Promise<Fingerprint> {
  const read = await fingerprintOf(await readerConnection(stores, tenant.database), CONNECTIONS);
  return { ...read, tables: [...read.tables, await filesOf(filestoreDir(stores, tenant), signal)] };
}

/** Files by name and by content, as a table with a row for each. Odoo's list of what to look through later isn't one of them. */
async function filesOf(dir: string, signal: AbortSignal): Promise<TableSum> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((path) => !path.startsWith('checklist/'))
    .sort();
  const names = createHash('sha256');
  const contents = createHash('sha256');
  for (const path of paths) {
    signal.throwIfAborted();
    const { sha256 = 'gone', size = 0 } = (await readBack(join(dir, path))) ?? {};
    names.update(`${path}\0`);
    contents.update(`${path}\0${size}\0${sha256}\0`);
  }
  const rows = paths.length;
  const sum = contents.digest('hex');
  return {
    relation: FILESTORE,
    rows,
    sum,
    columns: [
      { column: 'names', values: rows, sum: names.digest('hex') },
      { column: 'contents', values: rows, sum },
    ],
  };
}

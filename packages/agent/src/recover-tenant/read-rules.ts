/** Reads whose the rows of a store are from a file. */
import type { TenantRowsContent } from '@headgate/documents';
import { type ReadDocument, readOneDocument } from '../one-document.ts';

const MAX_BYTES = 4 * 1024 * 1024;

export type ReadTenantRows = ReadDocument<TenantRowsContent>;

/** Throws an error that says what to do, when there are no rules in the file. */
export async function readTenantRows(file: string): Promise<ReadTenantRows> {
  return readOneDocument(file, 'TenantRows', MAX_BYTES);
}

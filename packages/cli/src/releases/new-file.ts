import { lstatSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

const isThere = (file: string): Failure =>
  new Failure(
    EXIT.refused,
    'there-already',
    `${file} is there already, and nothing is written over it`,
    'move it away, or name another file',
  );

/** Throws where something is there: to be asked before a person is. */
export function expectFree(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) throw isThere(file);
}

/** Writes a signed statement where nothing is: what was signed before may be the only one. Its owner's alone. */
export async function writeSigned(file: string, bundle: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(bundle)}\n`, { mode: 0o600, flag: 'wx' }).catch(
    (error: { readonly code?: string }) => {
      throw error.code === 'EEXIST' ? isThere(file) : error;
    },
  );
}

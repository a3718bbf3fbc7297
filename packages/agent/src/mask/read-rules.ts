/** Reads the rules of a masking from a file, and the key that they refer to. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LEAST_KEY, MaskKeys } from '@headgate/adapters/execution/masking/mask-keys';
import type { MaskingContent } from '@headgate/documents';
import { type ReadDocument, readOneDocument } from '../one-document.ts';

const MAX_BYTES = 1024 * 1024;

/** A `Masking` document and where its parts stand. */
export type ReadRules = ReadDocument<MaskingContent>;

/** Throws an error that says what to do, when there are no rules in the file. */
export async function readRules(file: string): Promise<ReadRules> {
  return readOneDocument(file, 'Masking', MAX_BYTES);
}

/** The key by its reference: an environment variable, or a file beside the rules that its owner alone may read. */
export async function readKey(file: string, { spec }: MaskingContent): Promise<MaskKeys> {
  const { key } = spec;
  let text: string;
  let where: string;
  if ('env' in key) {
    where = `the environment variable ${key.env}`;
    text = process.env[key.env] ?? '';
  } else {
    where = join(dirname(file), key.file);
    const facts = await stat(where).catch(() => undefined);
    if (facts === undefined) throw new Error(`there is no file ${where}, where ${file} says that the key is`);
    if ((facts.mode & 0o077) !== 0)
      throw new Error(`${where} may be read by others than its owner: chmod 600 ${where}`);
    text = await readFile(where, 'utf8');
  }
  text = text.trim();
  if (text.length < LEAST_KEY)
    throw new Error(
      `${where} ${text === '' ? 'is empty' : `has ${text.length} characters`}: a key has at least ${LEAST_KEY}, as openssl rand -hex 32 makes them`,
    );
  return new MaskKeys(text);
}

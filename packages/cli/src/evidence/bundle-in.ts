import { readFile, stat } from 'node:fs/promises';
import { MAX_BUNDLE_BYTES } from '@headgate/documents';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';

/** A signed bundle in a file. */
export async function bundleIn(file: string): Promise<Record<string, unknown>> {
  const facts = await stat(file).catch(() => undefined);
  if (facts === undefined) throw notThere(`there is no file ${file}`);
  if (facts.size > MAX_BUNDLE_BYTES) throw new Failure(EXIT.usage, 'usage', `${file} is too large for a bundle`);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch {
    throw new Failure(EXIT.usage, 'usage', `${file} is not JSON`);
  }
}

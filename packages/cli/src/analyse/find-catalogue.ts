import { readFile, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Catalogue, readCatalogue } from '@headgate/migrations';
import type { Surroundings } from '../connect.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

const MAX_CATALOGUE_BYTES = 512 * 1024 * 1024;

export interface CatalogueOptions {
  readonly catalogue?: string;
  readonly databaseEnv?: string;
  readonly writeCatalogue?: string;
}

/** The schema from a file or a database; `undefined` when neither is named. The URL's password stands in no error. */
export async function findCatalogue(
  options: CatalogueOptions,
  { env, cwd }: Pick<Surroundings, 'env' | 'cwd'>,
): Promise<Catalogue | undefined> {
  const { catalogue, databaseEnv, writeCatalogue } = options;
  if (catalogue !== undefined && databaseEnv !== undefined)
    throw new Failure(EXIT.usage, 'usage', '--catalogue and --database-env: give one of them');
  const found =
    databaseEnv !== undefined
      ? await fromDatabase(databaseEnv, env)
      : catalogue === undefined
        ? undefined
        : await fromFile(resolve(cwd, catalogue));
  if (writeCatalogue !== undefined) {
    if (found === undefined) throw new Failure(EXIT.usage, 'usage', '--write-catalogue needs --database-env');
    await writeFile(resolve(cwd, writeCatalogue), `${JSON.stringify(found)}\n`, { mode: 0o600 });
  }
  return found;
}

async function fromDatabase(variable: string, env: NodeJS.ProcessEnv): Promise<Catalogue> {
  const url = env[variable];
  if (url === undefined || url === '')
    throw new Failure(
      EXIT.usage,
      'usage',
      `--database-env ${variable}: the environment variable is not set`,
      'put the database’s connection URL there: postgres://user:password@host:port/database',
    );
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
    throw new Failure(
      EXIT.usage,
      'usage',
      `${variable} holds no connection URL`,
      'postgres://user:password@host:port/database',
    );
  // Only who asks for a database needs a driver.
  const { readDatabase } = await import('@headgate/adapters/catalogue/index');
  try {
    return await readDatabase(url);
  } catch (error) {
    const password = decodeURIComponent(new URL(url).password);
    const { message, code } = error as Error & { readonly code?: string };
    const why =
      password === '' ? message : message.replaceAll(password, '…').replaceAll(encodeURIComponent(password), '…');
    throw new Failure(
      EXIT.unreachable,
      'no-database',
      `the database in ${variable} can’t be read: ${why || code}`,
      'see that it runs and that the user may connect; nothing is written there',
    );
  }
}

async function fromFile(path: string): Promise<Catalogue> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) throw new Failure(EXIT.notFound, 'not-found', `${path} isn’t there`);
  if (facts.size > MAX_CATALOGUE_BYTES)
    throw new Failure(EXIT.refused, 'too-large', `${path} is too large for a catalogue`);
  const read = readCatalogue(await readFile(path, 'utf8'));
  if (!read.ok)
    throw new Failure(
      EXIT.refused,
      'catalogue-malformed',
      `${path} is no catalogue: ${read.why}`,
      'write it: headgate analyse --database-env VAR --write-catalogue FILE',
    );
  return read.catalogue;
}

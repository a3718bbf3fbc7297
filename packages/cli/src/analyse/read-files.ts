import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { MAX_FILE_CHARACTERS, type MigrationFile } from '@headgate/migrations';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** Most files of one call. */
const MAX_FILES = 20_000;

/** Files as they are given; of a folder its `.sql` files in the order of their numbers, without those of the way back. */
export async function readMigrations(paths: readonly string[], cwd: string): Promise<readonly MigrationFile[]> {
  const names: string[] = [];
  for (const path of paths) names.push(...(await filesAt(resolve(cwd, path))));
  if (names.length === 0)
    throw new Failure(
      EXIT.usage,
      'no-migrations',
      `${paths.join(', ')}: there is no .sql file`,
      'name files, or a folder of .sql files',
    );
  if (names.length > MAX_FILES)
    throw new Failure(EXIT.usage, 'too-many-files', `${names.length} files, at most ${MAX_FILES} are read at a time`);
  const files: MigrationFile[] = [];
  for (const path of names) {
    const bytes = await readFile(path);
    if (bytes.length > MAX_FILE_CHARACTERS)
      throw new Failure(
        EXIT.refused,
        'too-large',
        `${path} has ${bytes.length} bytes, at most ${MAX_FILE_CHARACTERS} are read`,
      );
    files.push({ name: relative(cwd, path) || path, text: textOf(bytes, path) });
  }
  return files;
}

async function filesAt(path: string): Promise<readonly string[]> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) throw new Failure(EXIT.notFound, 'not-found', `${path} isn’t there`);
  if (!facts.isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((each) => each.isFile() && each.name.endsWith('.sql') && !/[._-]down\.sql$/.test(each.name))
    .map((each) => each.name)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => join(path, name));
}

function textOf(bytes: Buffer, path: string): string {
  try {
    // A mark at the beginning, as some editors leave it, is no part of the SQL.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Failure(EXIT.refused, 'not-utf-8', `${path} isn’t UTF-8`, 'save it as UTF-8');
  }
}

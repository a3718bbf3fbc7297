import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { contractsUnasked, holdsService, readService, type ServiceContent, serviceRelease } from '@headgate/documents';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { ReleaseFolder } from './release-folder.ts';

/** The file in which a service stands. */
export const SERVICE_FILE = 'headgate.yaml';

const run = promisify(execFile);

/** The service of a folder, or of the file itself; `undefined`: there is none. Throws where it is malformed. */
export async function serviceAt(
  path: string,
): Promise<{ readonly service: ServiceContent; readonly file: string; readonly documents: string } | undefined> {
  const facts = await stat(path).catch(() => undefined);
  const file = facts?.isDirectory() === true ? join(path, SERVICE_FILE) : path;
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined || !holdsService(text, file)) return undefined;
  const read = readService(text, file);
  if (!read.ok) throw new Failure(EXIT.refused, 'service-malformed', read.problems.map((p) => p.message).join('\n'));
  return { service: read.service, file, documents: read.documents };
}

/** A release of a service's folder. Without a version: of its package.json, else what Git says. */
export async function serviceReleaseFolder(
  path: string,
  facts: { readonly version: string | undefined; readonly authors: readonly string[]; readonly notes?: string },
): Promise<ReleaseFolder | undefined> {
  const found = await serviceAt(path);
  if (found === undefined) return undefined;
  const folder = dirname(found.file);
  const version = facts.version ?? (await versionOf(folder));
  if (version === undefined)
    throw new Failure(
      EXIT.usage,
      'no-version',
      `no version is known for ${folder}`,
      'give --version, or write one into package.json',
    );
  try {
    const { notes } = facts;
    const release = await serviceRelease(found.service, folder, {
      version,
      authors: facts.authors,
      origin: 'built',
      ...(notes === undefined ? {} : { notes }),
    });
    return { ...release, warnings: contractsUnasked(found.service, release.manifest) };
  } catch (error) {
    throw new Failure(
      EXIT.refused,
      'release-malformed',
      (error as Error).message,
      `correct ${found.file}, or the files that it names`,
    );
  }
}

/** By its package.json, else by Git; undefined: neither says. */
export async function versionOf(folder: string): Promise<string | undefined> {
  return (await saidVersion(folder))?.version;
}

/** The same, and which of the two says it. */
export async function saidVersion(
  folder: string,
): Promise<{ readonly version: string; readonly by: string } | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}');
  const { version } = JSON.parse(text) as { version?: unknown };
  if (typeof version === 'string') return { version, by: 'package.json' };
  const git = await run('git', ['-C', folder, 'describe', '--tags', '--always', '--dirty'], { timeout: 5_000 }).catch(
    () => undefined,
  );
  const said = git?.stdout.trim();
  if (said === undefined || said === '') return undefined;
  return { version: said.replace(/[^0-9A-Za-z.+_-]/g, '-').slice(0, 64), by: 'git describe' };
}

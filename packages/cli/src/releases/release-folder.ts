/**
 * A release as it stands in a folder before it is signed: `release.yaml` (or `.json`) is the manifest in which files are
 * named alone; their digests and sizes are taken from the files. What may be left out has its plainest value.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { MAX_BLOB_BYTES } from '@headgate/contract';
import { digestOf, readYaml } from '@headgate/documents';
import { closesSaid } from '@headgate/documents/service/closes';
import { expectDirectives } from '@headgate/documents/service/directives';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

const NAMES = ['release.yaml', 'release.yml', 'release.json'];
const DEFAULTS = {
  apiVersion: 'headgate/v1',
  kind: 'Release',
  configuration: {},
  rollbackConditions: [],
  notes: '',
  origin: 'built',
  migrations: [],
};
const MOST_FILES = 5_000;

export interface ReleaseFolder {
  /** The manifest, not yet checked. */
  readonly manifest: unknown;
  /** Every file that it names, by digest. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What nobody asks about it, in words. */
  readonly warnings?: readonly string[];
}

/** Reads a folder, or the manifest file in it, and digests what it names. */
export async function readReleaseFolder(path: string): Promise<ReleaseFolder> {
  const file = await manifestFile(path);
  const text = await readFile(file, 'utf8');
  const read = readYaml(text, file);
  if (!read.ok) throw malformed(read.problems.map((p) => p.message).join('\n'));
  const [document, second] = read.documents;
  if (document === undefined || second !== undefined) throw malformed(`${file}: expected one manifest`);
  const draft = document.value;
  if (typeof draft !== 'object' || draft === null || Array.isArray(draft))
    throw malformed(`${file}: expected a mapping`);
  const files = new Map<string, Uint8Array>();
  const folder = await realpath(dirname(file));
  const fileOf = (value: unknown) => digested(folder, value, files);
  const manifest: Record<string, unknown> = { ...DEFAULTS, ...draft };
  if (Array.isArray(manifest.components))
    manifest.components = await eachOf(manifest.components, async (component) => ({
      ...component,
      ...(Array.isArray(component.files) ? { files: await inOrder(component.files, fileOf) } : {}),
    }));
  if (Array.isArray(manifest.migrations))
    manifest.migrations = await eachOf(manifest.migrations, async (migration) => ({
      ...migration,
      ...(migration.up === undefined ? {} : { up: heard(await fileOf(migration.up), files, migration.closes) }),
      ...(migration.down === undefined ? {} : { down: heard(await fileOf(migration.down), files, migration.closes) }),
    }));
  return { manifest, files };
}

/** Whether a folder has such a manifest of its own. */
export async function holdsManifest(path: string): Promise<boolean> {
  for (const name of NAMES) if (await stat(join(path, name)).catch(() => undefined)) return true;
  return false;
}

async function manifestFile(path: string): Promise<string> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) throw new Failure(EXIT.notFound, 'not-found', `there is no ${path}`);
  if (!facts.isDirectory()) return path;
  for (const name of NAMES) if (await stat(join(path, name)).catch(() => undefined)) return join(path, name);
  throw new Failure(EXIT.notFound, 'not-found', `${path} holds no ${NAMES.join(', ')}`);
}

/** A file's entry: its name as given, its digest and size as they are. A digest that was given must be the same. */
async function digested(folder: string, value: unknown, files: Map<string, Uint8Array>): Promise<unknown> {
  const given = typeof value === 'string' ? { name: value } : (value as { name?: unknown; digest?: unknown } | null);
  if (typeof given?.name !== 'string') return value; // the manifest's own check names the place
  const { name } = given;
  const path = await realpath(join(folder, name)).catch(() => undefined);
  if (path === undefined) throw malformed(`the manifest names the file ${name}, and there is none in ${folder}`);
  if (!path.startsWith(folder + sep)) throw malformed(`the file ${name} lies outside of ${folder}`);
  const { size } = await stat(path);
  if (size > MAX_BLOB_BYTES) throw malformed(`the file ${name} has ${size} bytes, at most ${MAX_BLOB_BYTES} are taken`);
  if (files.size >= MOST_FILES) throw malformed(`a release has at most ${MOST_FILES} files`);
  const bytes = await readFile(path);
  const digest = digestOf(bytes);
  if (given.digest !== undefined && given.digest !== digest)
    throw malformed(`the manifest gives ${name} the digest ${String(given.digest)}, it has ${digest}`);
  files.set(digest, bytes);
  return { name, digest, size: bytes.length };
}

/**
 * A migration's file, in which nothing is said that nobody reads. `closes`: the manifest's; what a file says of that counts in
 * a service's release alone.
 */
function heard(file: unknown, files: ReadonlyMap<string, Uint8Array>, closes: unknown): unknown {
  const { name, digest } = (file ?? {}) as { readonly name?: string; readonly digest?: string };
  const bytes = files.get(digest ?? '');
  if (name === undefined || bytes === undefined) return file;
  try {
    expectDirectives(name, bytes);
  } catch (error) {
    throw malformed((error as Error).message);
  }
  const listed: readonly unknown[] = Array.isArray(closes) ? closes : [];
  const unlisted = closesSaid(bytes)
    .flat()
    .find((operation) => !listed.includes(operation));
  if (unlisted !== undefined)
    throw malformed(
      `${name} says headgate:closes ${unlisted.slice(0, 80)}, and its manifest doesn’t: put closes: [${unlisted.slice(0, 80)}] beside the migration’s up`,
    );
  return file;
}

type Fields = Record<string, unknown>;

function eachOf(list: readonly unknown[], change: (fields: Fields) => Promise<Fields>): Promise<unknown[]> {
  const isFields = (v: unknown): v is Fields => typeof v === 'object' && v !== null && !Array.isArray(v);
  return inOrder(list, async (item) => (isFields(item) ? change(item) : item));
}

async function inOrder(list: readonly unknown[], change: (item: unknown) => Promise<unknown>): Promise<unknown[]> {
  const changed: unknown[] = [];
  for (const item of list) changed.push(await change(item));
  return changed;
}

function malformed(message: string): Failure {
  return new Failure(EXIT.refused, 'manifest-malformed', message, 'correct the manifest and create the release again');
}

import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { API_VERSION, type ArtifactFile, type Digest, type ReleaseManifest } from '@headgate/domain';
import { didYouMean } from '@headgate/domain/model/nearest';
import { digestOf } from '../digest.ts';
import { closesOf } from './closes.ts';
import { expectDirectives } from './directives.ts';
import { migrationsOf } from './migration-files.ts';
import { SERVICE_COMPONENT } from './names.ts';
import type { ServiceContent } from './service.ts';

/** What is read of a folder at most: what a release may hold of files, and of bytes in one of them. */
const MOST = { files: 5_000, fileBytes: 64 * 1024 * 1024 };
/** Never part of a release, wherever they stand. */
const LEFT_OUT = new Set(['.git', '.headgate']);

/** A release of a service as it stands in its folder: the manifest, not yet checked, and every file's bytes. */
export interface ServiceRelease {
  readonly manifest: ReleaseManifest;
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

export interface ServiceReleaseFacts {
  readonly version: string;
  readonly authors: readonly string[];
  readonly origin: ReleaseManifest['origin'];
  readonly notes?: string;
}

/**
 * Reads the files that a service names and makes a manifest of them. Its schema version is the number of its migrations,
 * and it is taken to run on the next one, too: that is what expanding before contracting means. Throws, in words, when a
 * file is missing or lies elsewhere.
 */
export async function serviceRelease(
  service: ServiceContent,
  folder: string,
  facts: ServiceReleaseFacts,
): Promise<ServiceRelease> {
  const { metadata, spec } = service;
  const root = await realpath(folder);
  const files = new Map<Digest, Uint8Array>();
  const add = async (name: string): Promise<ArtifactFile> => {
    const path = await realpath(join(root, name)).catch(() => undefined);
    if (path === undefined) throw new Error(`the service names ${name}, and there is none in ${folder}`);
    if (!path.startsWith(root + sep)) throw new Error(`${name} lies outside of ${folder}`);
    if (files.size >= MOST.files) throw new Error(`a release has at most ${MOST.files} files; name fewer in files`);
    const { size } = await stat(path);
    if (size > MOST.fileBytes) throw new Error(`${name} has ${size} bytes, at most ${MOST.fileBytes} are taken`);
    const bytes = await readFile(path);
    const digest = digestOf(bytes);
    files.set(digest, bytes);
    return { name, digest, size: bytes.length };
  };
  const names = [...new Set((await Promise.all(spec.files.map((name) => filesBelow(root, name)))).flat())].sort();
  const artifacts: ArtifactFile[] = [];
  for (const name of names) artifacts.push(await add(name));
  const operations = (spec.operations ?? []).map(({ name }) => name);
  const migrations = [];
  for (const { up, down, ...draft } of migrationsOf(await migrationFiles(root, spec.migrations), spec.phase)) {
    const at = async (name: string) => {
      const found = await add(`${spec.migrations}/${name}`);
      expectDirectives(found.name, files.get(found.digest)!);
      return found;
    };
    const file = await at(up);
    const closes = closesOf(file.name, files.get(file.digest) as Uint8Array, operations);
    const own = { ...draft, up: file, ...(down === undefined ? {} : { down: await at(down) }) };
    migrations.push(closes.length === 0 ? own : { ...own, closes });
  }
  // What runs already brings nothing: customers use it.
  const activates = facts.origin === 'adopted' ? [] : (spec.activates ?? []);
  const strange = activates.find(({ operation }) => !operations.includes(operation))?.operation;
  if (strange !== undefined)
    throw new Error(
      `the service activates the operation ${JSON.stringify(strange)}${didYouMean(strange, operations)}; it declares ${operations.length === 0 ? 'none' : operations.join(', ')} below operations`,
    );
  const manifest: ReleaseManifest = {
    apiVersion: API_VERSION,
    kind: 'Release',
    application: metadata.name,
    version: facts.version,
    authors: [...facts.authors],
    components: [
      {
        name: SERVICE_COMPONENT,
        role: 'web',
        recovery: 'stateless',
        files: artifacts,
        command: spec.run,
        healthPath: spec.health,
      },
    ],
    schemaRange: { min: migrations.length, max: migrations.length + 1 },
    migrations,
    configuration: {},
    rollbackConditions: [],
    notes: facts.notes ?? '',
    ...(activates.length > 0 && { activates }),
    origin: facts.origin,
  };
  return { manifest, files };
}

/** A file by itself, or all files below a folder. */
async function filesBelow(root: string, name: string): Promise<readonly string[]> {
  const info = await stat(join(root, name)).catch(() => undefined);
  if (info === undefined || !info.isDirectory()) return [name];
  const found: string[] = [];
  for (const entry of await readdir(join(root, name), { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name)) continue;
    if (entry.isDirectory()) found.push(...(await filesBelow(root, `${name}/${entry.name}`)));
    else if (entry.isFile()) found.push(`${name}/${entry.name}`);
    if (found.length > MOST.files) throw new Error(`${name} holds more than ${MOST.files} files; name fewer in files`);
  }
  return found;
}

async function migrationFiles(root: string, folder: string | undefined): Promise<readonly string[]> {
  if (folder === undefined) return [];
  return readdir(join(root, folder)).catch(() => {
    throw new Error(`the service's migrations are to be in ${folder}, and there is no such folder`);
  });
}

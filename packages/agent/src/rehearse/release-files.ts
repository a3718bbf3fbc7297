/** A release's migrations, from the folder into which its manifest and files were laid. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationFiles, ReleaseWithFiles } from '@headgate/adapters/execution/rehearsal/index';
import { digestOf, readManifest } from '@headgate/documents';
import type { ArtifactFile, Digest, ReleaseManifest } from '@headgate/domain';

/** The manifest's canonical bytes, and each file by its digest, as `headgate rehearse` lays them out. */
const MANIFEST = 'manifest.json';
const FILES = 'files';
/** Most of one file, in bytes. */
const MAX_BYTES = 64 * 1024 * 1024;

export interface RehearsedRelease {
  readonly manifest: ReleaseManifest;
  readonly digest: Digest;
  /** `shop 1.2.0`. */
  readonly name: string;
  /** All of its migrations, in order. */
  readonly migrations: readonly MigrationFiles[];
  /** With its components' files, where they were laid out; undefined: they weren't. */
  readonly whole: ReleaseWithFiles | undefined;
}

/** Reads and verifies them. Throws an error that says what isn't as it should be. */
export async function readRelease(dir: string): Promise<RehearsedRelease> {
  const bytes = await readFile(join(dir, MANIFEST)).catch(() => undefined);
  if (bytes === undefined)
    throw new Error(
      `there is no ${join(dir, MANIFEST)}: use headgate rehearse RELEASE --from STORE --config FILE, which lays a release out`,
    );
  const read = readManifest(bytes);
  if (!read.ok) throw new Error(`${join(dir, MANIFEST)}: ${read.why}`);
  const { manifest, digest } = read;
  const bytesOf = async ({ name, digest: expected }: Pick<ArtifactFile, 'name' | 'digest'>): Promise<Buffer> => {
    const path = pathOf(dir, expected);
    if (!(await isThere(path))) throw new Error(`the file ${name} isn't there: ${path}`);
    const content = await readFile(path);
    if (digestOf(content) !== expected) throw new Error(`the file ${name} isn't the one of the release: ${path}`);
    return content;
  };
  const text = async (file: ArtifactFile): Promise<string> => (await bytesOf(file)).toString('utf8');
  const migrations: MigrationFiles[] = [];
  for (const migration of [...manifest.migrations].sort((a, b) => a.from - b.from)) {
    const { up, down } = migration;
    migrations.push({
      migration,
      up: await text(up),
      ...(down === undefined ? {} : { down: await text(down) }),
    });
  }
  const ref = { digest, version: manifest.version };
  const files = manifest.components.flatMap((component) => component.files);
  const laidOut = (await Promise.all(files.map((each) => isThere(pathOf(dir, each.digest))))).every(Boolean);
  return {
    manifest,
    digest,
    name: `${manifest.application} ${manifest.version}`,
    migrations,
    whole: laidOut ? { ref, manifest, file: (each) => bytesOf({ name: each, digest: each }) } : undefined,
  };
}

function pathOf(dir: string, digest: Digest): string {
  return join(dir, FILES, digest.slice('sha256:'.length));
}

async function isThere(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isFile() === true && facts.size <= MAX_BYTES;
}

/**
 * Those that a store at that version still needs. Throws when there are none, or when they don't begin there: nothing that
 * could be rehearsed.
 */
export function pendingOf({ migrations, name }: RehearsedRelease, version: number): readonly MigrationFiles[] {
  const pending = migrations.filter(({ migration }) => migration.to > version);
  const [first] = pending;
  if (first === undefined)
    throw new Error(`${name} has nothing to rehearse: the copy is at version ${version} of the schema already`);
  if (first.migration.from !== version)
    throw new Error(
      `the copy is at version ${version} of the schema, and ${name} begins at ${first.migration.from}: rehearse the release before it first`,
    );
  return pending;
}

/**
 * What the store, which is at that version by now, has had since its copy was at `version`: the copy gets it first. Throws when the
 * release doesn't have all of it.
 */
export function appliedSince(
  { migrations, name }: RehearsedRelease,
  version: number,
  store: number,
): readonly MigrationFiles[] {
  const since = migrations.filter(({ migration }) => migration.to > version && migration.to <= store);
  if (store > version && (since[0]?.migration.from !== version || since.at(-1)?.migration.to !== store))
    throw new Error(
      `the store is at version ${store} of the schema, its copy at ${version}, and ${name} doesn't lead from the one to the other: take a restore point, and rehearse on that`,
    );
  return since;
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Component, Digest } from '@headgate/domain';
import { syncFolder } from '../../machine/durable-file.ts';

/** Where a component's files stand; `${dir}` in its command. */
export function componentDir(slotDir: string, component: string): string {
  return join(slotDir, 'files', component);
}

/**
 * Whether a name from a manifest stays below its folder: relative, no `..`, no empty part, nothing that a file system or
 * a log would read differently.
 */
export function staysInside(name: string): boolean {
  if (name.length === 0 || name.length > 512 || name.startsWith('/')) return false;
  if ([...name].some((character) => character < ' ' || character === '\\' || character === '\x7f')) return false;
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** Writes all components' files anew. Returns the names that may not be written; then nothing was. */
export async function materialise(
  slotDir: string,
  components: readonly Component[],
  blob: (digest: Digest) => Promise<Uint8Array>,
): Promise<readonly string[]> {
  const escaping = components.flatMap((component) =>
    [component.name, ...component.files.map((file) => file.name)].filter((name) => !staysInside(name)),
  );
  if (escaping.length > 0) return escaping;
  await rm(join(slotDir, 'files'), { recursive: true, force: true });
  for (const component of components) {
    const dir = componentDir(slotDir, component.name);
    await mkdir(dir, { recursive: true, mode: 0o755 });
    for (const file of component.files) {
      const path = join(dir, file.name);
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      const target = await open(path, 'wx', 0o644);
      try {
        await target.writeFile(await blob(file.digest));
        await target.sync();
      } finally {
        await target.close();
      }
      await syncFolder(dirname(path));
    }
  }
  return [];
}

/**
 * Reads a component's files back: the names that are missing, whose bytes aren't those that the manifest names, or that
 * it doesn't name at all (a planted module is found by an import as well as one of the release's own).
 */
export async function tamperedFiles(slotDir: string, component: Component): Promise<readonly string[]> {
  const found = await foreignFiles(slotDir, component);
  for (const file of component.files) {
    const path = join(componentDir(slotDir, component.name), file.name);
    if (!staysInside(file.name) || (await digestOfFile(path)) !== file.digest)
      found.push(`${component.name}/${file.name}`);
  }
  return found;
}

/** Everything below the component's folder but folders and the release's files; a link is never the release's. */
async function foreignFiles(slotDir: string, component: Component): Promise<string[]> {
  const dir = componentDir(slotDir, component.name);
  const own = new Set(component.files.map((file) => file.name));
  try {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => ({ entry, name: relative(dir, join(entry.parentPath, entry.name)) }))
      .filter(({ entry, name }) => !entry.isFile() || !own.has(name))
      .map(({ name }) => `${component.name}/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function digestOfFile(path: string): Promise<Digest | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return `sha256:${hash.digest('hex')}`;
}

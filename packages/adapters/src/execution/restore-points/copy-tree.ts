import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileEntry } from './manifest.ts';

const AT_ONCE = 8;
const CHUNK = 256 * 1024;

export interface CopiedTree {
  readonly folders: string[];
  readonly files: FileEntry[];
}

/**
 * Copies a folder that others may be writing to, with the SHA-256 of the bytes as they were written. Files that vanish
 * meanwhile are left out; what `skip` says (by path below the folder) is left out with all below it. Links and sockets
 * are refused: what they point to would be missing at a restore.
 */
export async function copyTree(
  from: string,
  to: string,
  prefix: string,
  skip: (path: string) => boolean,
  signal: AbortSignal,
): Promise<CopiedTree> {
  const tree: CopiedTree = { folders: [], files: [] };
  const waiting: string[] = [];
  const walk = async (below: string): Promise<void> => {
    tree.folders.push(join(prefix, below));
    await mkdir(join(to, prefix, below), { recursive: true, mode: 0o700 });
    for (const entry of await readdir(join(from, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      if (skip(path)) continue;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) waiting.push(path);
      else throw new Error(`${join(from, path)} is neither a file nor a folder; a restore point can't hold it`);
    }
  };
  await walk('');
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
        signal.throwIfAborted();
        const entry = await copyFile(join(from, path), join(to, prefix, path), join(prefix, path));
        if (entry) tree.files.push(entry);
      }
    }),
  );
  tree.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return tree;
}

/** Copies one file and makes it durable. `undefined` when it isn't there any more. */
export async function copyFile(from: string, to: string, path: string): Promise<FileEntry | undefined> {
  let source: FileHandle;
  try {
    source = await open(from, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const target = await open(to, 'w', 0o600);
  try {
    const { mode, uid, gid } = await source.stat();
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK);
    let size = 0;
    for (;;) {
      const { bytesRead } = await source.read(buffer, 0, CHUNK, size);
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      hash.update(chunk);
      await target.write(chunk, 0, bytesRead, size);
      size += bytesRead;
    }
    await target.datasync();
    return { path, size, sha256: hash.digest('hex'), mode: mode & 0o777, uid, gid };
  } finally {
    await source.close();
    await target.close();
  }
}

/** Reads a file back. `undefined` when it isn't there. */
export async function readBack(path: string): Promise<{ size: number; sha256: string } | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK);
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK, size);
      if (bytesRead === 0) return { size, sha256: hash.digest('hex') };
      hash.update(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
  } finally {
    await file.close();
  }
}

import { createHash } from 'node:crypto';
import { closeSync, fdatasync, fstatSync, openSync, read, readSync, write, writeSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { promisify } from 'node:util';

const AT_ONCE = 8;
const CHUNK = 256 * 1024;

const datasync = promisify(fdatasync);
const writeOut = promisify(write);

/** A file of a copy, as its manifest names it. */
export interface FileEntry {
  /** Below the copy's folder: `data/base/1/1259`. */
  readonly path: string;
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

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

/**
 * Copies one file into a folder that is there, and makes it durable. `undefined` when it isn't there any more. A small
 * file costs less here than the trips through the thread pool; only the disk is waited for.
 */
export async function copyFile(from: string, to: string, path: string): Promise<FileEntry | undefined> {
  const source = openIfThere(from);
  if (source === undefined) return undefined;
  try {
    const target = openSync(to, 'w', 0o600);
    try {
      const { mode, uid, gid, size: expected } = fstatSync(source);
      const buffer = chunkFor(expected);
      const hash = createHash('sha256');
      let size = 0;
      for (;;) {
        const bytes = await readAt(source, buffer, size);
        if (bytes === 0) break;
        const chunk = buffer.subarray(0, bytes);
        hash.update(chunk);
        await writeAt(target, chunk, size);
        size += bytes;
      }
      await datasync(target);
      return { path, size, sha256: hash.digest('hex'), mode: mode & 0o777, uid, gid };
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

/** Reads a file back. `undefined` when it isn't there. */
export async function readBack(path: string): Promise<{ size: number; sha256: string } | undefined> {
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    const hash = createHash('sha256');
    const { size: told } = fstatSync(fd);
    let [buffer, other] = [chunkFor(told), chunkFor(told)];
    let size = 0;
    // The next chunk is read while this one is hashed.
    for (let reading = readAt(fd, buffer, 0); ; ) {
      const bytes = await reading;
      if (bytes === 0) break;
      const chunk = buffer.subarray(0, bytes);
      size += bytes;
      [buffer, other] = [other, buffer];
      reading = readAt(fd, buffer, size);
      hash.update(chunk);
    }
    // Whoever waits for us is let in between two files.
    await immediate();
    return { size, sha256: hash.digest('hex') };
  } finally {
    closeSync(fd);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** At once where the whole of a small file is read. */
async function readAt(fd: number, buffer: Buffer, position: number): Promise<number> {
  if (buffer.length < CHUNK) return readSync(fd, buffer, 0, buffer.length, position);
  return new Promise((resolve, reject) =>
    read(fd, buffer, 0, buffer.length, position, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  );
}

/** All of it; at once where it is the whole of a small file. */
async function writeAt(fd: number, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const left = chunk.length - done;
    if (chunk.length < CHUNK) done += writeSync(fd, chunk, done, left, position + done);
    else done += (await writeOut(fd, chunk, done, left, position + done)).bytesWritten;
  }
}

/**
 * A whole small file and the end after it. A store has thousands of files of a few hundred bytes: with a whole chunk for each,
 * collecting the garbage took more of the processor than copying, beside customers who are served on it.
 */
function chunkFor(size: number): Buffer {
  return Buffer.allocUnsafe(Math.min(CHUNK, size + 1));
}

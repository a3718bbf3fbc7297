/** Lays out the files that a tenant's rows name, each from the first place that has it as it has to be. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NamedFile, WrongFile } from './named-files.ts';

/** A folder that is like a filestore: `4f/4f3a…` below it. */
export interface FileSource {
  /** For people: `the live filestore`. */
  readonly what: string;
  readonly dir: string;
}

export interface PlacedFiles {
  /** How many came from each source, by its words. */
  readonly from: ReadonlyMap<string, number>;
  readonly bytes: number;
  /** Files that a source had otherwise than they have to be. */
  readonly otherwise: readonly WrongFile[];
  /** Files that no source has as they have to be. */
  readonly nowhere: readonly NamedFile[];
}

const AT_ONCE = 8;
const CHUNK = 256 * 1024;

/** Copies them below `to`. A source is only read; a link in it isn't followed. */
export async function placeFiles(
  files: Iterable<NamedFile>,
  sources: readonly FileSource[],
  to: string,
  signal: AbortSignal,
): Promise<PlacedFiles> {
  const waiting = files[Symbol.iterator]();
  const from = new Map<string, number>();
  const otherwise: WrongFile[] = [];
  const nowhere: NamedFile[] = [];
  let bytes = 0;
  const place = async (file: NamedFile): Promise<void> => {
    for (const { what, dir } of sources) {
      const copied = await copyChecked(join(dir, file.name), join(to, file.name), file);
      if (copied === undefined) continue;
      if (typeof copied === 'number') {
        from.set(what, (from.get(what) ?? 0) + 1);
        bytes += copied;
        return;
      }
      otherwise.push({ name: file.name, why: `in ${what} ${copied.why}` });
    }
    nowhere.push(file);
  };
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      signal.throwIfAborted();
      await place(next.value);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { from, bytes, otherwise, nowhere };
}

/** How many bytes were copied; why what is there isn't the file; undefined: nothing is there. */
async function copyChecked(
  path: string,
  to: string,
  file: NamedFile,
): Promise<number | { readonly why: string } | undefined> {
  const source = await openIfThere(path);
  if (source === undefined) return undefined;
  const partial = `${to}.partial`;
  try {
    if (!(await source.stat()).isFile()) return { why: 'it is no file' };
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    const target = await open(partial, 'w', 0o600);
    let read: { readonly size: number; readonly sha1: string };
    try {
      read = await copied(source, target);
    } finally {
      await target.close();
    }
    const why = whyOtherwise(read, file);
    if (why !== undefined) return { why };
    await rename(partial, to);
    return read.size;
  } finally {
    await source.close();
    await rm(partial, { force: true });
  }
}

/** What a file isn't that it has to be, in words. */
export function whyOtherwise(
  { size, sha1 }: { readonly size: number; readonly sha1: string },
  file: NamedFile,
): string | undefined {
  if (sha1 !== file.sha1) return `its content isn’t what its name says (SHA-1 ${sha1})`;
  if (file.size !== undefined && size !== file.size) return `it has ${size} bytes, and its row says ${file.size}`;
  return undefined;
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    // Whoever may write there could put a link, or a pipe that nobody writes to.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}

async function copied(source: FileHandle, target: FileHandle): Promise<{ size: number; sha1: string }> {
  const hash = createHash('sha1');
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let size = 0; ; ) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK, size);
    if (bytesRead === 0) return { size, sha1: hash.digest('hex') };
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    for (let done = 0; done < bytesRead; )
      done += (await target.write(chunk, done, bytesRead - done, size + done)).bytesWritten;
    size += bytesRead;
  }
}

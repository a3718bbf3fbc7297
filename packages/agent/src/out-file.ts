/** Files that a command writes where it is told to: over nothing that is there, unless it is the command's own from before. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { readIfThere } from '@headgate/adapters/machine/durable-file';

const isThere = (file: string): Error =>
  new Error(`${file} is there already, and nothing is written over it: move it away, or name another file`);

/** Throws, in words, where the file is there. */
export async function writeNew(file: string, content: string, mode = 0o666): Promise<void> {
  await writeFile(file, content, { mode, flag: 'wx' }).catch((error: { readonly code?: string }) => {
    throw error.code === 'EEXIST' ? isThere(file) : error;
  });
}

/**
 * What a schedule renders anew: whole, or as it was. Throws, in words, where a file is there that doesn't begin as this one
 * does: then it is something else.
 */
export async function writeAnew(file: string, content: string, beginning: string): Promise<void> {
  const before = await readIfThere(file);
  if (before === undefined) return writeNew(file, content);
  if (!before.startsWith(beginning)) throw isThere(file);
  const next = `${file}.new-${process.pid}`;
  try {
    await writeNew(next, content);
    await rename(next, file);
  } finally {
    await rm(next, { force: true });
  }
}

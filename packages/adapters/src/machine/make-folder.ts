import { lstat, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and what is missing above it, one after the other. Node's own recursive mkdir never ends where the file
 * system answers that a folder can't be made because it isn't there (below /proc, for instance); this one throws what the
 * system said, with the folder that it said it of.
 */
export async function makeFolder(path: string, mode: number): Promise<void> {
  const missing: string[] = [];
  for (let folder = resolve(path); !(await exists(folder)); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      await mkdir(folder, { mode });
    } catch (error) {
      // Somebody else made it in the meantime.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new Error(`The folder ${folder} can't be made: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

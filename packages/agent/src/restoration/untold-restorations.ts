/**
 * Signed statements of restorations that the server has not taken yet: a file each, in a folder of the agent's. Whoever brings
 * something back is a process of its own, beside the agent that runs or without one, so each writes a file and none writes another's.
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { digestOfJson, MAX_BUNDLE_BYTES } from '@headgate/documents';
import type { Logger } from '../log.ts';

type Bundle = Readonly<Record<string, unknown>>;

export interface UntoldRestoration {
  readonly name: string;
  readonly statement: Bundle;
}

/** So many are told in one round. */
const MOST_IN_A_ROUND = 200;
/** By when it was, so that they are told in the order in which they were. */
const NAME = /^\d{15}-[0-9a-f]{64}\.json$/;

function folderIn(dataDir: string): string {
  return join(dataDir, 'restorations');
}

/** Keeps one until the server has it. `at`: when it was, in milliseconds. Answers where it lies. */
export async function keepUntold(dataDir: string, statement: Bundle, at: number): Promise<string> {
  const folder = folderIn(dataDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${String(at).padStart(15, '0')}-${digestOfJson(statement).slice('sha256:'.length)}.json`;
  const path = join(folder, name);
  await writeDurably(path, `${JSON.stringify(statement)}\n`, 0o600);
  return path;
}

/** How many there are. */
export async function countUntold(dataDir: string): Promise<number> {
  return (await namesIn(dataDir)).length;
}

/**
 * Of those that the server has not taken as many as are told in a round, oldest first, from behind `after` on; the newest is always among
 * them. One that can't be read is said, and left where it is.
 */
export async function untoldIn(
  dataDir: string,
  log: Pick<Logger, 'warn'>,
  after = '',
): Promise<readonly UntoldRestoration[]> {
  const found: UntoldRestoration[] = [];
  const names = await namesIn(dataDir);
  const later = names.filter((name) => name > after);
  const newest = names.at(-1);
  for (const name of later.length > 0 ? later : names) {
    // What can't be read takes nobody's turn.
    if (found.length >= MOST_IN_A_ROUND && name !== newest) continue;
    const path = join(folderIn(dataDir), name);
    try {
      if ((await stat(path)).size > MAX_BUNDLE_BYTES) throw new Error(`it has more than ${MAX_BUNDLE_BYTES} bytes`);
      const text = await readIfThere(path);
      // Somebody else told it meanwhile.
      if (text !== undefined) found.push({ name, statement: JSON.parse(text) as Bundle });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      log.warn({ path, why: (error as Error).message }, 'the statement of a restoration can’t be read');
    }
  }
  return found;
}

export async function toldRestoration(dataDir: string, name: string): Promise<void> {
  await rm(join(folderIn(dataDir), name), { force: true });
}

async function namesIn(dataDir: string): Promise<readonly string[]> {
  const names = await readdir(folderIn(dataDir)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => NAME.test(name)).toSorted();
}

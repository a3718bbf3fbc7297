import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeDurably } from '@headgate/adapters/machine/durable-file';
import type { DemoOptions } from './options.ts';

const TOLD = 'story-told.json';
const BEGUN = 'story-begun.json';

export interface DemoFolder {
  readonly dir: string;
  /** Whether the story is yet to be told there, or to its end. */
  readonly fresh: boolean;
  /** Whether an earlier telling was cut short: what it came to stays, and this one goes on from there. */
  readonly begun: boolean;
  /** What to say about the choice, if it isn't the folder that was named. */
  readonly told?: string;
}

/**
 * The story can be told once in a folder: 1.1.0 can't be promoted to where it runs. A folder that has seen it is served
 * as it is; `--once` takes the next numbered folder inside it instead, so that nothing is ever deleted.
 */
export async function freshFolder(options: DemoOptions): Promise<DemoFolder> {
  const dir = resolve(options.dataDir);
  if (!existsSync(join(dir, TOLD))) return untold(dir);
  if (!options.once)
    return {
      dir,
      fresh: false,
      begun: true,
      told: 'the story was told in this folder before; serving it as it is (start anew with --data ANOTHER-FOLDER)',
    };
  for (let n = 2; ; n++) {
    const next = join(dir, `run-${n}`);
    if (!existsSync(join(next, TOLD)))
      return { ...untold(next), told: `the story was told in ${dir} before; telling it anew in ${next}` };
  }
}

function untold(dir: string): DemoFolder {
  if (!existsSync(join(dir, BEGUN))) return { dir, fresh: true, begun: false };
  return {
    dir,
    fresh: true,
    begun: true,
    told: 'the story was begun in this folder before; it goes on from where it stands',
  };
}

/** From here on a telling that is cut short is gone on with. */
export async function markBegun(dir: string): Promise<void> {
  await writeDurably(join(dir, BEGUN), `${JSON.stringify({ begun: true })}\n`);
}

export async function markTold(dir: string): Promise<void> {
  await writeDurably(join(dir, TOLD), `${JSON.stringify({ told: true })}\n`);
}

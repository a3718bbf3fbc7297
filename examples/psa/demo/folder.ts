import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeDurably } from '@headgate/adapters/machine/durable-file';
import type { DemoOptions } from './options.ts';

const TOLD = 'story-told.json';

export interface DemoFolder {
  readonly dir: string;
  /** Whether the story is yet to be told there. */
  readonly fresh: boolean;
  /** What to say about the choice, if it isn't the folder that was named. */
  readonly told?: string;
}

/**
 * The story can be told once in a folder: 1.1.0 can't be promoted to where it runs. A folder that has seen it is served
 * as it is; `--once` takes the next numbered folder inside it instead, so that nothing is ever deleted.
 */
export async function freshFolder(options: DemoOptions): Promise<DemoFolder> {
  const dir = resolve(options.dataDir);
  if (!existsSync(join(dir, TOLD))) return { dir, fresh: true };
  if (!options.once)
    return {
      dir,
      fresh: false,
      told: 'the story was told in this folder before; serving it as it is (start anew with --data ANOTHER-FOLDER)',
    };
  for (let n = 2; ; n++) {
    const next = join(dir, `run-${n}`);
    if (!existsSync(join(next, TOLD)))
      return { dir: next, fresh: true, told: `the story was told in ${dir} before; telling it anew in ${next}` };
  }
}

export async function markTold(dir: string): Promise<void> {
  await writeDurably(join(dir, TOLD), `${JSON.stringify({ told: true })}\n`);
}

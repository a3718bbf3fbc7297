/** What `recover` says of the store that it brought back, in its folder: so that a difference names the moment, and not a person. */
import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { z } from 'zod';

const Recovered = z.strictObject({
  environment: z.string(),
  cell: z.string(),
  store: z.string(),
  /** Which moment was asked for, in words. */
  moment: z.string(),
  /** The restore point that it went on from. */
  point: z.string(),
  /** Of the last transaction that came back, in milliseconds. */
  lastCommitAt: z.int().exactOptional(),
});

export type RecoveredStore = Readonly<z.output<typeof Recovered>>;

const NAME = 'recovered.json';

export async function noteRecovered(dir: string, recovered: RecoveredStore): Promise<void> {
  await writeDurably(join(dir, NAME), `${JSON.stringify(recovered)}\n`);
}

/** Undefined: `recover` brought nothing back there, or one of before it said so. */
export async function readRecovered(dir: string): Promise<RecoveredStore | undefined> {
  const text = await readIfThere(join(dir, NAME));
  if (text === undefined) return undefined;
  try {
    return Recovered.parse(JSON.parse(text));
  } catch {
    throw new Error(`${join(dir, NAME)} isn't what recover writes; recover the store anew`);
  }
}

/** The moment in words. */
export function momentText({ moment, lastCommitAt }: RecoveredStore): string {
  return lastCommitAt === undefined ? moment : `${moment} (last commit ${new Date(lastCommitAt).toISOString()})`;
}

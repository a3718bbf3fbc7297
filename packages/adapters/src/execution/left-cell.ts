import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../machine/durable-file.ts';

const Left = z.object({ at: z.iso.datetime() });

const fileOf = (cellDir: string): string => join(cellDir, 'left.json');

/**
 * Writes down that a cell has left its databases: before the first of them, so that nothing is started there again by what
 * stands in its folder. Begun again it would take a database without a record for one that no migration was made in. False: it
 * was written before.
 */
export async function writeLeft(cellDir: string, at: Date): Promise<boolean> {
  if ((await readIfThere(fileOf(cellDir))) !== undefined) return false;
  await writeDurably(fileOf(cellDir), `${JSON.stringify({ at: at.toISOString() })}\n`, 0o600);
  return true;
}

/** Takes that back: for whoever wrote it a moment ago, and has seen that nothing was removed in any of the databases. */
export async function forgetLeft(cellDir: string): Promise<void> {
  await rm(fileOf(cellDir), { force: true });
}

/** Throws when the cell has left its databases. */
export async function refuseLeft({ cell, dir }: { readonly cell: string; readonly dir: string }): Promise<void> {
  const text = await readIfThere(fileOf(dir));
  if (text === undefined) return;
  const { at } = Left.parse(JSON.parse(text));
  throw new Error(
    `cell ${cell} has left its databases (by headgate-agent leave --config FILE, ${at}), and nothing is started there any more. To begin anew take a data folder of its own, from headgate-server --data on; the old one goes with headgate data remove`,
  );
}

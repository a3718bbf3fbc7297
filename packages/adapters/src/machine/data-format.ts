/**
 * The format of a data folder: one number, in `format.json`. A folder of an older format is migrated when it is opened,
 * step by step; each step keeps a copy of what it writes over, is harmless to repeat, and is done when the number says so.
 * A folder of a newer format is refused: what is in it may mean something else by now.
 */
import { constants, copyFile, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readIfThere, syncFolder, writeDurably } from './durable-file.ts';

export interface FormatStep {
  /** For the log: what becomes of the folder. */
  readonly what: string;
  migrate(root: string): Promise<void>;
}

export interface FolderFormat {
  /** What the folder is, in an error's words. */
  readonly name: string;
  /** The step at index n takes format n to n + 1; their number is today's format. */
  readonly steps: readonly FormatStep[];
  /** A file that every folder had before there were formats: without it, and without a format, the folder is a new one. */
  readonly sign: string;
}

export class FormatTooNew extends Error {}

/** Brings a folder to today's format, or throws. `said` hears of each step that was taken. */
export async function openFormat(
  root: string,
  { name, steps, sign }: FolderFormat,
  said: (line: { readonly from: number; readonly to: number; readonly what: string }) => void,
): Promise<void> {
  const file = join(root, 'format.json');
  let format = formatOf(await readIfThere(file), file) ?? ((await isOld(root, sign)) ? 0 : steps.length);
  if (format > steps.length)
    throw new FormatTooNew(
      `${root} has the format ${format}, and this Headgate knows formats up to ${steps.length}: ${name} was used by a newer Headgate; start that one, or name another folder`,
    );
  if (format === steps.length) return write(file, format);
  for (const step of steps.slice(format)) {
    await step.migrate(root);
    format += 1;
    await write(file, format);
    said({ from: format - 1, to: format, what: step.what });
  }
}

/** Keeps a file as it is beside itself, as `NAME.format-N`; a copy from an earlier try is left alone. */
export async function keepCopy(path: string, format: number): Promise<void> {
  const copy = `${path}.format-${format}`;
  try {
    await copyFile(path, copy, constants.COPYFILE_EXCL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  const written = await open(copy, 'r');
  try {
    await written.sync();
  } finally {
    await written.close();
  }
  await syncFolder(dirname(copy));
}

async function write(file: string, format: number): Promise<void> {
  const content = `${JSON.stringify({ format })}\n`;
  if ((await readIfThere(file)) !== content) await writeDurably(file, content);
}

function formatOf(text: string | undefined, file: string): number | undefined {
  if (text === undefined) return undefined;
  let format: unknown;
  try {
    ({ format } = JSON.parse(text) as { format?: unknown });
  } catch {
    // Said below: it is no format either way.
  }
  if (typeof format !== 'number' || !Number.isSafeInteger(format) || format < 0)
    throw new Error(`${file} says no format, as {"format": 1}: put the file back, or name another folder`);
  return format;
}

async function isOld(root: string, sign: string): Promise<boolean> {
  return (await readdir(root).catch(() => [] as string[])).includes(sign);
}

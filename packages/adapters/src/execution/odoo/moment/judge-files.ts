/** Whether a tenant's files of a moment are all there: none that is missing is passed over in silence. */
import { type Answer, denied, granted } from '@headgate/execution';
import type { NamedFile, WrongFile } from './named-files.ts';

/** Names that are told; all of them count. */
const MOST_TOLD = 10;

export interface FilesFound {
  readonly store: string;
  /** Files that the rows name, and rows that name none of Odoo's. */
  readonly files: number;
  readonly wrong: readonly WrongFile[];
  /** Files that nobody has, and what some have in their place. */
  readonly nowhere: readonly NamedFile[];
  readonly otherwise: readonly WrongFile[];
  /** Where they were looked for, in words, in order. */
  readonly looked: readonly string[];
  /** So many a person said that it may go without. */
  readonly lacking: number | undefined;
  /** What else would help, in words. */
  readonly unblock: string;
}

/** What it goes without, as a person said; refused when that isn't exactly what is lacking. */
export function judgeFiles(found: FilesFound): Answer<readonly WrongFile[]> {
  const { store, files, wrong, nowhere, otherwise, looked, lacking, unblock } = found;
  const lost = [...nowhere.map((file) => ({ name: file.name, why: whyNowhere(file, otherwise) })), ...wrong];
  if (lost.length === (lacking ?? 0)) return granted(lost);
  if (lost.length === 0)
    return denied('check-failed', `no file of ${store} is lacking, and --lacking says ${lacking}: leave it out`);
  const told = lost.slice(0, MOST_TOLD).map(({ name, why }) => `${name} (${why})`);
  if (lost.length > MOST_TOLD) told.push(`and ${lost.length - MOST_TOLD} more`);
  return denied(
    'check-failed',
    [
      `of ${files + wrong.length} files that the rows of ${store} name at that moment ${lost.length} can’t be had: ${told.join(', ')}.`,
      `Looked in ${looked.join(', ')}.`,
      ...(lacking === undefined ? [] : [`--lacking says ${lacking}.`]),
      `What helps: ${unblock}; or, where nobody has them, --lacking ${lost.length} brings it back without them`,
    ].join(' '),
  );
}

function whyNowhere({ name, size }: NamedFile, otherwise: readonly WrongFile[]): string {
  const seen = otherwise.filter((each) => each.name === name).map(({ why }) => why);
  if (seen.length > 0) return seen.join('; ');
  return size === undefined ? 'missing' : `missing, ${size} bytes`;
}

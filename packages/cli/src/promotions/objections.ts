import type { Client, Explanation, Objection } from '@headgate/contract';
import type { Session } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { printable } from '../output.ts';
import { type Here, howToMend } from '../setup/pin-anew.ts';

const HEAD = 'An agent would refuse it as things are; until that is mended it waits before its first wave:';
/** So many cells are named; the others are counted. */
const MOST_NAMED = 5;
/** So many are told one by one. */
const MOST_TOLD = 20;

/** Why a promotion stands where it stands; undefined when that can't be asked, which takes back no word that was taken. */
export async function explained(client: Client, promotion: string): Promise<Explanation | undefined> {
  return client.call('explainPromotion', { promotion }).catch(() => undefined);
}

/** What agents would refuse a promotion for, for people, with what mends it: nothing when there is nothing. */
export async function objectionLines(
  { env, cwd }: Pick<Session, 'env' | 'cwd'>,
  objections: readonly Objection[] = [],
  left = 0,
): Promise<readonly string[]> {
  if (objections.length === 0) return [];
  const here: Here = { folder: dataFolder(env, cwd), cwd };
  const same = together(objections);
  const told = await Promise.all(
    same.slice(0, MOST_TOLD).map(async (each) => {
      const [first] = each;
      return printable(`- ${cellsText(each)}: ${first.why}; to mend: ${await howToMend(here, first)}`);
    }),
  );
  const more = same.length - told.length;
  return [HEAD, ...told, ...(more > 0 ? [`- and ${more} more`] : []), ...leftLines(left)];
}

/** What the server left out of its answer, and where all of it stands. */
export function leftLines(left: number): readonly string[] {
  return left === 0
    ? []
    : [`- and ${left} more, of other cells: headgate doctor tells every cause, and /v1/pins every cell`];
}

/** What has one cause is told once, however many cells it is found in. */
export function together(objections: readonly Objection[]): readonly (readonly [Objection, ...Objection[]])[] {
  const groups = new Map<string, [Objection, ...Objection[]]>();
  for (const objection of objections) {
    const group = groups.get(objection.why);
    if (group === undefined) groups.set(objection.why, [objection]);
    else group.push(objection);
  }
  return [...groups.values()];
}

/** `cell a`, `cells a, b and 7 more`. */
export function cellsText(cells: readonly { readonly cell: string }[]): string {
  const more = cells.length - MOST_NAMED;
  const names = cells.slice(0, MOST_NAMED).map(({ cell }) => cell);
  return `${cells.length === 1 ? 'cell' : 'cells'} ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

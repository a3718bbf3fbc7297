import type { Client, Explanation, Objection } from '@headgate/contract';
import type { Session } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { printable } from '../output.ts';
import { type Here, howToMend } from '../setup/pin-anew.ts';

const HEAD = 'An agent would refuse it as things are; until that is mended it waits before its first wave:';
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
): Promise<readonly string[]> {
  if (objections.length === 0) return [];
  const here: Here = { folder: dataFolder(env, cwd), cwd };
  const told = await Promise.all(
    objections
      .slice(0, MOST_TOLD)
      .map(async (each) => printable(`- cell ${each.cell}: ${each.why}; to mend: ${await howToMend(here, each)}`)),
  );
  const more = objections.length - told.length;
  return [HEAD, ...told, ...(more > 0 ? [`- and ${more} more`] : [])];
}

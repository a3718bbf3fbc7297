import { type Client, type MigrationTimes, ProblemError } from '@headgate/contract';
import { everything } from '../paging.ts';

/** Lines that are told; the others are counted. */
const MOST_LINES = 20;
/** Cells that are asked about. */
const MOST_CELLS = 200;

/** What a promotion's migrations took so far, and what was promised; nothing of a server that doesn't say. */
export async function migrationTimesOf(client: Client, promotion: string): Promise<readonly MigrationTimes[]> {
  try {
    return await everything((page) => client.call('listMigrationTimes', { promotion, ...page }), MOST_CELLS);
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return [];
    throw error;
  }
}

/** The same for people: those that took longer than promised first, then in the order of the plan. */
export function migrationTimeLines(promotion: string, times: readonly MigrationTimes[]): readonly string[] {
  const all = times.flatMap(({ cell, migrations }) => migrations.map((each) => ({ cell, ...each })));
  const slower = all.filter(({ verdict }) => verdict === 'slower');
  const ordered = [...slower, ...all.filter((each) => !slower.includes(each))];
  const told = ordered
    .slice(0, MOST_LINES)
    .map(({ cell, store, words, verdict }) => `${verdict === 'slower' ? 'SLOWER: ' : ''}${cell}/${store}: ${words}`);
  const more = all.length - told.length + times.reduce((sum, { left }) => sum + left, 0);
  const cut = times.filter((each) => each.cut).map(({ cell }) => cell);
  const kept = times.flatMap(({ cell, kept: points = [] }) =>
    points.map(({ store, words }) => `${cell}/${store}: ${words}`),
  );
  return [
    ...kept,
    ...told,
    ...(more > 0 ? [`and ${more} more: headgate explain ${promotion} --json`] : []),
    ...(cut.length > 0 ? [`of ${cut.join(', ')} the later steps were not read: there are too many entries`] : []),
  ];
}

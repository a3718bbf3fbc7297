/** What serves in an application's other environments: gathered only where a release removes something. */
import {
  type ApplicationSpec,
  type CellState,
  type ReleaseManifest,
  type UserElsewhere,
  usersIn,
} from '@headgate/domain';
import type { ControlStore } from '../ports/store.ts';
import type { CellRecord } from '../records.ts';

const PAGE = 1_000;

/** As it is desired there. Nothing, without asking, for a release that removes nothing. */
export async function usersElsewhere(
  store: Pick<ControlStore, 'list'>,
  { name, pipeline }: Pick<ApplicationSpec, 'name' | 'pipeline'>,
  environment: string,
  { migrations }: Pick<ReleaseManifest, 'migrations'>,
): Promise<readonly UserElsewhere[]> {
  if (!migrations.some(({ phase }) => phase === 'contract')) return [];
  const cells: CellState[] = [];
  for (const other of pipeline.filter((each) => each !== environment))
    for (let after: string | undefined; ; ) {
      const page = await store.list('cell', { facet: other, limit: PAGE, ...(after !== undefined && { after }) });
      for (const { state } of page) {
        const { desired } = state as CellRecord;
        if (desired?.application === name) cells.push(desired);
      }
      if (page.length < PAGE) break;
      after = page.at(-1)?.stream;
    }
  return usersIn(cells);
}

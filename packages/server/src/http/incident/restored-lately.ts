import type { ControlStore, RestorationRecord } from '@headgate/control';
import { type Instant, restorationText } from '@headgate/domain';
import { allRows } from '../paging.ts';

/** Cells whose row is read, and what is told. */
const MOST_CELLS = 10_000;
const MOST_TOLD = 50;

export interface RestoredLately {
  readonly items: readonly {
    readonly environment: string;
    readonly cell: string;
    readonly at: Instant;
    readonly by?: string;
    readonly done: boolean;
    readonly words: string;
  }[];
  /** What wasn't read or isn't told. */
  readonly unread: readonly string[];
}

/** What was brought back out of restore points since then: what isn't done first, then the newest. */
export async function restoredLately(
  store: ControlStore,
  since: Instant,
  environment: string | undefined,
): Promise<RestoredLately> {
  const { rows, truncated } = await allRows<RestorationRecord>(store, 'restoration', MOST_CELLS);
  const lately = rows
    .flatMap(({ state }) => state.lately)
    .filter(({ at, environment: of }) => at >= since && (environment === undefined || of === environment))
    .sort((a, b) => Number(a.result === 'done') - Number(b.result === 'done') || b.at - a.at);
  return {
    items: lately.slice(0, MOST_TOLD).map((each) => {
      const { environment: of, cell, at, by, result } = each;
      const who = by === undefined ? {} : { by };
      return { environment: of, cell, at, ...who, done: result === 'done', words: restorationText(each) };
    }),
    unread:
      truncated || lately.length > MOST_TOLD
        ? [`what was brought back, beyond ${MOST_TOLD} of it (headgate restoration list)`]
        : [],
  };
}

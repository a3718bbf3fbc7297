import type { ControlStore, ReconciliationRecord } from '@headgate/control';
import { type Instant, reconciledText } from '@headgate/domain';
import { allRows } from '../paging.ts';

/** Stores whose row is read, and those that are told. */
const MOST_STORES = 10_000;
const MOST_TOLD = 50;

export interface ReconciledLately {
  readonly items: readonly {
    readonly environment: string;
    readonly cell: string;
    readonly store: string;
    readonly at: Instant;
    readonly by: string;
    readonly agrees: boolean;
    readonly words: string;
  }[];
  /** What wasn't read or isn't told. */
  readonly unread: readonly string[];
}

/** The last compensation plan that people had carried out in each store, since then: those that left differences first. */
export async function reconciledLately(
  store: ControlStore,
  since: Instant,
  environment: string | undefined,
): Promise<ReconciledLately> {
  const { rows, truncated } = await allRows<ReconciliationRecord>(store, 'reconciliation', MOST_STORES);
  const lately = rows
    .map(({ state }) => state.last)
    .filter(({ at, environment: of }) => at >= since && (environment === undefined || of === environment))
    .sort((a, b) => Number(a.agrees) - Number(b.agrees) || b.at - a.at);
  return {
    items: lately.slice(0, MOST_TOLD).map((each) => {
      const { environment: of, cell, store: name, at, by, agrees } = each;
      return { environment: of, cell, store: name, at, by, agrees, words: reconciledText(each) };
    }),
    unread:
      truncated || lately.length > MOST_TOLD
        ? [`compensation plans that were carried out, beyond ${MOST_TOLD} of them (headgate reconcile list)`]
        : [],
  };
}

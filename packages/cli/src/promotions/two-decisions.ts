/** What a rollback comes to, as its two decisions: the application's, which was just taken, and the data's, which may wait. */
import type { Client, WayBack } from '@headgate/contract';
import { printable } from '../output.ts';

/** So many cells' stores, and losses, are told one by one. */
const MOST = 10;

/** What a rollback would do now; undefined: this principal may not look, or the server doesn't say it. Never in its way. */
export async function wayBackOf(client: Client, promotion: string): Promise<WayBack | undefined> {
  return client.call('showWayBack', { promotion }).catch(() => undefined);
}

/** Both decisions as lines: the application goes back; what becomes of each store, what it would lose, and whose yes it takes. */
export function twoDecisionsLines({ promotion, cells, truncated }: WayBack): readonly string[] {
  if (cells.length === 0) return [];
  const tenants = cells.reduce((sum, each) => sum + each.tenants, 0);
  const stores = cells.flatMap(({ cell, data = [] }) => data.map((each) => ({ cell, ...each })));
  const lost = cells.flatMap(({ cell, loses }) => loses.map((what) => `cell ${cell}: ${what}`));
  const stays = cells.flatMap(({ cell, stays: done = [] }) => done.map((what) => `cell ${cell}: ${what}`));
  const asked = lost.length > 0 || stores.some(({ asks }) => asks !== undefined);
  return [
    `the application: ${counted(tenants, 'tenant')} of ${counted(cells.length, 'cell')} back${asked ? '; what comes before a yes loses nothing, and is done at once' : '; nothing that was written is lost'}`,
    ...stores
      .slice(0, MOST)
      .map(
        ({ cell, store, words, asks }) =>
          `the data: store ${store} of cell ${cell}: ${asks === undefined ? words : `waits for a yes of its own (${asks.approver}) before ${asks.step}: ${words}`}`,
      ),
    ...more(stores.length, 'store', truncated),
    ...lost.slice(0, MOST).map((what) => `  it would lose: ${what}`),
    ...more(lost.length, 'loss', false),
    ...stays.slice(0, MOST).map((what) => `  no way back undoes: ${what}`),
    ...more(stays.length, 'such thing', false),
    ...(asked ? [`  once it asks, how it is answered, yes or no: headgate explain ${promotion}`] : []),
  ].map(printable);
}

function more(count: number, noun: string, truncated: boolean): readonly string[] {
  const left = count - MOST;
  return left > 0
    ? [`  and ${truncated ? 'at least ' : ''}${left} more ${noun === 'loss' ? 'losses' : `${noun}s`}`]
    : [];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

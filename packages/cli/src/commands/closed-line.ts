import type { ClosedOperation } from '@headgate/contract';
import { instant } from '../output.ts';

/** An operation that a cell's router refuses: for how many, since when, and until when. */
export function closedLine(cell: string, { operation, tenants, slot, since, until }: ClosedOperation): string {
  const whom = tenants === 1 ? 'one tenant' : `${tenants} tenants`;
  const where = slot === undefined ? '' : ` on slot ${slot}`;
  const opened =
    slot === undefined
      ? 'until it is opened'
      : 'until it is activated by the release’s promotion, or the next release is promoted';
  const ends = until === undefined ? opened : `until ${instant(until)}, then it opens by itself`;
  return `CLOSED in cell ${cell}${where}: ${operation} for ${whom}, since ${instant(since)}, ${ends}`;
}

import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Most items that a list command prints. */
const MOST = 10_000;

/** Follows a list to its end, or until it has brought so many. */
export async function everything<T>(
  page: (cursor: { cursor?: string }) => Promise<Page<T>>,
  most = MOST,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const answer: Page<T> = await page(cursor === null ? {} : { cursor });
    items.push(...answer.items);
    cursor = answer.next;
  } while (cursor !== null && items.length < most);
  return most === MOST ? items : items.slice(0, most);
}

/** What `--limit` takes. Throws a {@link Failure}. */
export function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new Failure(EXIT.usage, 'usage', `--limit ${text}: expected a number from 1 to 99999`);
}

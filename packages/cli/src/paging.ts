interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Most items that a list command prints. */
const MOST = 10_000;

/** Follows a list to its end. */
export async function everything<T>(page: (cursor: { cursor?: string }) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const answer: Page<T> = await page(cursor === null ? {} : { cursor });
    items.push(...answer.items);
    cursor = answer.next;
  } while (cursor !== null && items.length < MOST);
  return items;
}

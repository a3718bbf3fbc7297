/**
 * The same, with the next one always under way while one is used: what reads waits for the disk while what uses it computes.
 * Each of them has to stay as it is after the next one was asked for. Whoever leaves early waits for what is under way.
 */
export async function* ahead<T>(content: AsyncIterable<T>): AsyncIterable<T> {
  const source = content[Symbol.asyncIterator]();
  let next = begun(source);
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = begun(source);
      yield value;
    }
  } finally {
    await next.catch(() => {});
    await source.return?.();
  }
}

/** Its failure is thrown where it is waited for. */
function begun<T>(source: AsyncIterator<T>): Promise<IteratorResult<T>> {
  const next = source.next();
  next.catch(() => {});
  return next;
}

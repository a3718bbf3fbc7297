import { expect, test } from 'vitest';
import { ahead } from './ahead.ts';

/** Numbers, with what became of them. */
function counted(to: number, failsAt = Number.POSITIVE_INFINITY) {
  const seen = { asked: 0, closed: false };
  const content = (async function* () {
    try {
      for (let n = 1; n <= to; n++) {
        seen.asked = n;
        await new Promise((next) => setImmediate(next));
        if (n === failsAt) throw new Error(`no ${n}`);
        yield n;
      }
    } finally {
      seen.closed = true;
    }
  })();
  return { seen, content };
}

test('all of it comes in order, and the next one is under way while one is used', async () => {
  const { seen, content } = counted(4);
  const came: (readonly [number, number])[] = [];
  for await (const n of ahead(content)) came.push([n, seen.asked]);
  expect(came).toEqual([
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 4],
  ]);
  expect(seen.closed).toBe(true);
});

test('what fails is thrown where it would have come, not before', async () => {
  const { content } = counted(4, 3);
  const came: number[] = [];
  const all = async (): Promise<void> => {
    for await (const n of ahead(content)) {
      await new Promise((next) => setTimeout(next, 5));
      came.push(n);
    }
  };
  await expect(all()).rejects.toThrow('no 3');
  expect(came).toEqual([1, 2]);
});

test('whoever leaves early finds the source closed, also one that failed meanwhile', async () => {
  for (const failsAt of [undefined, 2]) {
    const { seen, content } = counted(4, failsAt);
    for await (const _ of ahead(content)) break;
    expect(seen).toEqual({ asked: 2, closed: true });
  }
});

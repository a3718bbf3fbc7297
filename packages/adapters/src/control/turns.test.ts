import { expect, test } from 'vitest';
import { NoTurn, Turns } from './turns.ts';

/** Work that ends when it is told to, and says who began in which order. */
function desk(turns: Turns) {
  const began: string[] = [];
  const ends: (() => void)[] = [];
  const ask = (name: string) =>
    turns.take(name, () => {
      began.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const endOne = async () => {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { began, ask, endOne };
}

test('so many have their turn at once, and whoever waits comes by name', async () => {
  const { began, ask, endOne } = desk(new Turns({ most: 2, patienceMs: 10_000 }));
  const all = [...Array(6).fill('loud'), 'calm', 'loud', 'quiet'].map(ask);
  expect(began).toEqual(['loud', 'loud']);
  for (let i = 0; i < 4; i++) await endOne();
  expect(began).toEqual(['loud', 'loud', 'loud', 'calm', 'quiet', 'loud']);
  for (let i = 0; i < 9; i++) await endOne();
  await Promise.all(all);
  expect(began).toHaveLength(9);
});

test('whoever has waited long enough goes, and takes nobody’s turn along', async () => {
  const turns = new Turns({ most: 1, patienceMs: 20 });
  const { began, ask, endOne } = desk(turns);
  const first = ask('first');
  await expect(ask('late')).rejects.toThrow(NoTurn);
  await endOne();
  await first;
  const next = ask('next');
  expect(began).toEqual(['first', 'next']);
  await endOne();
  await next;
});

test('more than may wait are sent away', async () => {
  const { ask, endOne } = desk(new Turns({ most: 1, patienceMs: 10_000, mostWaiting: 1 }));
  const all = [ask('a'), ask('b')];
  await expect(ask('c')).rejects.toThrow('1 wait for their turn');
  for (let i = 0; i < 2; i++) await endOne();
  await Promise.all(all);
});

test('of one name only so many wait, and others still may', async () => {
  const { began, ask, endOne } = desk(new Turns({ most: 1, patienceMs: 10_000, mostWaiting: 9, mostOfName: 1 }));
  const all = [ask('a'), ask('a')];
  await expect(ask('a')).rejects.toThrow(NoTurn);
  all.push(ask('b'));
  for (let i = 0; i < 3; i++) await endOne();
  await Promise.all(all);
  expect(began).toEqual(['a', 'a', 'b']);
});

test('work that fails hands its turn on', async () => {
  const turns = new Turns({ most: 1, patienceMs: 10_000 });
  await expect(turns.take('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await turns.take('b', async () => 'done')).toBe('done');
});

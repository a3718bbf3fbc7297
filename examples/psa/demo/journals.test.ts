import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { customersAway, customersThere } from '../audit.ts';
import { readJournal } from '../load/journal.ts';
import { wholeJournal } from './journals.ts';

const T = 1_800_000_000_000;
const S = 1_000;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-journals-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Customers who ask twice a second, `from` to `to` (seconds after T); the last line as given. */
async function customers(
  from: number,
  to: number,
  end: 'went-home' | 'killed' | 'killed while writing',
): Promise<void> {
  const lines: string[] = [];
  for (let at = T + from * S; at <= T + to * S; at += 500)
    lines.push(JSON.stringify({ kind: 'acknowledged', tenant: 'ada', action: 'summary', key: `k${at}`, at, ms: 5 }));
  if (end === 'went-home') lines.push(JSON.stringify({ kind: end, at: T + to * S }));
  const text = `${lines.join('\n')}\n`;
  await writeFile(
    join(dir, `load-${T + from * S}.jsonl`),
    end === 'killed while writing' ? `${text}{"kind":"go` : text,
  );
}

/** How many seconds of a promotion (seconds after T) nobody measured. */
async function away(from: number, to: number): Promise<number[]> {
  const there = await customersThere(await wholeJournal(dir));
  return customersAway(there, { from: T + from * S, to: T + to * S }).map((each) =>
    Math.round((each.to - each.from) / S),
  );
}

test('customers who went home measured all of their day', async () => {
  await customers(0, 60, 'went-home');
  expect(await away(1, 60)).toEqual([]);
  expect(await away(30, 70)).toEqual([10]);
});

test.each(['killed', 'killed while writing'] as const)(
  'customers who were %s in the midst of a promotion leave it unmeasured, however the next ones fare',
  async (end) => {
    await customers(0, 31, end);
    await customers(120, 180, 'went-home');
    // Of its 60 s the first 26 are known; what was in flight at the kill isn't.
    expect(await away(20, 80)).toEqual([54]);
    expect(await away(5, 25), 'one that ended before').toEqual([]);
    expect(await away(125, 180), 'one of the next customers').toEqual([]);
  },
);

test('a kill leaves what was in flight unknown, also when other customers come at once', async () => {
  await customers(0, 30, 'killed');
  await customers(31, 60, 'went-home');
  expect(await away(10, 50)).toEqual([6]);
});

test('a promotion that went on between two days of customers is unmeasured for as long as that took', async () => {
  await customers(0, 30, 'went-home');
  await customers(40, 60, 'went-home');
  expect(await away(20, 50)).toEqual([10]);
  expect(await away(5, 29)).toEqual([]);
});

test('customers who fell silent in their midst weren’t there', async () => {
  await customers(0, 10, 'killed');
  await customers(20, 30, 'went-home');
  const parts = [0, 20].map((from) => join(dir, `load-${T + from * S}.jsonl`));
  const [first, second] = await Promise.all(parts.map((part) => readFile(part, 'utf8')));
  await rm(parts[1] as string);
  await writeFile(parts[0] as string, `${first}${second}`);
  expect(await away(0, 30)).toEqual([10]);
});

test('one journal of all parts holds every request, in order, and a mark is none', async () => {
  await customers(0, 1, 'killed while writing');
  await customers(5, 6, 'went-home');
  const at: number[] = [];
  for await (const line of readJournal(await wholeJournal(dir))) at.push((line.at - T) / S);
  expect(at).toEqual([0, 0.5, 1, 5, 5.5, 6]);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, ProblemError } from '@headgate/contract';
import { expect, test } from 'vitest';
import { StandbyClock } from './heard-clock.ts';

const look = { store: 'main', name: 'second', standing: 'following' } as const;

interface Told {
  readonly standbys: readonly { readonly ageMs: number }[];
  readonly heard?: { readonly at: number; readonly agoMs: number };
}

/** A server whose clock is this process', a minute ahead; what it was told, and when. */
function server(answers: (body: Told, n: number) => Promise<{ at?: number }>) {
  const told: (Told & { readonly cell: string })[] = [];
  const call = async (_: string, { cell, body }: { cell: string; body: Told }) => {
    told.push({ cell, ...body });
    return { standbys: body.standbys.length, ...(await answers(body, told.length)) };
  };
  return { told, clock: new StandbyClock({ call } as unknown as Client, 1_000) };
}
const AHEAD_MS = 60_000;
const now = () => Math.floor(performance.now()) + AHEAD_MS;
const lookedAt = (began: number) => (askedAt: number) => [{ ...look, ageMs: Math.ceil(askedAt - began) }];

/** When it was seen, as a server dates it. */
const dated = ({ heard, standbys }: Told) => (heard?.at ?? 0) + (heard?.agoMs ?? 0) - (standbys[0]?.ageMs ?? 0);

test('what is told is never dated later than it was seen, however long an answer or a question is on its way', async () => {
  const { told, clock } = server(async (_, n) => {
    const at = now();
    // The first answer is long on its way back: how long, nobody can say.
    if (n === 1) await sleep(300);
    return { at };
  });
  const began = performance.now();
  await clock.tell('c', lookedAt(began));
  await sleep(20);
  const later = performance.now();
  await clock.tell('c', lookedAt(later));
  expect(told.map(({ standbys }) => standbys.length)).toEqual([0, 1, 1]);
  // As of long ago: it takes nobody's place.
  expect(told[0]?.heard).toEqual({ at: 0, agoMs: 0 });
  expect(dated(told[1]!)).toBeLessThanOrEqual(began + AHEAD_MS);
  expect(dated(told[2]!)).toBeLessThanOrEqual(later + AHEAD_MS);
  // And what was told later is later.
  expect(dated(told[2]!)).toBeGreaterThan(dated(told[1]!));
});

test('each cell goes by the answers that it had itself', async () => {
  const { told, clock } = server(async () => ({ at: now() }));
  await clock.tell('a', lookedAt(performance.now()));
  await clock.tell('b', lookedAt(performance.now()));
  expect(told.map(({ cell, standbys }) => [cell, standbys.length])).toEqual([
    ['a', 0],
    ['a', 1],
    ['b', 0],
    ['b', 1],
  ]);
});

test('an older server, which refuses that, is told without it, also where it stands beside newer ones', async () => {
  let older = true;
  const { told, clock } = server(async ({ heard }) => {
    if (!older) return { at: now() };
    if (heard !== undefined) throw new ProblemError({ status: 422, title: 'no', code: 'malformed' } as never);
    return {};
  });
  const tell = async () => {
    await clock.tell('c', lookedAt(performance.now()));
    return told.splice(0).map(({ standbys, heard }) => [standbys.length, heard !== undefined]);
  };
  expect(await tell()).toEqual([
    [0, true],
    [1, false],
  ]);
  older = false;
  expect(await tell()).toEqual([
    [0, true],
    [1, true],
  ]);
  older = true;
  expect(await tell()).toEqual([
    [1, true],
    [1, false],
  ]);
});

test('what is refused for another reason, or isn’t answered, stays so', async () => {
  for (const error of [new ProblemError({ status: 403, title: 'no', code: 'not-yours' } as never), new Error('away')]) {
    const { told, clock } = server(() => Promise.reject(error));
    await expect(clock.tell('c', lookedAt(0))).rejects.toBe(error);
    expect(told).toHaveLength(1);
  }
});

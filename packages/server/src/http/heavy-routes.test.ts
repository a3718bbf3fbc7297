import { expect, test } from 'vitest';
import { HeavyRoutes } from './heavy-routes.ts';

const done = { ok: true, value: 1 } as const;

test('heavy looks run one at a time, in turns by principal, and nothing else waits for them', async () => {
  const routes = new HeavyRoutes();
  const began: string[] = [];
  let running = 0;
  let most = 0;
  const look = (principal: string) =>
    routes.take('showIncident', principal, async () => {
      began.push(principal);
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return done;
    });
  const looks = [...Array(8).fill('usr_loud'), 'usr_calm'].map(look);
  expect(await routes.take('renewLease', 'agt_1', async () => done)).toBe(done);
  expect(began).toEqual([]);
  await Promise.all(looks);
  expect(most).toBe(1);
  expect(began.indexOf('usr_calm')).toBe(2);
});

test('more than may wait are told to come again', async () => {
  const routes = new HeavyRoutes({ most: 1, mostWaiting: 1, patienceMs: 10_000 });
  const looks = ['a', 'b', 'c'].map((name) => routes.take('status', name, async () => done));
  const answers = await Promise.all(looks);
  expect(answers.map((answer) => (answer?.ok ? 'done' : answer?.refusals[0]?.code))).toEqual([
    'done',
    'done',
    'too-busy',
  ]);
});

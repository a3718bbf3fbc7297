/** A short form of `npm run test:chaos`: the same processes, the same harm, the same counting. */
import { afterAll, expect, test } from 'vitest';
import { type Run, run } from './run.ts';
import { sabotaged } from './sabotage.ts';

const SEED = Number(process.env.HEADGATE_CHAOS_SEED ?? 1 + (Date.now() % 1_000_000));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

let done: Run | undefined;
afterAll(() => done?.installation.close(), 60_000);

test('servers, agents and their PostgreSQL are harmed at random: nothing happens twice, nothing is lost or stuck', {
  timeout: 300_000,
}, async () => {
  say(`chaos: seed ${SEED}`);
  const lasts = { minutes: 0.2, mostMinutes: 1.5, promotions: 6 };
  const harm = { everyMs: [600, 2_500], databaseRestarts: 2 } as const;
  done = await run({ applications: 2, seed: SEED, say, ...lasts, ...harm });
  const { findings, figures } = done;
  say(JSON.stringify(figures));
  const wrong = Object.entries(findings.wrong).filter(([, each]) => each.length > 0);
  expect(Object.fromEntries(wrong), `seed ${SEED}`).toEqual({});
  expect(figures.asked).toBeGreaterThanOrEqual(3);
  expect(Object.keys(figures.harms as object).length).toBeGreaterThanOrEqual(3);
  for (const [what, seen] of Object.entries(sabotaged(findings))) expect(seen, what).toBe(true);
});

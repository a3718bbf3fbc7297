/**
 * `npm run test:chaos -- --minutes 15 --promotions 200 --seed 1 --json`: three servers and three agents on one PostgreSQL,
 * each harmed at random while promotions are under way. Ends with 1 when anything is wrong.
 */
import { parseArgs } from 'node:util';
import { run } from './run.ts';
import { sabotaged } from './sabotage.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { minutes: text, promotions: text, seed: text, json: { type: 'boolean' } },
});
const number = (given: string | undefined, otherwise: number): number => {
  const value = given === undefined ? otherwise : Number(given);
  if (!Number.isFinite(value) || value <= 0) throw new TypeError(`${given} is no positive number`);
  return value;
};
const minutes = number(values.minutes, 15);
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const { installation, findings, figures } = await run({
  applications: 3,
  minutes,
  mostMinutes: 1.5 * minutes,
  promotions: number(values.promotions, 200),
  seed: number(values.seed, 1),
  everyMs: [1_500, 5_000],
  databaseRestarts: Math.max(2, Math.round(minutes / 2)),
  say,
});
for (const [what, each] of Object.entries(findings.wrong)) for (const one of each) say(`WRONG ${what}: ${one}`);
const unseen = Object.entries(sabotaged(findings)).flatMap(([what, seen]) => (seen ? [] : [what]));
for (const what of unseen) say(`UNSEEN ${what}`);
for (const { name, endings } of [...installation.servers, ...installation.systems.map(({ agent }) => agent)])
  for (const ending of endings) say(`ended by itself: ${name}: ${ending}`);
await installation.close();
process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : `${JSON.stringify(figures, null, 2)}\n`);
process.exitCode = Number(figures.wrong) + unseen.length > 0 ? 1 : 0;

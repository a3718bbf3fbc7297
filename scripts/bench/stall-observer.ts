/**
 * A process of its own that does to a table what an application does, and knows nothing of canaries: one session reads a row
 * by its key, one writes it, again and again. Says the longest that each waited, once its standard input ends. Arguments:
 * the connection as JSON in the environment (OBSERVED), and nothing else.
 */
import { once } from 'node:events';
import { env, stdin, stdout } from 'node:process';
import pg from 'pg';

const config = JSON.parse(env.OBSERVED ?? '{}') as pg.ClientConfig;
let over = false;

async function longest(statement: string, begun: () => void): Promise<number> {
  const client = new pg.Client(config);
  await client.connect();
  await client.query(statement);
  begun();
  let longestMs = 0;
  while (!over) {
    const from = performance.now();
    await client.query(statement);
    longestMs = Math.max(longestMs, performance.now() - from);
    await new Promise((done) => setTimeout(done, 3));
  }
  await client.end();
  return longestMs;
}

let waiting = 2;
const begun = (): void => {
  waiting--;
  if (waiting === 0) stdout.write('ready\n');
};
const felt = Promise.all([
  longest('select note from big where id = 77', begun),
  longest('update big set note = note where id = 78', begun),
]);
stdin.resume();
await once(stdin, 'end');
over = true;
const [readMs, writeMs] = await felt;
stdout.write(`${JSON.stringify({ readMs, writeMs })}\n`);

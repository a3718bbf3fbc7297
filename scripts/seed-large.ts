/**
 * `npm run seed:large -- --database-url URL`: fills the control database of an installation that has no fleet yet with
 * 10,000 tenants, 1,000 cells, 5,000 releases and 1,000,000 log entries, or with what `--tenants`, `--cells`,
 * `--releases` and `--entries` say. The URL's role must own the tables. Exit code 0 done, 1 failed, 2 wrong usage.
 */
import { argv, env, exit, stderr, stdout } from 'node:process';
import { parseArgs } from 'node:util';
import { fillDatabase } from './seed/fill-database.ts';

const USAGE =
  'usage: npm run seed:large -- --database-url URL [--tenants N] [--cells N] [--releases N] [--entries N]   (or env HEADGATE_DATABASE_ADMIN_URL)\n';

function number(text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new Error(`${text} is no number from 1`);
  return Number(text);
}

function wanted() {
  const text = (standard: string) => ({ type: 'string', default: standard }) as const;
  const options = {
    'database-url': { type: 'string' },
    tenants: text('10000'),
    cells: text('1000'),
    releases: text('5000'),
    entries: text('1000000'),
  } as const;
  const { values } = parseArgs({ args: argv.slice(2), options });
  const url = values['database-url'] ?? env.HEADGATE_DATABASE_ADMIN_URL;
  if (url === undefined) throw new Error('which database?');
  const [tenants, cells, releases, entries] = [values.tenants, values.cells, values.releases, values.entries].map(
    number,
  );
  return { url, size: { tenants, cells, releases, entries } as Parameters<typeof fillDatabase>[1] };
}

let asked: ReturnType<typeof wanted>;
try {
  asked = wanted();
} catch (error) {
  stderr.write(`seed: ${(error as Error).message}\n${USAGE}`);
  exit(2);
}
try {
  const began = performance.now();
  const filled = await fillDatabase(asked.url, asked.size, (line) => stderr.write(`seed: ${line}\n`));
  stdout.write(`${JSON.stringify({ ...filled, seconds: Math.round((performance.now() - began) / 1_000) })}\n`);
} catch (error) {
  stderr.write(`seed: ${(error as Error).message}\n`);
  exit(1);
}

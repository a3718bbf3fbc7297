/**
 * `npm run bench:large`: lists and searches of an installation of 10,000 tenants, 1,000 cells, 5,000 releases and
 * 1,000,000 log entries, and how much slower they are than with 1,000 tenants. One JSON line a figure, as `npm run bench`;
 * exit code 0 when every figure is ok, else 1. `--tenth` measures a tenth of both, `--only releases,promotions` these questions
 * alone (a name's beginning is enough).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { argv, exit, stdout } from 'node:process';
import { type FleetServer, measureLists, QUESTIONS } from './bench/lists.ts';
import { letGoOfAll, say, withControlDatabase } from './bench/scratch.ts';
import { withServer } from './bench/server-process.ts';
import { fillDatabase } from './seed/fill-database.ts';
import type { FleetSize } from './seed/large-fleet.ts';

const ASKING = { samples: 200, forMs: 6_000 };
const LARGE: FleetSize = { tenants: 10_000, cells: 1_000, releases: 5_000, entries: 1_000_000 };

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    interrupted = true;
    void letGoOfAll().finally(() => exit(130));
  });

const large = argv.includes('--tenth') ? tenthOf(LARGE) : LARGE;
const only = argv.includes('--only') ? (argv[argv.indexOf('--only') + 1] ?? '').split(',') : [''];
const questions = QUESTIONS.filter(({ name }) => only.some((beginning) => name.startsWith(beginning)));
if (questions.length === 0) {
  say(`--only takes beginnings of ${QUESTIONS.map(({ name }) => name).join(', ')}`);
  exit(2);
}
const began = performance.now();
const figures = await withFleet(large, (one) =>
  withFleet(tenthOf(large), (other) => measureLists(one, other, ASKING, say, questions)),
).catch((error: unknown) => {
  // Of an interrupted bench the work breaks first, and what it held is let go of yet.
  if (interrupted) return new Promise<never>(() => {});
  throw error;
});
say(`took ${((performance.now() - began) / 1_000).toFixed(0)} s`);
for (const figure of figures) stdout.write(`${JSON.stringify(figure)}\n`);
exit(figures.every(({ ok }) => ok) ? 0 : 1);

function tenthOf({ tenants, cells, releases, entries }: FleetSize): FleetSize {
  return { tenants: tenants / 10, cells: cells / 10, releases: releases / 10, entries: entries / 10 };
}

/** A shipped server on a database with a fleet of this size, asked as its auditor. */
function withFleet<T>(size: FleetSize, work: (server: FleetServer) => Promise<T>): Promise<T> {
  return withControlDatabase(async ({ dir, databaseUrl, adminUrl }) => {
    const seeded = performance.now();
    const { streams, entries } = await fillDatabase(adminUrl, size, say);
    say(`${streams} streams, ${entries} entries in ${((performance.now() - seeded) / 1_000).toFixed(0)} s`);
    return withServer(join(dir, 'server'), databaseUrl, async ({ url }) => {
      const token = (await readFile(join(dir, 'server', 'secrets', 'admin.token'), 'utf8')).trim();
      return work({ url, token });
    });
  });
}

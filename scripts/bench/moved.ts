/**
 * Two places of a store are compared as an agent does it, in one snapshot and range by range, while others read and write a row
 * of each in transactions of theirs: how many rows a second, and what the comparison costs those others, against the same work
 * right before and after it.
 */
import { join } from 'node:path';
import { comparePlaces } from '@headgate/adapters/execution/moved/compare-places';
import { MoveConfig } from '@headgate/adapters/execution/moved/move-config';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, openCluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { placesAgree } from '@headgate/domain';
import type pg from 'pg';
import { median, percentile, ratio } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { holding, inScratch, say } from './scratch.ts';

const ROUNDS = 3;
const WORKERS = 4;
/** Between two transactions of one who works there. Milliseconds. */
const THINK_MS = 10;
const QUIET_MS = 3_000;

const MOVE = MoveConfig.parse({
  old: 'select tenant, id, net from public.invoice',
  new: 'select tenant, invoice as id, net from public.amount',
  ...{ key: ['tenant', 'id'], compare: ['net'], tenant: 'tenant', amounts: ['net'], writtenBy: ['2.0.0'] },
});

/** Both figures, of `rows` rows in each place. */
export async function movedFigures(rows: number): Promise<readonly Figure[]> {
  return inScratch(async (dir) => {
    const settings = { shared_buffers: '256MB', max_wal_size: '4GB', autovacuum: 'off' };
    const config = { dir: join(dir, 'cluster'), port: await freePort(), settings };
    const programs = await findPrograms(15, dir);
    return holding(
      () => new Cluster(config, programs).stop(),
      async () => {
        const cluster = await openCluster(config, programs);
        const connection = await cluster.connection();
        await withClient(connection, (client) => client.query(placesOf(rows)));
        const speeds: number[] = [];
        const felt: number[] = [];
        for (let round = 1; round <= ROUNDS; round++) {
          const others = new Others(connection, rows);
          await others.begin();
          const before = await others.during(() => new Promise<void>((done) => setTimeout(done, QUIET_MS)));
          let took = 0;
          const meanwhile = await others.during(async () => {
            const found = await comparePlaces(connection, MOVE, AbortSignal.timeout(1_800_000));
            if (!placesAgree(found) || found.rows.old < rows)
              throw new Error(`the places differ, or are not all there: ${JSON.stringify({ ...found, keys: [] })}`);
            took = found.tookMs;
          });
          const after = await others.during(() => new Promise<void>((done) => setTimeout(done, QUIET_MS)));
          await others.end();
          const quiet = (percentile(before, 0.95) + percentile(after, 0.95)) / 2;
          speeds.push(rows / (took / 1_000));
          felt.push(ratio(percentile(meanwhile, 0.95), quiet));
          say(
            `round ${round}: ${rows} rows in ${(took / 1_000).toFixed(1)} s; others' p95 ${percentile(meanwhile, 0.95).toFixed(2)} ms, without it ${quiet.toFixed(2)} ms`,
          );
        }
        return [figure('moved-compared', median(speeds)), figure('moved-felt', median(felt))];
      },
    );
  });
}

/** Invoices of a hundred tenants, and their amounts in the place where they are moved to. */
function placesOf(rows: number): string {
  return `create table public.invoice as
      select 'tenant-' || (n % 100) as tenant, n as id, (n % 1000000) / 100.0 as net from generate_series(1, ${rows}) n;
    create table public.amount as select tenant, id as invoice, net from public.invoice;
    alter table public.invoice add primary key (tenant, id);
    alter table public.amount add primary key (tenant, invoice);
    vacuum analyze`
    .split(';')
    .slice(0, -1)
    .join(';');
}

/** Who reads a row of each place, and writes it to both in one transaction; how long each transaction took. */
class Others {
  readonly #connection: pg.ClientConfig;
  readonly #rows: number;
  #took: number[] = [];
  #working: readonly Promise<void>[] = [];
  #over = false;

  constructor(connection: pg.ClientConfig, rows: number) {
    this.#connection = connection;
    this.#rows = rows;
  }

  async begin(): Promise<void> {
    await withClient(this.#connection, (client) => client.query('analyze'));
    this.#working = Array.from({ length: WORKERS }, (_, i) => this.#work(i));
  }

  async during(work: () => Promise<void>): Promise<readonly number[]> {
    this.#took = [];
    await work();
    return this.#took;
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#working);
  }

  #work(worker: number): Promise<void> {
    return withClient(this.#connection, async (client) => {
      for (let i = 0; !this.#over; i++) {
        const id = ((worker * 7_919 + i * 104_729) % this.#rows) + 1;
        const key = [`tenant-${id % 100}`, id];
        const from = performance.now();
        await client.query('begin');
        await client.query(
          'select i.net, a.net from public.invoice i join public.amount a on a.tenant = i.tenant and a.invoice = i.id where i.tenant = $1 and i.id = $2',
          key,
        );
        await client.query('update public.invoice set net = net + 1 where tenant = $1 and id = $2', key);
        await client.query('update public.amount set net = net + 1 where tenant = $1 and invoice = $2', key);
        await client.query('commit');
        this.#took.push(performance.now() - from);
        await new Promise((done) => setTimeout(done, THINK_MS));
      }
    });
  }
}

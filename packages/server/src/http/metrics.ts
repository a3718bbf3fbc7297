import type { Counted } from '@headgate/adapters/control/postgres/index';
import { type BackupStatus, wrongWithBackups } from '@headgate/documents';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Part } from './context.ts';
import { StandingMetrics } from './standing-metrics.ts';

/** Seconds, from a lookup by key to a lease's long poll. */
const BUCKETS_S = [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30];

/** What is looked up when somebody asks, and never before. */
export interface Measured {
  readiness(): Promise<readonly Part[]>;
  logEntries(): Promise<number>;
  /** How things stand in the whole installation. */
  counted(): Promise<Counted>;
}

/**
 * What this process measures, and how the installation stands, in Prometheus' words. Labels name what there are few of (routes, methods, statuses, parts):
 * never a tenant, a cell, a promotion or a principal, of which there are as many as customers.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #limited: Counter<'kind'>;
  readonly #standing: StandingMetrics;

  constructor({ readiness, logEntries, counted }: Measured) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#standing = new StandingMetrics(this.#registry, counted);
    this.#requests = new Histogram({
      name: 'headgate_http_request_seconds',
      help: 'Requests by the route that took them; "none" for what is no route',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS_S,
      registers,
    });
    this.#limited = new Counter({
      name: 'headgate_http_limited_total',
      help: 'Requests that were refused because there were too many',
      labelNames: ['kind'],
      registers,
    });
    new Gauge({
      name: 'headgate_part_ready',
      help: '1 while a part of the server is ready',
      labelNames: ['part'],
      registers,
      async collect() {
        for (const { part, ready } of await readiness()) this.set({ part }, ready ? 1 : 0);
      },
    });
    new Gauge({
      name: 'headgate_log_entries',
      help: 'Entries that the newest signed tree head names',
      registers,
      async collect() {
        // While the database is away the last figure would be a lie, and NaN says so.
        this.set(await logEntries().catch(() => Number.NaN));
      },
    });
  }

  /** From now on it is told, too, how scheduled backups of Headgate's own database stand. What there is none of is absent. */
  watchBackups(status: () => BackupStatus): void {
    const registers = [this.#registry];
    const gauge = (name: string, help: string, read: (of: BackupStatus) => number | undefined) =>
      new Gauge({
        name: `headgate_${name}`,
        help,
        registers,
        collect() {
          const value = read(status());
          if (value === undefined) this.remove();
          else this.set(value);
        },
      });
    const age = (at: number | undefined) => (at === undefined ? undefined : (Date.now() - at) / 1_000);
    gauge('backup_age_seconds', 'Age of the newest backup that was read back', ({ good }) => age(good?.at));
    gauge('backup_drill_age_seconds', 'Since the last restore drill of a backup that went well', (of) =>
      age(of.soundDrillAt),
    );
    gauge('backup_sound', '1 while no backup is late and neither the last one nor the last drill failed', (of) =>
      wrongWithBackups(of, Date.now()).length === 0 ? 1 : 0,
    );
  }

  request(method: string, route: string | undefined, status: number, ms: number): void {
    // A method that nobody serves is anybody's text.
    const known = route === undefined ? 'OTHER' : method;
    this.#requests.observe(
      { method: known, route: route ?? 'none', status: `${Math.floor(status / 100)}xx` },
      ms / 1_000,
    );
  }

  limited(kind: string): void {
    this.#limited.inc({ kind });
  }

  async text(): Promise<string> {
    await this.#standing.refresh();
    return this.#registry.metrics();
  }
}

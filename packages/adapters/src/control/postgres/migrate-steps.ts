import { digestOf } from '@headgate/documents/digest';
import type pg from 'pg';
import { type ControlMigration, requiredOf } from './migrations/index.ts';
import { PRESENCE_LEASE_MS } from './servers.ts';

/** What became of a list of migrations. */
export interface Stepped {
  readonly from: number;
  readonly to: number;
  /** The database has more than this code knows: it was left as it is. */
  readonly newer: boolean;
  /** Contract steps that wait for older servers to be gone, and why. */
  readonly left: readonly { readonly name: string; readonly because: string }[];
}

/**
 * Applies what is missing, inside the caller's transaction. A contract step waits until no server is there that needs what
 * it takes away. A newer database on which this code may still run is left alone.
 */
export async function applyMissing(client: pg.Client, migrations: readonly ControlMigration[]): Promise<Stepped> {
  await client.query('create schema if not exists headgate');
  await client.query(
    `create table if not exists headgate.migration (
       version integer primary key, name text not null, digest text not null, at timestamptz not null default now())`,
  );
  await client.query('alter table headgate.migration add column if not exists oldest integer not null default 0');
  const { rows } = await client.query<{ name: string; digest: string; oldest: number }>(
    'select name, digest, oldest from headgate.migration order by version',
  );
  const from = rows.length;
  const oldest = Math.max(0, ...rows.map((row) => row.oldest));
  if (oldest > migrations.length) throw new TypeError(tooOld(oldest, migrations.length));
  for (const [i, { digest, name }] of rows.entries()) {
    const ours = migrations[i];
    if (ours !== undefined && digest !== digestOf(ours.sql))
      throw new TypeError(`migration ${name} of the control database differs from this Headgate's ${ours.name}`);
  }
  if (from > migrations.length) return { from, to: from, newer: true, left: [] };
  for (let at = from; at < migrations.length; at++) {
    const { name, sql, needs = 0 } = migrations[at] as ControlMigration;
    const because = needs > 0 && (await inTheWay(client, at, needs));
    if (because) {
      const left = migrations.slice(at).map((each) => ({ name: each.name, because }));
      if (at < requiredOf(migrations))
        throw new TypeError(`migration ${name} has to come first, and waits: ${because}`);
      return { from, to: at, newer: false, left };
    }
    await client.query(sql);
    await client.query('insert into headgate.migration (version, name, digest, oldest) values ($1, $2, $3, $4)', [
      at + 1,
      name,
      digestOf(sql),
      needs,
    ]);
  }
  return { from, to: migrations.length, newer: false, left: [] };
}

/** Older servers that are there, in words; undefined when there is none. None can come while the transaction lasts. */
async function inTheWay(client: pg.Client, applied: number, needs: number): Promise<string | undefined> {
  const there = await client.query<{ there: boolean }>("select to_regclass('headgate.server') is not null as there");
  if (applied === 0 || !there.rows[0]?.there) return undefined;
  await client.query('lock table headgate.server in share row exclusive mode');
  const { rows } = await client.query<{ version: string; id: string; silent: number }>(
    `select version, id, ((headgate.clock_ms() - seen_at) / 1000)::integer as silent from headgate.server
     where knows < $1 and seen_at > headgate.clock_ms() - $2::bigint order by id`,
    [needs, PRESENCE_LEASE_MS],
  );
  if (rows.length === 0) return undefined;
  const servers = rows.map(({ id, version, silent }) => `${id} of version ${version} (last heard ${silent} s ago)`);
  return `older servers are there: ${servers.join(', ')}; stop them, and one that was killed counts for ${PRESENCE_LEASE_MS / 1_000} s`;
}

export function tooOld(oldest: number, known: number): string {
  return `the control database needs a Headgate that knows ${oldest} of its migrations, and this one knows ${known}: use a newer one`;
}

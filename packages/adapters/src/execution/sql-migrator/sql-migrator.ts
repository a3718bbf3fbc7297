import type { MigrationRef } from '@headgate/domain';
import { type Answer, denied, granted, type Migrator, type StepContext } from '@headgate/execution';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { raiseFence, type Store } from '../store/store-session.ts';
import { sqlRefusal } from './sql-refusal.ts';

/** How long a migration may wait for a lock, and make everyone queue behind it, before it gives up. Milliseconds. */
const LOCK_WAIT_MS = 2_000;

interface Applied {
  readonly version: number;
  readonly digest: string;
}

type Outcome = Answer<{ readonly version: number }>;

/** Migrates the stores of one cell. */
export class SqlMigrator implements Migrator {
  readonly stores: readonly string[];
  private readonly byName: ReadonlyMap<string, Store>;

  constructor(stores: ReadonlyMap<string, Store>) {
    this.byName = stores;
    this.stores = [...stores.keys()];
  }

  async version(store: string): Promise<number> {
    const found = this.find(store);
    return withClient(await found.cluster.connection(found.database), currentVersion);
  }

  async up(store: string, migration: MigrationRef, sql: string, ctx: StepContext): Promise<Outcome> {
    return this.inTransaction(store, ctx, async (client, applied) => {
      const version = applied.at(-1)?.version ?? 0;
      const before = applied.find((row) => row.version === migration.to);
      if (before) {
        if (before.digest === migration.file.digest) return granted({ version });
        return denied(
          'rejected',
          `version ${migration.to} of the store ${store} was made by another file than ${migration.file.name}`,
        );
      }
      if (version !== migration.from) {
        return denied(
          'rejected',
          `the store ${store} is at version ${version}; ${migration.id} goes from ${migration.from} to ${migration.to}`,
        );
      }
      const refusal = await runAsOwner(client, this.find(store).user, sql);
      if (refusal) return refusal;
      await client.query('insert into headgate.migration(version, id, digest, applied_by) values ($1, $2, $3, $4)', [
        migration.to,
        migration.id,
        migration.file.digest,
        ctx.idempotencyKey,
      ]);
      return granted({ version: migration.to });
    });
  }

  async down(store: string, migration: MigrationRef, sql: string, ctx: StepContext): Promise<Outcome> {
    return this.inTransaction(store, ctx, async (client, applied) => {
      const version = applied.at(-1)?.version ?? 0;
      if (version <= migration.from) return granted({ version });
      if (version !== migration.to) {
        return denied(
          'rejected',
          `the store ${store} is at version ${version}; ${migration.id} goes back from ${migration.to}`,
        );
      }
      const refusal = await runAsOwner(client, this.find(store).user, sql);
      if (refusal) return refusal;
      await client.query('delete from headgate.migration where version = $1', [migration.to]);
      return granted({ version: migration.from });
    });
  }

  private async inTransaction(
    store: string,
    ctx: StepContext,
    work: (client: pg.Client, applied: readonly Applied[]) => Promise<Outcome>,
  ): Promise<Outcome> {
    const found = this.find(store);
    const leftMs = Math.floor(ctx.remainingMs());
    if (leftMs <= 0) return denied('expired', 'no time is left for the migration');
    return withClient(await found.cluster.connection(found.database), async (client) => {
      // The server ends the statement by itself when our time is up; it would go on if only we went away.
      await client.query(`set statement_timeout = ${leftMs}`);
      await client.query(`set lock_timeout = ${Math.min(LOCK_WAIT_MS, leftMs)}`);
      await client.query('begin');
      try {
        const { rows } = await client.query(`select pg_try_advisory_xact_lock(hashtext('headgate.migration')) as mine`);
        if (!rows[0].mine)
          return await undone(client, denied('transient', `another migration of the store ${store} is running`));
        if (!(await raiseFence(client, ctx))) {
          return await undone(client, denied('fenced', `the store ${store} has seen a later decision than this one`));
        }
        const transaction = await transactionId(client);
        const answer = await work(client, await appliedMigrations(client));
        if (!answer.ok) return await undone(client, answer);
        if ((await transactionId(client)) !== transaction) {
          return await undone(
            client,
            denied('unknown', 'the file ended the transaction that it ran in; look at what it left in the store'),
          );
        }
        await client.query('commit');
        return answer;
      } catch (error) {
        const refusal = sqlRefusal(error);
        if (!refusal) throw error;
        return await undone(client, refusal);
      }
    });
  }

  private find(name: string): Store {
    const store = this.byName.get(name);
    if (!store) throw new Error(`There is no store ${name} in this cell`);
    return store;
  }
}

async function runAsOwner(client: pg.Client, owner: string, sql: string): Promise<Answer<never> | undefined> {
  await client.query(`set local role ${pg.escapeIdentifier(owner)}`);
  try {
    await client.query(sql);
  } catch (error) {
    const refusal = sqlRefusal(error);
    if (!refusal) throw error;
    return refusal;
  }
  await client.query('reset role');
  return undefined;
}

async function transactionId(client: pg.Client): Promise<string> {
  const { rows } = await client.query('select pg_current_xact_id()::text as id');
  return rows[0].id;
}

async function undone<T>(client: pg.Client, answer: Answer<T>): Promise<Answer<T>> {
  await client.query('rollback').catch(() => {}); // the session ends right after, which undoes it too
  return answer;
}

async function appliedMigrations(client: pg.Client): Promise<readonly Applied[]> {
  return (await client.query<Applied>('select version, digest from headgate.migration order by version')).rows;
}

async function currentVersion(client: pg.Client): Promise<number> {
  return (await appliedMigrations(client)).at(-1)?.version ?? 0;
}

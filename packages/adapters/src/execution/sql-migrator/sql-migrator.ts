import { randomBytes } from 'node:crypto';
import type { MigrationRef, StoreState } from '@headgate/domain';
import { type Answer, denied, granted, type MigrationBack, type Migrator, type StepContext } from '@headgate/execution';
import type pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { seenMarkAlone } from '../masking/seen-mark.ts';
import { closeMigrationLogin, tooMuchRight } from '../store/migration-login.ts';
import {
  controlConnection,
  fenceScope,
  holdMigrations,
  prepareForMigrations,
  raiseFence,
  type Store,
} from '../store/store-session.ts';
import { readAttempt } from './alone/attempt.ts';
import { aloneIn, changeAlone, leftHalfDone } from './alone/change-alone.ts';
import type { KeepLost } from './keep-lost.ts';
import { runMigration } from './migration-session.ts';
import { sqlRefusal } from './sql-refusal.ts';

/** How long the control session waits for the fence's row. Milliseconds. */
const FENCE_WAIT_MS = 2_000;

interface Applied {
  readonly version: number;
  readonly digest: string;
}

export type Outcome = Answer<{ readonly version: number }>;

/** One version's change of the schema, in one direction. */
interface Change {
  readonly direction: 'up' | 'down';
  readonly migration: MigrationRef;
  readonly sql: string;
  /** Where it leads. */
  readonly to: number;
  /** What is answered without running anything; `undefined`: it is to be run. */
  judge(applied: readonly Applied[]): Outcome | undefined;
}

/** Migrates the stores of one cell. */
export class SqlMigrator implements Migrator {
  readonly stores: readonly string[];
  private readonly byName: ReadonlyMap<string, Store>;
  private readonly keptIn: (store: string) => string | undefined;

  /** `keptIn`: the folder in which is kept what a way back takes away from a store; undefined: nothing is. */
  constructor(stores: ReadonlyMap<string, Store>, keptIn: (store: string) => string | undefined = () => undefined) {
    this.byName = stores;
    this.keptIn = keptIn;
    this.stores = [...stores.keys()];
  }

  async version(store: string): Promise<number> {
    return withClient(await controlConnection(this.find(store)), async (client) => versionOf(await applied(client)));
  }

  /**
   * Only migrations change the schema of such a store as far as we know. What one left that was interrupted the next takes
   * away; only what it can't is drift.
   */
  async look(name: string): Promise<StoreState> {
    const store = this.find(name);
    return withClient(await controlConnection(store), async (control) => {
      const schemaVersion = versionOf(await applied(control));
      const drift = await leftHalfDone(control, store);
      const copy = await seenMarkAlone(control);
      return { schemaVersion, ...(drift !== undefined && { drift: [drift] }), ...(copy !== undefined && { copy }) };
    });
  }

  async up(store: string, migration: MigrationRef, sql: string, ctx: StepContext): Promise<Outcome> {
    const { from, to, id, file } = migration;
    return this.change(store, ctx, {
      direction: 'up',
      migration,
      sql,
      to,
      judge(rows) {
        const version = versionOf(rows);
        const before = rows.find((row) => row.version === to);
        if (before && before.digest !== file.digest)
          return denied('rejected', `version ${to} of the store ${store} was made by another file than ${file.name}`);
        if (before) return granted({ version });
        if (version === from) return undefined;
        return denied('rejected', `the store ${store} is at version ${version}; ${id} goes from ${from} to ${to}`);
      },
    });
  }

  async down(store: string, migration: MigrationBack, sql: string, ctx: StepContext): Promise<Outcome> {
    const { from, to, id, up } = migration;
    return this.change(store, ctx, {
      direction: 'down',
      migration,
      sql,
      to: from,
      judge(rows) {
        const version = versionOf(rows);
        if (version <= from) return granted({ version });
        if (version !== to)
          return denied('rejected', `the store ${store} is at version ${version}; ${id} goes back from ${to}`);
        const recorded = rows.at(-1)?.digest;
        if (recorded === up.digest) return undefined;
        const why = `version ${to} of the store ${store} was made by another file (${recorded}) than ${up.name} of this release (${up.digest})`;
        return denied('rejected', `${why}; only the release that made it, or a person, can take it back`);
      },
    });
  }

  private async change(name: string, ctx: StepContext, change: Change): Promise<Outcome> {
    const store = this.find(name);
    if (ctx.signal.aborted || ctx.remainingMs() <= 0) return denied('expired', 'no time is left for the migration');
    return withClient(await controlConnection(store), async (control) => {
      if (!(await holdMigrations(control)))
        return denied('transient', `another migration of the store ${name} is running`);
      const login = await prepareForMigrations(control, store);
      const right = await tooMuchRight(control, login);
      if (right) {
        const why = `a migration of the store ${name} could do more than its owner's work: ${right}; take that right away`;
        return denied('rejected', why);
      }
      await closeMigrationLogin(control, login);
      const alone = await aloneIn(change.sql);
      if (alone?.ok === false) return denied('rejected', `${change.migration.file.name}: ${alone.why}`);
      const parts = { control, store, login, ctx };
      const pending = await readAttempt(control);
      if (alone !== undefined || pending !== undefined) {
        try {
          const answer = await changeAlone(parts, change, alone?.statement, pending, async () =>
            change.judge(await applied(control)),
          );
          if (answer !== 'run') return answer;
        } finally {
          await closeMigrationLogin(control, login);
        }
      }
      const secret = randomBytes(32).toString('base64url');
      const decided = await permit(control, store, change, secret, ctx);
      if (decided) return decided;
      try {
        const keep = this.keepOf(name, change);
        const permitted = { login, secret, sql: change.sql, migration: change.migration.id, ...keep };
        const ran = await runMigration(control, store, permitted, ctx);
        if (!ran.ok) return ran;
        if (ran.value === 'committed') return granted({ version: change.to });
      } finally {
        await closeMigrationLogin(control, login);
      }
      // It was ended from outside, and is gone by now: the record says on which side of its commit that was.
      if (versionOf(await applied(control)) === change.to) return granted({ version: change.to });
      return denied('expired', 'the time for this migration ran out, and its session was ended');
    });
  }

  private keepOf(store: string, { direction, migration }: Change): { readonly keep?: KeepLost } {
    const dir = direction === 'down' ? this.keptIn(store) : undefined;
    if (dir === undefined) return {};
    const { id, from, to, file } = migration;
    const { name, digest } = file;
    return { keep: { dir, store, migration: id, file: { name, digest }, from, to } };
  }

  private find(name: string): Store {
    const store = this.byName.get(name);
    if (!store) throw new Error(`There is no store ${name} in this cell`);
    return store;
  }
}

/** Raises the fence and, when there is something to run, permits exactly that. Answers when there isn't. */
async function permit(
  control: pg.Client,
  store: Store,
  { direction, migration, judge }: Change,
  secret: string,
  ctx: StepContext,
): Promise<Outcome | undefined> {
  await control.query('begin');
  try {
    await control.query(`set local lock_timeout = ${FENCE_WAIT_MS}`);
    if (!(await raiseFence(control, ctx))) {
      await control.query('rollback');
      return denied('fenced', `the store ${store.name} has seen a later decision than this one`);
    }
    const answer = judge(await applied(control));
    if (answer) {
      await control.query(answer.ok ? 'commit' : 'rollback');
      return answer;
    }
    await control.query(
      `insert into headgate.permit(secret, scope, epoch, n, direction, version_from, version_to, id, digest, applied_by)
       values (sha256(convert_to($1, 'UTF8')), $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        secret,
        fenceScope(ctx),
        ctx.fence.epoch,
        ctx.fence.n,
        direction,
        migration.from,
        migration.to,
        migration.id,
        migration.file.digest,
        ctx.idempotencyKey,
      ],
    );
    await control.query('commit');
    return undefined;
  } catch (error) {
    await control.query('rollback').catch(() => {}); // the session ends right after, which undoes it too
    const refusal = sqlRefusal(error);
    if (!refusal) throw error;
    return refusal;
  }
}

async function applied(client: pg.ClientBase): Promise<readonly Applied[]> {
  return (await client.query<Applied>('select version, digest from headgate.migration order by version')).rows;
}

function versionOf(rows: readonly Applied[]): number {
  return rows.at(-1)?.version ?? 0;
}

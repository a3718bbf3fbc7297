/** A trial of a cell of processes: its database cloned within the copy's server, its migrations by the runner that a promotion uses. */
import { join } from 'node:path';
import type { ReleaseRef } from '@headgate/domain';
import type { Answer } from '@headgate/execution';
import pg from 'pg';
import { reachableProgram } from '../../../machine/program-copy.ts';
import { closedFolder, makeRootFolder } from '../../../machine/reachable.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import { findPrograms } from '../../../postgres-cluster/programs.ts';
import { SqlMigrator } from '../../sql-migrator/sql-migrator.ts';
import { MIGRATOR } from '../../store/migration-login.ts';
import { controlConnection, prepareForMigrations, type Store } from '../../store/store-session.ts';
import type { BusinessAsk } from '../business/run-business.ts';
import { whileUp } from '../business/run-version.ts';
import type { ServingRelease } from '../business/serving-releases.ts';
import { type ProgramToRun, withProgram } from '../program-on-copy.ts';
import { type Bounds, rehearsalContext } from '../rehearsal-context.ts';
import type { MigrationFiles } from '../rehearse.ts';
import { PROGRAMS, throwAwayFolder } from '../throw-away-cluster.ts';
import { likenessOf, throwAwayDatabase } from '../throw-away-database.ts';
import { type Carried, NotServing, type Serving, type StepRunner, type Trial } from './ground.ts';
import { openSessionLogin } from './session-login.ts';

/** A clone of a store's database, on the same server. */
export interface Clone {
  readonly store: Store;
  drop(): Promise<void>;
}

/** What all trials of one rehearsal have in common. */
export interface CellGround {
  readonly business: BusinessAsk;
  readonly old: ServingRelease;
  readonly tenants: readonly string[];
  readonly migrations: readonly MigrationFiles[];
  readonly program: ProgramToRun | undefined;
}

/** How long one call of an SQL migration may take. Milliseconds. */
const CALL_MS = 12 * 60 * 60_000;

/** Nobody may be in the database meanwhile. */
export async function cloneOf(store: Store): Promise<Clone> {
  const { settings, oid } = await withClient(await controlConnection(store), async (client) => {
    const { rows } = await client.query<{ oid: string }>(
      'select oid::text from pg_database where datname = current_database()',
    );
    return { ...(await likenessOf(client)), oid: rows[0]!.oid };
  });
  const { database, drop } = await throwAwayDatabase(store.cluster, store.user, {
    template: store.database,
    settings,
  });
  const clone = { ...store, database };
  try {
    await withClient(await controlConnection(clone), async (client) => {
      // What the first one's migrations' login may here would keep that login from being dropped.
      const login = `${MIGRATOR}${oid}`;
      const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [login]);
      if (rowCount !== 0) await client.query(`drop owned by ${pg.escapeIdentifier(login)}`);
    });
  } catch (error) {
    await drop();
    throw error;
  }
  return { store: clone, drop };
}

export function cellTrial(ground: CellGround, { store, drop }: Clone): Trial {
  const { old } = ground;
  const ref: ReleaseRef = { digest: old.ref.digest, version: old.ref.version };
  return {
    store,
    old: ref,
    migrating: (work) => migrating(ground, store, work),
    serving: (work, failed) => serving(ground, store, work, failed),
    again: async () => cellTrial(ground, await cloneOf(store)),
    remove: drop,
  };
}

async function migrating<T>(
  { migrations, program, business }: CellGround,
  store: Store,
  work: (runner: StepRunner) => Promise<T>,
): Promise<T> {
  const first = migrations[0]!.migration.from;
  const login = await withClient(await controlConnection(store), async (client) => {
    const name = await prepareForMigrations(client, store);
    // A dump has no record of ours: what was said of its schema's version stands for it.
    await client.query(
      `insert into headgate.migration(version, id, digest, applied_by)
       select $1, 'rehearsal', 'rehearsal', 'rehearsal' where $1 > 0 and not exists (select from headgate.migration where version >= $1)`,
      [first],
    );
    return name;
  });
  if (program === undefined) {
    const migrator = new SqlMigrator(new Map([[store.name, store]]));
    const bounds = { deadlineMs: CALL_MS, signal: business.signal };
    return work({ login, up: (i, text) => upOne(migrator, store, migrations[i]!, text, bounds, undefined) });
  }
  return withClient(await controlConnection(store), (client) =>
    withProgram(program, store, client, login, ({ migrator, store: name, release, bounds, kill }) =>
      work({
        login,
        ...(kill !== undefined && { kill }),
        up: (i, text) => upOne(migrator, { name }, migrations[i]!, text, bounds, release),
      }),
    ),
  );
}

async function upOne(
  migrator: Pick<SqlMigrator, 'up'>,
  { name }: Pick<Store, 'name'>,
  { migration, up }: MigrationFiles,
  text: string | undefined,
  bounds: Bounds,
  release: ProgramToRun['release'] | undefined,
): Promise<Answer<{ readonly version: number }>> {
  const { id, from, to, phase, up: file } = migration;
  const more =
    release === undefined
      ? {}
      : {
          release: release.ref.digest,
          manifest: async () => release.manifest,
          blob: release.file,
        };
  bounds.signal.throwIfAborted();
  return migrator.up(
    name,
    { id, from, to, phase, file },
    text ?? up,
    rehearsalContext(`under-load-${id}`, bounds, more),
  );
}

async function serving<T>(
  { business, old, tenants }: CellGround,
  store: Store,
  work: (serving: Serving) => Promise<T>,
  failed: (result: T) => boolean,
): Promise<T> {
  const { config, verification, workDir, signal, detail, store: name } = business;
  const { rehearsal } = config;
  if (rehearsal === undefined) throw new NotServing('the cell doesn’t say how its application is started on a copy');
  const programs = await findPrograms(15, workDir);
  const { user } = programs;
  const closed = user && (await closedFolder(workDir, user));
  if (closed) throw new NotServing(`${closed} is closed to the user ${user.name}, who runs the application`);
  const node = await reachableProgram(config.node, `node-${process.version}`, user);
  const { dir, remove } = await throwAwayFolder(workDir, programs, 'rehearsal');
  try {
    const { url, password, connection } = await openSessionLogin(store);
    const place = join(dir, PROGRAMS, 'under-load');
    await makeRootFolder(place);
    const shared = { config, rehearsal, verification: verification.content, tenants, store: name, url, password };
    const here = { dir: place, node, user, signal, detail };
    const ran = await whileUp(
      { which: 'old', release: old, slot: old.slot, ...shared, ...here },
      async ({ checks }) => {
        const carry = async (nth: number, within: AbortSignal): Promise<Carried> => {
          const tenant = tenants[nth % tenants.length]!;
          const result = await checks
            .run(verification.content, tenant, old.slot, { signal: within })
            .catch((error: Error) => ({ ok: false as const, check: undefined, why: error.message }));
          if (result.ok) return { tenant, ok: true };
          return { tenant, ok: false, why: result.why, ...(result.check === undefined ? {} : { check: result.check }) };
        };
        const result = await work({ carry, connection });
        return { result, tell: failed(result) };
      },
    );
    if ('why' in ran) throw new NotServing(ran.why);
    return ran.result;
  } finally {
    await remove();
  }
}

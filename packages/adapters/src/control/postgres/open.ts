import type { Blobs } from '@headgate/control/ports/blobs';
import type { LogStore } from '@headgate/control/ports/log';
import type { MoveLooks } from '@headgate/control/ports/move-looks';
import type { ControlStore } from '@headgate/control/ports/store';
import type { VaultLooks } from '@headgate/control/ports/vault-looks';
import { AgentContacts } from './agent-contacts.ts';
import { DatabaseClock } from './clock.ts';
import { Epoch } from './epoch.ts';
import { moveLooks, vaultLooks } from './last-looks.ts';
import { tooOld } from './migrate-steps.ts';
import { MIGRATIONS, requiredOf } from './migrations/index.ts';
import { PostgresBlobs } from './postgres-blobs.ts';
import { PostgresLog } from './postgres-log.ts';
import { PostgresStore } from './postgres-store.ts';
import { Servers } from './servers.ts';
import { type SessionOptions, Sessions } from './sessions.ts';
import { PostgresStandbyLooks } from './standby-looks.ts';
import { Standing } from './standing.ts';

export interface PostgresControl {
  readonly store: ControlStore;
  readonly blobs: Blobs;
  readonly log: LogStore;
  /** Which servers are there. */
  readonly presence: Servers;
  /** When agents were heard, and their last words. */
  readonly agents: AgentContacts;
  /** What agents saw of their stores' standbys. */
  readonly standbys: PostgresStandbyLooks;
  /** What agents told of data that is being moved. */
  readonly moves: MoveLooks;
  /** What agents saw of what lies in vaults. */
  readonly vaults: VaultLooks;
  /** How things stand, counted. */
  readonly standing: Standing;
  epoch(): Promise<number>;
  /** Raises the epoch by one, or to `atLeast`, and returns it: after a restore from a backup. */
  raiseEpoch(atLeast?: number): Promise<number>;
  /** Sessions of servers that work on the database. */
  servers(): Promise<number>;
  close(): Promise<void>;
}

/** Opens a migrated control database. Refuses one that is too old for this code, one that has left it behind, and one that may forget commits. */
export async function openPostgresControl(options: SessionOptions): Promise<PostgresControl> {
  const sessions = new Sessions(options);
  const clock = new DatabaseClock();
  const store = new PostgresStore(sessions, clock);
  try {
    await checkDatabase(sessions);
    await store.now();
  } catch (error) {
    await sessions.close();
    throw error;
  }
  const epoch = new Epoch(sessions);
  return {
    store,
    blobs: new PostgresBlobs(sessions),
    log: new PostgresLog(sessions),
    presence: new Servers(sessions),
    agents: new AgentContacts(sessions),
    standbys: new PostgresStandbyLooks(sessions),
    moves: moveLooks(sessions),
    vaults: vaultLooks(sessions),
    standing: new Standing(sessions),
    epoch: () => epoch.read(),
    raiseEpoch: (atLeast) => epoch.raise(atLeast),
    servers: () => epoch.servers(),
    close: () => sessions.close(),
  };
}

async function checkDatabase(sessions: Sessions): Promise<void> {
  const { rows } = await sessions.query<{ schema: boolean; async: boolean; standby: boolean }>(
    `select to_regclass('headgate.migration') is not null as schema, pg_is_in_recovery() as standby,
            current_setting('synchronous_commit') = 'off' as async`,
  );
  const { schema, async, standby } = rows[0]!;
  if (standby) throw new Error('the control database is a standby: give the address of the primary');
  if (async) throw new Error('the control database has synchronous_commit = off: it would forget decisions in a crash');
  const applied = schema
    ? (await sessions.query<{ n: number }>('select count(*)::integer as n from headgate.migration')).rows[0]!.n
    : 0;
  const required = requiredOf(MIGRATIONS);
  if (applied < required)
    throw new Error(
      `the control database is at version ${applied} and this Headgate needs ${required}: migrate it first`,
    );
  const { rows: left } = await sessions.query<{ oldest: number }>(
    'select max(oldest) as oldest from headgate.migration',
  );
  if (left[0]!.oldest > MIGRATIONS.length) throw new Error(tooOld(left[0]!.oldest, MIGRATIONS.length));
}

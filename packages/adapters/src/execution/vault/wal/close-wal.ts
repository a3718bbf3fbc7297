import type { Instant } from '@headgate/domain';
import { withClient } from '../../../postgres-cluster/database.ts';
import type { BackedStore } from '../../restore-points/backed-store.ts';
import { archived, archiveHistories } from '../../restore-points/wal.ts';

/** A moment, and the place of the log at which all of it stands that was acknowledged before. */
export interface WalEnd {
  /** By the clock of this machine. */
  readonly at: Instant;
  readonly systemIdentifier: string;
  readonly lsn: string;
  /** The segment that ends there. It is in the archive. */
  readonly last: string;
}

/** How long the archive may take. Milliseconds. */
const ARCHIVE_MS = 30_000;

/**
 * Ends the segment that is being written, if anything is in it, and waits until it is archived. Nothing is started: of a store
 * that doesn't run, because it is being brought back for instance, it throws in words.
 */
export async function closeWal(
  { name, cluster, archiveDir }: Pick<BackedStore, 'name' | 'cluster' | 'archiveDir'>,
  now: () => Instant,
): Promise<WalEnd> {
  if ((await cluster.postmaster())?.ready !== true) throw new Error(`the store ${name} doesn't run`);
  await archiveHistories({ cluster, archiveDir });
  const end = await withClient(await cluster.controlConnection(), async (client) => {
    // The clock is read first: what is acknowledged until then is in the log that is ended next.
    const at = now();
    const { rows } = await client.query<{ lsn: string; last: string; system: string }>(
      `select lsn::text, pg_walfile_name(lsn) as last, (select system_identifier::text from pg_control_system()) as system
         from pg_switch_wal() as lsn`,
    );
    const { lsn, last, system: systemIdentifier } = rows[0]!;
    return { at, lsn, last, systemIdentifier };
  });
  if (!(await archived(archiveDir, [end.last], ARCHIVE_MS)))
    throw new Error(`the WAL segment ${end.last} of the store ${name} wasn't archived within ${ARCHIVE_MS / 1_000} s`);
  return end;
}

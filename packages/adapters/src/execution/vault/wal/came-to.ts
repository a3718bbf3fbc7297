import type { WalReach } from '@headgate/documents';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import { reaches } from './wal-place.ts';
import { parseHistory, timelineOf } from './wal-timelines.ts';

/**
 * Whether a recovered cluster read its log as far as the reach: by PostgreSQL's own record of where it left which timeline, and
 * not by how far its own log is by now, which goes on with whatever is written to it.
 */
export async function cameTo(connection: pg.ClientConfig, reach: Pick<WalReach, 'last' | 'lsn'>): Promise<boolean> {
  return withClient(connection, async (client) => {
    const { rows: now } = await client.query<{ segment: string }>(
      'select pg_walfile_name(pg_current_wal_lsn()) as segment',
    );
    const timeline = timelineOf(now[0]!.segment);
    const { rows } = await client.query<{ history: string }>(
      `select pg_read_file('pg_wal/' || $1 || '.history') as history`,
      [now[0]!.segment.slice(0, 8)],
    );
    const { parent, at } = parseHistory(timeline, rows[0]!.history, 0);
    return parent === timelineOf(reach.last) && reaches(at, reach.lsn);
  });
}

import type { WalReach } from '@headgate/documents';
import type pg from 'pg';
import { recoveryEnd, timelineOf } from '../../../postgres-cluster/timelines.ts';
import { reaches } from '../../../postgres-cluster/wal-place.ts';

/** Whether a recovered cluster read its log as far as the reach, along its timeline. `connection`: a superuser's. */
export async function cameTo(connection: pg.ClientConfig, reach: Pick<WalReach, 'last' | 'lsn'>): Promise<boolean> {
  const { parent, at } = await recoveryEnd(connection);
  return parent === timelineOf(reach.last) && reaches(at, reach.lsn);
}

import { createHash } from 'node:crypto';
import { withClient } from '../../postgres-cluster/database.ts';
import { controlConnection, type Store } from '../store/store-session.ts';

/** The name by which a store's log knows the moment before a rollout's first migration. PostgreSQL takes at most 63 bytes. */
export function beforeRollout(rollout: string): string {
  return `headgate before ${createHash('sha256').update(rollout).digest('hex').slice(0, 40)}`;
}

/** Names this moment. A second one of that name comes later in the log, and recovery stops at the first. */
export async function markLog(store: Store, rollout: string): Promise<void> {
  await withClient(await controlConnection(store), (client) =>
    client.query('select pg_create_restore_point($1)', [beforeRollout(rollout)]),
  );
}

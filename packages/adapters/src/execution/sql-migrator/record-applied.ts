import type { Migration } from '@headgate/domain';
import { withClient } from '../../postgres-cluster/database.ts';
import { controlConnection, holdMigrations, type Store } from '../store/store-session.ts';

/** Who a migration is recorded by that was there before Headgate. */
const BEFORE_US = 'was there before Headgate';

/**
 * Writes down that these migrations were carried out before Headgate came: nothing is run. Only in a store without any
 * record, so that it never contradicts what was done since. False: it has one.
 */
export async function recordApplied(store: Store, migrations: readonly Migration[]): Promise<boolean> {
  return withClient(await controlConnection(store), async (client) => {
    if (!(await holdMigrations(client))) return false;
    const { rowCount } = await client.query(
      `insert into headgate.migration(version, id, digest, applied_by)
       select version, id, digest, $2 from jsonb_to_recordset($1::jsonb) as x(version int, id text, digest text)
       where not exists (select 1 from headgate.migration)`,
      [JSON.stringify(migrations.map(({ to, id, up }) => ({ version: to, id, digest: up.digest }))), BEFORE_US],
    );
    return rowCount === migrations.length;
  });
}

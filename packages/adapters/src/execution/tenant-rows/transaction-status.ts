/** What became of a transaction whose end nobody here saw. */
import { withClient } from '../../postgres-cluster/database.ts';
import { controlConnection, type Store } from '../store/store-session.ts';

/** One that the store doesn't remember, or that it can't have had, counts as committed: nothing is done again on a guess. Throws while it is open. */
export async function transactionIsOver(store: Store, transaction: string): Promise<'committed' | 'aborted'> {
  const status = await withClient(await controlConnection(store), async (client) => {
    const { rows } = await client.query<{ status: string | null }>('select pg_xact_status($1::text::xid8) as status', [
      transaction,
    ]);
    return rows[0]!.status;
  }).catch((error: { readonly code?: string }) => {
    if (error.code === '22023') return null; // a store that was brought back to before it
    throw error;
  });
  if (status === 'in progress')
    throw new Error(`the difference is being applied in ${store.name} now; run it again when that is over`);
  return status === 'aborted' ? 'aborted' : 'committed';
}

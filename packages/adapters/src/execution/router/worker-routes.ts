import type { StepContext } from '@headgate/execution';
import { withClient } from '../../postgres-cluster/database.ts';
import { controlConnection, raiseFence, type Store } from '../store/store-session.ts';

/** No slot has this name, so no worker takes the jobs of a tenant that is routed here: it is held. */
export const NOWHERE = '';

/** Sends workers' jobs of each tenant to its slot, in one fenced transaction. False: a later decision was seen. */
export async function publishWorkerRoutes(
  store: Store,
  slots: ReadonlyMap<string, string>,
  ctx: Pick<StepContext, 'cell' | 'fence'>,
): Promise<boolean> {
  return withClient(await controlConnection(store), async (client) => {
    await client.query('begin');
    await client.query(`set local lock_timeout = '10s'`);
    if (!(await raiseFence(client, ctx))) {
      await client.query('rollback');
      return false;
    }
    // Ordered, so that two writers lock rows in one order.
    await client.query(
      `insert into headgate.route(tenant, slot, epoch, n)
       select tenant, slot, $3, $4 from unnest($1::text[], $2::text[]) as each(tenant, slot) order by tenant
       on conflict (tenant) do update set slot = excluded.slot, epoch = excluded.epoch, n = excluded.n`,
      [[...slots.keys()], [...slots.values()], ctx.fence.epoch, ctx.fence.n],
    );
    await client.query('commit');
    return true;
  });
}

/** Slot by tenant, as workers see it. */
export async function readWorkerRoutes(store: Store): Promise<ReadonlyMap<string, string>> {
  return withClient(await controlConnection(store), async (client) => {
    const { rows } = await client.query<{ tenant: string; slot: string }>('select tenant, slot from headgate.route');
    return new Map(rows.map((row) => [row.tenant, row.slot]));
  });
}

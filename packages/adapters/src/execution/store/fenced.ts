import type { StepContext } from '@headgate/execution';
import type pg from 'pg';
import { raiseFence } from './store-session.ts';

/** Something in one transaction with the store's fence, which is raised to this step's. False: a later decision was seen. */
export async function fenced(
  client: pg.ClientBase,
  ctx: Pick<StepContext, 'cell' | 'fence'>,
  work: () => Promise<void> = async () => {},
): Promise<boolean> {
  await client.query('begin');
  try {
    const mine = await raiseFence(client, ctx);
    if (mine) await work();
    await client.query(mine ? 'commit' : 'rollback');
    return mine;
  } catch (error) {
    await client.query('rollback').catch(() => {}); // the session ends right after, which undoes it too
    throw error;
  }
}

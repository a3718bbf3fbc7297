import { setTimeout as sleep } from 'node:timers/promises';
import type { LogEvent } from '@headgate/contract';
import type { Narrator } from './narrator.ts';
import type { RunningSystem, World } from './world.ts';

/**
 * Tells the log's entries as the server places them, across restarts of the server: from the first one on, or (where the
 * story was told before) only what comes from now on.
 */
export async function follow<S extends RunningSystem>(
  world: World<S>,
  narrator: Narrator,
  from: 'the first entry' | 'now',
  signal: AbortSignal,
): Promise<void> {
  let after = from === 'now' ? undefined : -1;
  if (from === 'now') await nameWhatIsThere(world, narrator);
  while (!signal.aborted) {
    try {
      const client = await world.client('auditor');
      for await (const event of await client.watch({ ...(after === undefined ? {} : { after }), signal })) {
        after = Number(event.id);
        narrator.tell(JSON.parse(event.data) as LogEvent);
      }
    } catch {
      // The server is away or we are done; the next round knows which.
    }
    if (!signal.aborted) await sleep(200);
  }
}

/** What was asked for before is called what it was called then. */
async function nameWhatIsThere<S extends RunningSystem>(world: World<S>, narrator: Narrator): Promise<void> {
  const client = await world.client('auditor');
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await client.call('listPromotions', { limit: 200, ...(cursor !== undefined && { cursor }) });
    for (const { id, release, environment } of page.items) narrator.call(id, release.version, environment);
    cursor = page.next;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { LogEvent } from '@headgate/contract';
import type { Narrator } from './narrator.ts';
import type { World } from './world.ts';

/** Tells the log's entries as the server places them, from the first one on, across restarts of the server. */
export async function follow(world: World, narrator: Narrator, signal: AbortSignal): Promise<void> {
  let after = -1;
  while (!signal.aborted) {
    try {
      const client = await world.client('auditor');
      for await (const event of client.watch({ after, signal })) {
        after = Number(event.id);
        narrator.tell(JSON.parse(event.data) as LogEvent);
      }
    } catch {
      // The server is away or we are done; the next round knows which.
    }
    if (!signal.aborted) await sleep(200);
  }
}

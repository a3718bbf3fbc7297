/** A tenant held for writes while something is done to its rows, by the cell's own router: for as long as this process lives, and a little. */
import { randomUUID } from 'node:crypto';
import type { Fence } from '@headgate/domain/protocol/fence';
import { LENT_MS } from './lent-holds.ts';
import type { RouterClient } from './router-client.ts';

/** How often it is asked for again: several times may fail. Milliseconds. */
const AGAIN_MS = 3_000;
/** How long requests that were let in may take to end. Milliseconds. */
const ENDING_MS = 10_000;
const LOOK_MS = 100;

export type HeldTenant =
  | {
      readonly held: true;
      /** Requests that may change something, and still ran when nobody waited for them any longer. */
      readonly running: number;
      release(): Promise<void>;
    }
  /** Why not, in words. */
  | { readonly held: false; readonly why: string };

/**
 * Turns away what may change something, and waits for what was let in before. Never throws. `newest`: the newest token that was
 * acted on in the cell, which may rise meanwhile.
 */
export async function holdTenant(
  client: RouterClient,
  tenant: string,
  newest: () => Promise<Fence>,
): Promise<HeldTenant> {
  const by = randomUUID();
  const lend = async (forMs: number) => client.lend({ tenant, by, forMs, fence: await newest() });
  const first = await lend(LENT_MS).catch((error: Error) => ({ ok: false, why: error.message }) as const);
  if (!first.ok) return { held: false, why: first.why };
  // A router that was started anew meanwhile knows nothing of it until it is told again.
  const again = setInterval(() => void lend(LENT_MS).catch(() => {}), AGAIN_MS);
  again.unref();
  const running = await ended(client, tenant).catch(() => 0);
  return {
    held: true,
    running,
    async release() {
      clearInterval(again);
      await lend(0).catch(() => {}); // it ends by itself
    },
  };
}

async function ended(client: RouterClient, tenant: string): Promise<number> {
  const until = performance.now() + ENDING_MS;
  for (;;) {
    const slots = Object.values(await client.writesInFlight());
    const running = slots.reduce((sum, counts) => sum + (Object.hasOwn(counts, tenant) ? counts[tenant]! : 0), 0);
    if (running === 0 || performance.now() > until) return running;
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}

/**
 * Routes whose answer is worked out of much at once: a look at ten thousand tenants keeps the process for a tenth of a second.
 * One of them runs at a time, in turns by principal, so that a lease's renewal never stands behind a row of them.
 */
import { NoTurn, Turns } from '@headgate/adapters/control/turns';
import type { RouteName } from '@headgate/contract';
import { type Result, refuse } from '@headgate/control';

const HEAVY: ReadonlySet<RouteName> = new Set<RouteName>([
  'status',
  'showIncident',
  'listIncidentTenants',
  'showFreezeEffect',
  'listMigrationTimes',
  'auditLog',
]);

/** How many run at once, how many wait, and for how long. */
const OPTIONS = { most: 1, mostWaiting: 64, patienceMs: 20_000 };

export class HeavyRoutes {
  readonly #turns: Turns;

  constructor(options = OPTIONS) {
    this.#turns = new Turns(options);
  }

  /** Does the work of a route, in turn when it is a heavy one. */
  async take<T>(route: RouteName, principal: string, work: () => Promise<Result<T> | undefined>) {
    if (!HEAVY.has(route)) return work();
    try {
      return await this.#turns.take(principal, async () => {
        // Whatever came meanwhile is answered first.
        await new Promise((resolve) => setImmediate(resolve));
        return work();
      });
    } catch (error) {
      if (!(error instanceof NoTurn)) throw error;
      return refuse<T>('too-busy', route, 'server', error.message, 'try again in a moment');
    }
  }
}

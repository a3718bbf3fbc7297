/**
 * On whose behalf a statement runs. Controllers, loops and the look at a token have every session of the pool; what is done
 * for people, and what for agents, has a share of it each, so that neither of them takes the sessions away from the others.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { StoreUnavailable } from '@headgate/control/ports/errors';
import { NoTurn, Turns } from '../turns.ts';

export interface Guest {
  readonly kind: 'people' | 'agents';
  /** Guests of one kind take turns by it. */
  readonly id: string;
}

const guests = new AsyncLocalStorage<Guest>();

/** Runs work whose statements, however deep, take turns in the guest's share. */
export function onBehalfOf<T>(guest: Guest, work: () => T): T {
  return guests.run(guest, work);
}

/** Of 16 sessions: what is left over is nobody's but the control plane's own. */
const SHARES = { people: 5 / 16, agents: 6 / 16 } as const;

export class GuestShares {
  readonly #shares: Readonly<Record<Guest['kind'], Turns>>;

  constructor(poolSize: number, patienceMs: number) {
    const share = (of: number) => new Turns({ most: Math.max(1, Math.floor(poolSize * of)), patienceMs });
    this.#shares = { people: share(SHARES.people), agents: share(SHARES.agents) };
  }

  /** Runs a statement: at once for the control plane itself, in turn for a guest. Throws StoreUnavailable when no turn comes. */
  async run<T>(statement: () => Promise<T>): Promise<T> {
    const guest = guests.getStore();
    if (guest === undefined) return statement();
    try {
      return await this.#shares[guest.kind].take(guest.id, statement);
    } catch (error) {
      throw error instanceof NoTurn
        ? new StoreUnavailable(`the database is busy for ${guest.kind}: ${error.message}`)
        : error;
    }
  }
}

import type { Principal, Refusal } from '@headgate/domain';

/** What is under way at once is counted by these, each for itself. */
export type Flight = 'request' | 'page' | 'download' | 'upload' | 'stream';

/** At most so many at once of one person or pipeline, of one agent; and of all of either together, where that is bounded. */
interface Bound {
  readonly person: number;
  readonly agent: number;
  readonly people?: number;
  readonly agents?: number;
  readonly words: string;
}

export type FlightBounds = Readonly<Record<Flight, Bound>>;

/**
 * A page in a browser asks six at a time. An agent has a long poll, a renewal and a report for each of its cells. What all
 * people have together never takes away what agents have, nor the other way round.
 */
export const FLIGHT_BOUNDS: FlightBounds = {
  request: { person: 8, agent: 200, words: 'requests' },
  page: { person: 4, agent: 8, people: 24, agents: 32, words: 'pages of the log' },
  download: { person: 2, agent: 8, people: 32, agents: 64, words: 'downloads' },
  upload: { person: 2, agent: 4, people: 4, agents: 8, words: 'uploads' },
  stream: { person: 16, agent: 8, people: 80, agents: 40, words: 'watchers' },
};

type Refused = { readonly refusal: Refusal };
type Admitted = { readonly end: () => void };

/** Counts what is under way in this process, by principal and in all. */
export class InFlight {
  readonly #bounds: FlightBounds;
  readonly #counts = new Map<string, number>();

  constructor(bounds: FlightBounds = FLIGHT_BOUNDS) {
    this.#bounds = bounds;
  }

  /** Begins one; `end` must be called once when it is over. Refused when there are too many of the principal, or of all. */
  begin(flight: Flight, { id, roles }: Pick<Principal, 'id' | 'roles'>): Refused | Admitted {
    const bound = this.#bounds[flight];
    const agent = roles.includes('agent');
    const own = { key: `${flight} ${id}`, most: agent ? bound.agent : bound.person };
    const all = {
      key: `${flight} of ${agent ? 'agents' : 'people'}`,
      most: (agent ? bound.agents : bound.people) ?? Number.POSITIVE_INFINITY,
    };
    if (this.#of(own.key) >= own.most) return { refusal: tooMany(`${own.most} ${bound.words} of ${id}`, id) };
    if (this.#of(all.key) >= all.most)
      return { refusal: tooBusy(`${all.most} ${bound.words} of ${agent ? 'agents' : 'people'}`, flight) };
    for (const { key } of [own, all]) this.#counts.set(key, this.#of(key) + 1);
    let ended = false;
    return {
      end: () => {
        if (ended) return;
        ended = true;
        for (const { key } of [own, all]) {
          const left = this.#of(key) - 1;
          if (left > 0) this.#counts.set(key, left);
          else this.#counts.delete(key);
        }
      },
    };
  }

  #of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }
}

function tooMany(of: string, id: string): Refusal {
  return {
    code: 'too-many-requests',
    what: 'answer',
    where: `principal/${id}`,
    why: `${of} are under way`,
    unblock: 'wait until one of them has ended',
  };
}

function tooBusy(of: string, flight: Flight): Refusal {
  return {
    code: 'too-busy',
    what: 'answer',
    where: `${flight}s`,
    why: `${of} are under way`,
    unblock: 'try again in a moment',
  };
}

import type { ToldStandby } from '@headgate/domain';
import { clientConfig, readConnectionUrl, type UrlSource } from '../external-store/connection-url.ts';
import { ExternalServer } from '../external-store/external-store.ts';
import { type LookParts, lookAtStandby } from './look-at-standby.ts';
import { PrimaryPositions } from './primary-positions.ts';

/** A store in a database of somebody else's, with its standbys, as the agent's configuration names them. */
export interface StandbysOfStore {
  readonly adminUrl: UrlSource;
  readonly standbys: Readonly<Record<string, UrlSource>>;
}

interface Watched {
  readonly store: string;
  readonly name: string;
  readonly look: LookParts;
}

/** The standbys of a cell's stores, looked at side by side: one that hangs holds up nobody, and each look has its bound. */
export class StandbyWatch {
  readonly #watched: readonly Watched[];
  readonly #now: () => number;

  constructor(stores: Readonly<Record<string, StandbysOfStore>>, now = () => performance.now()) {
    this.#now = now;
    this.#watched = Object.entries(stores).flatMap(([store, { adminUrl, standbys }]) => {
      const server = new ExternalServer(adminUrl);
      return Object.entries(standbys).map(([name, url]) => ({
        ...{ store, name },
        look: {
          primary: () => server.controlConnection(),
          standby: async () => clientConfig(await readConnectionUrl(url)),
          positions: new PrimaryPositions(),
          now,
        },
      }));
    });
  }

  /** Whether any is declared. */
  get some(): boolean {
    return this.#watched.length > 0;
  }

  /** One look at all of them. Ages are from when each look began: what was seen is not older. Never throws. */
  async look(): Promise<(askedAt: number) => readonly ToldStandby[]> {
    const looked = await Promise.all(
      this.#watched.map(async ({ store, name, look }) => {
        const began = this.#now();
        const { seen, server } = await lookAtStandby(look);
        return { began, server, seen: { store, name, ...seen } };
      }),
    );
    const each = eachServerOnce(looked);
    return (askedAt) => each.map(({ began, seen }) => ({ ...seen, ageMs: Math.max(0, Math.ceil(askedAt - began)) }));
  }
}

interface Looked {
  readonly began: number;
  /** Which server was come to. */
  readonly server: string | undefined;
  readonly seen: Omit<ToldStandby, 'ageMs'>;
}

/**
 * One server that has two names is one standby of its store, and fails over once: the name that is declared first stands for
 * it. What is wrong with the server itself is told of both.
 */
function eachServerOnce(all: readonly Looked[]): readonly Looked[] {
  const named = new Map<string, string>();
  return all.map((looked) => {
    const { server, seen } = looked;
    if (server === undefined || (seen.standing !== 'following' && seen.standing !== 'unknown')) return looked;
    const key = JSON.stringify([seen.store, server]);
    const first = named.get(key);
    if (first === undefined) named.set(key, seen.name);
    if (first === undefined) return looked;
    // Said as of an address that leads to the primary: an older server knows no other word for it.
    const why = `its address leads to ${first}, which counts once`;
    return { ...looked, seen: { store: seen.store, name: seen.name, standing: 'other-cluster', why } };
  });
}

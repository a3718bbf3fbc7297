import {
  type Claimed,
  type Commit,
  type Committed,
  type ControlStore,
  type Row,
  StoreUnavailable,
  type StreamId,
} from '@headgate/control';
import type { MemoryStore } from '@headgate/control/memory/index';
import type { Instant } from '@headgate/domain';
import type { StoreFault } from '../world/scenario.ts';

/** What a server's way to the store asks of the run that it lives in. */
export interface StoreFaults {
  /** The database as it stands; another one once the control plane was restored. */
  readonly database: MemoryStore;
  /** The fault that this commit meets, if any; each is met once. */
  nextFault(): StoreFault | undefined;
  /** Goes on after `ms` of virtual time. */
  delayed<T>(ms: number, work: () => T): Promise<T>;
}

/** One server's way to the store: it passes everything on, until the server dies or the network has a bad moment. */
export class FaultyStore implements ControlStore {
  readonly #faults: StoreFaults;
  readonly #database: MemoryStore;
  readonly #crash: (ms: number) => void;
  alive = true;

  constructor(faults: StoreFaults, crash: (ms: number) => void) {
    this.#faults = faults;
    this.#database = faults.database;
    this.#crash = crash;
  }

  now(): Promise<Instant> {
    return this.alive ? this.#database.now() : gone();
  }

  load(streams: readonly StreamId[]): Promise<ReadonlyMap<StreamId, Row>> {
    return this.alive ? this.#database.load(streams) : gone();
  }

  holder(key: string): Promise<Row | undefined> {
    return this.alive ? this.#database.holder(key) : gone();
  }

  list(kind: string, page: Parameters<ControlStore['list']>[1]): Promise<readonly Row[]> {
    return this.alive ? this.#database.list(kind, page) : gone();
  }

  claim(limit: number, claimMs: number): Promise<Claimed> {
    return this.alive ? this.#database.claim(limit, claimMs) : gone();
  }

  offered(audiences: readonly string[], limit: number, holding?: readonly string[]): Promise<Claimed> {
    return this.alive ? this.#database.offered(audiences, limit, holding) : gone();
  }

  postpone(stream: StreamId, version: number, dueAt: Instant | null, was?: Instant | null): Promise<boolean> {
    return this.alive ? this.#database.postpone(stream, version, dueAt, was) : gone();
  }

  commit(commit: Commit): Promise<Committed> {
    if (!this.alive) return gone();
    const fault = this.#faults.nextFault();
    return fault === undefined ? this.#database.commit(commit) : this.#meet(fault, commit);
  }

  async #meet(fault: StoreFault, commit: Commit): Promise<Committed> {
    switch (fault.kind) {
      case 'stall':
        // What was decided waits, while the world goes on; then it is committed on the versions of back then.
        return this.#faults.delayed(fault.ms, () => {
          if (!this.alive) throw new StoreUnavailable('the server is gone');
          return this.#database.commitNow(commit);
        });
      case 'unavailable-before':
        throw new StoreUnavailable('the connection broke');
      case 'unavailable-after':
        this.#database.commitNow(commit);
        throw new StoreUnavailable('the connection broke while the answer was awaited');
      case 'crash-after':
        this.#database.commitNow(commit);
        break;
      case 'crash-before':
        break;
    }
    this.alive = false;
    this.#crash(fault.ms);
    return gone();
  }
}

function gone(): Promise<never> {
  return Promise.reject(new StoreUnavailable('the server is gone'));
}

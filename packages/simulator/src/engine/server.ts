import {
  type Blobs,
  Controllers,
  type Deps,
  type Gatherers,
  type MoveLooks,
  type Plans,
  type StandbyLooks,
} from '@headgate/control';
import { TRUST } from '../world/fleet.ts';
import { digestOfShared } from './digests.ts';
import { FaultyStore, type StoreFaults } from './faulty-store.ts';

/** One server process: the shipped controllers and use cases over its own way to the store, with caches of its own. */
export class Server {
  readonly store: FaultyStore;
  readonly deps: Deps;
  readonly controllers: Controllers;
  readonly gatherers: Gatherers;

  constructor(
    faults: StoreFaults,
    blobs: Blobs,
    plans: Plans,
    epoch: number,
    newId: (prefix: string) => string,
    onCrash: (ms: number) => void,
    standbys: StandbyLooks,
    moves: MoveLooks,
  ) {
    this.store = new FaultyStore(faults, onCrash);
    this.deps = {
      store: this.store,
      blobs,
      trust: TRUST,
      standbys,
      moves,
      epoch,
      newId,
      digestOf: digestOfShared,
      canonical: nativeBytes,
    };
    this.controllers = new Controllers(this.deps, plans);
    this.gatherers = { plans: this.controllers.plans, gates: this.controllers.gates };
  }

  get alive(): boolean {
    return this.store.alive;
  }
}

/**
 * The engine's own JSON instead of the canonical form: nobody verifies these bytes, and the order of keys is the same
 * whenever the same code made the value.
 */
function nativeBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

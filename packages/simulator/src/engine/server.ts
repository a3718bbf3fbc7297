import { type Blobs, Controllers, type Deps, type Gatherers } from '@headgate/control';
import { canonicalBytes } from '@headgate/documents';
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
    epoch: number,
    newId: (prefix: string) => string,
    onCrash: (ms: number) => void,
  ) {
    this.store = new FaultyStore(faults, onCrash);
    this.deps = {
      store: this.store,
      blobs,
      trust: TRUST,
      epoch,
      newId,
      digestOf: digestOfShared,
      canonical: canonicalBytes,
    };
    this.controllers = new Controllers(this.deps);
    this.gatherers = { plans: this.controllers.plans, gates: this.controllers.gates };
  }

  get alive(): boolean {
    return this.store.alive;
  }
}

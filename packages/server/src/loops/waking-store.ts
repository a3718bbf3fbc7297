import type { Claimed, Commit, Committed, ControlStore, ListPage, Row, StreamId } from '@headgate/control';
import type { Wake } from './wake.ts';

export interface StoreWakes {
  /** Something was committed. */
  readonly committed: Wake;
  /** Something was put on offer: the agents' polls look only then, or each commit would cost a look for each of them. */
  readonly offered: Wake;
}

/** Throws while this server may not write. */
export type MayWrite = () => Promise<void>;

/**
 * The store, with every commit of this process heard by its own loops at once instead of at their next look, and none made
 * by a server that was left behind.
 */
export class WakingStore implements ControlStore {
  readonly #store: ControlStore;
  readonly #wakes: StoreWakes;
  readonly #mayWrite: MayWrite;

  constructor(store: ControlStore, wakes: StoreWakes, mayWrite: MayWrite) {
    this.#store = store;
    this.#wakes = wakes;
    this.#mayWrite = mayWrite;
  }

  async commit(commit: Commit): Promise<Committed> {
    await this.#mayWrite();
    const committed = await this.#store.commit(commit);
    if (!committed.ok) return committed;
    this.#wakes.committed.signal();
    if (commit.writes.some(({ audience }) => typeof audience === 'string')) this.#wakes.offered.signal();
    return committed;
  }

  now(): Promise<number> {
    return this.#store.now();
  }

  load(streams: readonly StreamId[]): Promise<ReadonlyMap<StreamId, Row>> {
    return this.#store.load(streams);
  }

  holder(key: string): Promise<Row | undefined> {
    return this.#store.holder(key);
  }

  list(kind: string, page: ListPage): Promise<readonly Row[]> {
    return this.#store.list(kind, page);
  }

  async claim(limit: number, claimMs: number): Promise<Claimed> {
    // What it claimed and may not write would be kept from the others.
    await this.#mayWrite();
    return this.#store.claim(limit, claimMs);
  }

  offered(audiences: readonly string[], limit: number, holding?: readonly string[]): Promise<Claimed> {
    return this.#store.offered(audiences, limit, holding);
  }

  postpone(stream: StreamId, version: number, dueAt: number | null, was?: number | null): Promise<boolean> {
    return this.#store.postpone(stream, version, dueAt, was);
  }
}

import type { Tracing } from '@headgate/adapters/tracing/index';
import type { Commit, Committed, ControlStore, ListPage, Row, StreamId } from '@headgate/control';
import { idsOf } from '../log-lines.ts';
import { attributesOf } from './attributes.ts';

/** The store with a span around every commit. Made only where traces are wanted: reads are many, and tell little. */
export class TracedStore implements ControlStore {
  readonly #store: ControlStore;
  readonly #tracing: Tracing;

  constructor(store: ControlStore, tracing: Tracing) {
    this.#store = store;
    this.#tracing = tracing;
  }

  commit(commit: Commit): Promise<Committed> {
    const [first] = commit.writes;
    const attributes = {
      'db.system.name': 'postgresql',
      'db.operation.name': 'commit',
      'db.operation.batch.size': commit.writes.length,
      ...attributesOf(first === undefined ? {} : idsOf(first.stream)),
    };
    return this.#tracing.around('commit', { kind: 'client', attributes }, async (span) => {
      const committed = await this.#store.commit(commit);
      // A conflict is the other's right, and is decided anew.
      if (!committed.ok) span.set({ 'headgate.conflict': committed.because });
      return committed;
    });
  }

  now(): Promise<number> {
    return this.#store.now();
  }
  load(streams: readonly StreamId[]): Promise<ReadonlyMap<StreamId, Row>> {
    return this.#store.load(streams);
  }
  list(kind: string, page: ListPage): Promise<readonly Row[]> {
    return this.#store.list(kind, page);
  }
  holder(key: StreamId): Promise<Row | undefined> {
    return this.#store.holder(key);
  }
  claim(limit: number, claimMs: number) {
    return this.#store.claim(limit, claimMs);
  }
  offered(audiences: readonly string[], limit: number, holding?: readonly string[]) {
    return this.#store.offered(audiences, limit, holding);
  }
  postpone(stream: StreamId, version: number, dueAt: number | null, was?: number | null): Promise<boolean> {
    return this.#store.postpone(stream, version, dueAt, was);
  }
}

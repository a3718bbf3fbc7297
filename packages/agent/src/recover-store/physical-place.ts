/** A store whose PostgreSQL is its own: the whole cluster is brought back beside it, and moved into its place. */
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CellPorts } from '@headgate/adapters/execution/cell';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { pushHistories } from '@headgate/adapters/execution/pgbackrest/archived-log';
import { hasPgBackRest, openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { lookAtStore } from '@headgate/adapters/execution/recover/compare-stores';
import type { BackedStore } from '@headgate/adapters/execution/restore-points/backed-store';
import { broughtBeside } from '@headgate/adapters/execution/restore-points/brought-beside';
import { restoreInPlace } from '@headgate/adapters/execution/restore-points/in-place';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { archiveHistories } from '@headgate/adapters/execution/restore-points/wal';
import { prepareStore } from '@headgate/adapters/execution/store/store-session';
import { ensureDatabase } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { changedIn } from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import { denied, granted } from '@headgate/execution';
import { anotherStore, recount, writtenSince } from './recount.ts';
import type { ContextOf, OpenPlace, PlaceAsk, Stale, StorePlace } from './store-place.ts';

/** For a timeline's history to get to the repository. Milliseconds. */
const TELL_MS = 120_000;

export const openPhysicalPlace: OpenPlace<CellConfig> = async (ask, ports, context) => {
  const { cell, proposal } = ask;
  return new PhysicalPlace(ask, ports, context, physicalStore(cell, proposal.store, await findPrograms(15, cell.dir)));
};

class PhysicalPlace implements StorePlace {
  private readonly ask: PlaceAsk<CellConfig>;
  private readonly ports: CellPorts;
  private readonly context: ContextOf;
  private readonly store: BackedStore;

  constructor(ask: PlaceAsk<CellConfig>, ports: CellPorts, context: ContextOf, store: BackedStore) {
    this.ask = ask;
    this.ports = ports;
    this.context = context;
    this.store = store;
  }

  async stale(): Promise<Stale | undefined> {
    const { ask, store } = this;
    const another = await anotherStore(store, ask.proposal);
    if (another !== undefined) return another;
    ask.say('What would be lost is counted once more …');
    return recount(store, ask);
  }

  async changed(): Promise<Stale | undefined> {
    const { ask, store } = this;
    const another = await anotherStore(store, ask.proposal);
    if (another !== undefined) return another;
    const changed = changedIn(await lookAtStore(store, ask.signal), ask.proposal.live);
    return changed.length > 0 ? writtenSince(changed) : undefined;
  }

  async replace(): Promise<Stale | undefined> {
    const { ask, store } = this;
    const { proposal, signal } = ask;
    let written: Stale | undefined;
    const source = broughtBeside(store, proposal.place, async (cluster) => {
      const found = await lookAtStore({ cluster, database: store.database, user: store.user }, signal);
      const other = changedIn(found, proposal.was);
      if (found.system !== proposal.was.system || other.length > 0)
        return denied(
          'check-failed',
          `what lies in ${proposal.place} was changed since it was compared${other.length === 0 ? '' : ` (${named(other)})`}`,
        );
      // Once more, right before it is replaced: not everything that writes is a tenant's.
      const since = changedIn(await lookAtStore(store, signal), proposal.live);
      if (since.length === 0) return granted(undefined);
      written = writtenSince(since, 'while its tenants were held: something else writes there');
      return denied('check-failed', written.why);
    });
    const done = await restoreInPlace({ ...store, files: [] }, source, this.context('place'));
    if (!done.ok) return written ?? { code: done.code, why: done.why };
    await this.keep();
    const untold = await this.tellTimeline();
    // The agent's next round tries that as well, before it ends a piece of the log.
    if (untold !== undefined) ask.say(`Its new timeline isn’t in the repository yet: ${untold}`);
    return undefined;
  }

  async check(): Promise<string | undefined> {
    const { store } = this;
    const { cell, proposal, signal } = this.ask;
    const found = await lookAtStore(store, signal);
    const other = changedIn(found, proposal.was);
    if (other.length > 0) return `what stands there isn’t what was proposed: ${named(other)}`;
    if (found.schemaVersion !== proposal.was.schemaVersion)
      return `it has the schema ${found.schemaVersion}, and ${proposal.was.schemaVersion} was proposed`;
    // Of then are the login's password and our own schema, too.
    await ensureDatabase(store.cluster, cell.stores[store.name]!);
    await prepareStore(store);
    return undefined;
  }

  async leave(point: string): Promise<void> {
    const { ask, ports, store } = this;
    // Else what comes back takes the number of the timeline that is left, and two logs have one name.
    const untold = await this.tellTimeline();
    if (untold !== undefined)
      throw new Error(
        `its timeline can’t be told to where its log is kept: ${untold}; its tenants stay held. Mend that, and apply the proposal again: it goes on there`,
      );
    const back = await ports.restorePoints.restore(
      ask.proposal.store,
      point,
      { kind: 'restore-point' },
      this.context('leave'),
    );
    if (!back.ok)
      throw new Error(
        `what stood before can’t be brought back from ${point}: ${back.why}; its tenants stay held. Mend that, and apply the proposal again: it goes on there`,
      );
    await ensureDatabase(store.cluster, ask.cell.stores[store.name]!);
    await prepareStore(store);
  }

  async ended(): Promise<void> {}

  /** Where the folder goes that was replaced: the next restore leaves it alone. */
  get kept(): string {
    return join(this.store.cluster.dir, `replaced-${this.ask.digest.slice('sha256:'.length, 'sha256:'.length + 12)}`);
  }

  private async keep(): Promise<void> {
    const before = `${this.store.cluster.data}.before`;
    if ((await stat(before).catch(() => undefined)) !== undefined) await rename(before, this.kept);
  }

  /** Brings the history of its timeline to where its log is kept: it began aside, where nothing is archived. In words why not. */
  private async tellTimeline(): Promise<string | undefined> {
    const { store } = this;
    const { signal } = this.ask;
    if (hasPgBackRest(store))
      return pushHistories(store.cluster, await openPgBackRest(store), { deadlineMs: TELL_MS, signal });
    if (store.snapshots === undefined) await archiveHistories(store);
    return undefined;
  }
}

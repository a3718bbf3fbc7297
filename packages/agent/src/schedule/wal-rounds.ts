/**
 * Brings the write-ahead log of the agent's stores to their vaults, each by rounds of its own, whatever else is done in the
 * cell: what would be lost counts during a promotion, too. Nothing is started or stopped for it; a round that can't be done is
 * told once, and the next one goes on.
 */
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import type { BackedStore } from '@headgate/adapters/execution/restore-points/backed-store';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { noteShipped } from '@headgate/adapters/execution/restore-points/wal';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { closeWal } from '@headgate/adapters/execution/vault/wal/close-wal';
import { WalShipper } from '@headgate/adapters/execution/vault/wal/ship-wal';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import type { Instant } from '@headgate/domain';
import type { CellWorker } from '../assignments/cell-worker.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import type { CellOfVault } from '../vault-cells.ts';

/** How one store's log stands. */
export interface StoreWal {
  readonly store: string;
  /** What was acknowledged before then lies in the vault; absent: not known yet. */
  readonly reachedAt?: Instant;
  /** Why the last round did not get there. */
  readonly why?: string;
}

export interface WalRoundsParts {
  readonly cells: readonly CellOfVault[];
  readonly log: Logger;
  /** A cell's stores are ours to ask once it is open, and held by nobody else. */
  worker(cell: string): Pick<CellWorker, 'cell'> | undefined;
}

interface Shipped {
  readonly cell: CellOfVault & { readonly kind: 'process' };
  readonly name: string;
  readonly every: Every;
  standing: StoreWal;
  /** Made with the first round. */
  made?: { readonly store: BackedStore; readonly shipper: WalShipper };
}

export class WalRounds {
  readonly #parts: WalRoundsParts;
  readonly #stores: readonly Shipped[];

  constructor(parts: WalRoundsParts) {
    this.#parts = parts;
    this.#stores = parts.cells.flatMap((cell) =>
      cell.kind === 'process' && cell.vault.wal !== undefined
        ? Object.keys(cell.stores)
            // The log of the others is archived in repositories of their own.
            .filter((name) => cell.stores[name]!.pgbackrest === undefined)
            .map((name) => this.#shipped({ ...cell, kind: 'process' }, name, cell.vault.wal!.everyMs))
        : [],
    );
  }

  start(): this {
    for (const { every } of this.#stores) every.start();
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stores.map(({ every }) => every.stop()));
  }

  of(cell: string): readonly StoreWal[] {
    return this.#stores.filter((each) => each.cell.cell === cell).map(({ standing }) => standing);
  }

  #shipped(cell: Shipped['cell'], name: string, everyMs: number): Shipped {
    const every = new Every(
      everyMs,
      (signal) => this.#round(shipped, signal),
      (error) => this.#failed(shipped, (error as Error).message),
    );
    const shipped: Shipped = { cell, name, every, standing: { store: name } };
    return shipped;
  }

  async #round(shipped: Shipped, signal: AbortSignal): Promise<void> {
    const { cell, name } = shipped;
    if (this.#parts.worker(cell.cell)?.cell === undefined) return;
    shipped.made ??= await this.#make(shipped, signal);
    const { store, shipper } = shipped.made;
    const { reach, pieces, bytes, shipped: last, gap } = await shipper.ship(await closeWal(store, Date.now));
    await noteShipped(store.restorePointsDir, last);
    const why =
      gap && `the segment ${gap} is lost: nothing after it comes back from restore points before it; take one`;
    const before = shipped.standing.why;
    shipped.standing = { store: name, reachedAt: reach.at, ...(why !== undefined && { why }) };
    if (before !== why) {
      if (why === undefined) this.#parts.log.info({ cell: cell.cell, store: name }, 'the WAL lies in the vault again');
      else this.#parts.log.error({ cell: cell.cell, store: name, why }, 'the WAL in the vault has a gap');
    }
    if (pieces > 0) this.#parts.log.debug({ cell: cell.cell, store: name, pieces, bytes }, 'WAL brought to the vault');
  }

  async #make({ cell, name }: Shipped, signal: AbortSignal): Promise<NonNullable<Shipped['made']>> {
    const { vault, environment } = cell;
    const store = physicalStore(cell, name, await findPrograms(15, cell.dir));
    const shipper = new WalShipper({
      store: await openObjectStore(vault.store),
      archiveDir: store.archiveDir,
      of: { environment, cell: cell.cell, store: name },
      recipients: vault.recipients,
      key: await vaultKey(vault.keyFile),
      now: Date.now,
      signal,
    });
    return { store, shipper };
  }

  #failed(shipped: Shipped, words: string): void {
    const why = words.slice(0, 500);
    const before = shipped.standing.why;
    shipped.standing = { ...shipped.standing, why };
    // Told when it begins and when it becomes another trouble: it may last for hours, and comes every few seconds.
    if (before !== why)
      this.#parts.log.warn(
        { cell: shipped.cell.cell, store: shipped.name, why },
        'the WAL can’t be brought to the vault; it is kept, and tried again',
      );
  }
}

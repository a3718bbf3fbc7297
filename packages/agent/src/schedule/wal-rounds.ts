/**
 * Sees to it that the write-ahead log of the agent's stores lies in their vaults or repositories, each by rounds of its own, whatever
 * else is done in the cell: what would be lost counts during a promotion, too. Nothing is started or stopped for it; a round that
 * can't be done is told once, and the next one goes on.
 */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { SERVER } from '@headgate/adapters/execution/odoo/server-log';
import type { Instant } from '@headgate/domain';
import type { CellWorker } from '../assignments/cell-worker.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import { hasVault } from '../vault-cells.ts';
import { repositoryLog } from './repository-log.ts';
import { serverLog } from './server-log.ts';
import { vaultLog } from './vault-log.ts';

/** How one store's log stands. */
export interface StoreWal {
  readonly store: string;
  readonly where: 'vault' | 'repository';
  /** What was acknowledged before then lies there; absent: not known yet. */
  readonly reachedAt?: Instant;
  /**
   * Number of the segment from which on the last look saw all of it, or the gap: before that nobody has looked. Absent: nobody has at
   * all, or it is a repository's, whose log is counted with its restore points.
   */
  readonly wholeFrom?: number;
  /** Why the last round did not get there. */
  readonly why?: string;
  /** What is gone of what lies there, as of the last round that got there: nothing after it comes back. */
  readonly gap?: string;
}

/** One store's log, for as long as the agent keeps its cell. */
export interface StoreLog {
  /** One round. Throws, in words, why it didn't get there. `why`: what is wrong with what lies there. */
  ship(): Promise<{
    readonly at: Instant;
    readonly why?: string;
    readonly pieces?: number;
    readonly bytes?: number;
    readonly wholeFrom?: number;
  }>;
  /** The next round looks at the whole of it: a restore point came or went. */
  lookAgain(): void;
}

export interface WalRoundsParts {
  readonly cells: readonly AnyCellConfig[];
  readonly log: Logger;
  /** A cell's stores are ours to ask once it is open, and held by nobody else. */
  worker(cell: string): Pick<CellWorker, 'cell'> | undefined;
}

interface Shipped {
  readonly cell: string;
  readonly name: string;
  readonly every: Every;
  standing: StoreWal;
  /** Made with the first round. */
  made?: StoreLog;
}

/** A store whose log is looked after, and how. */
interface Kept {
  readonly cell: string;
  readonly name: string;
  readonly where: StoreWal['where'];
  readonly everyMs: number;
  make(signal: AbortSignal): Promise<StoreLog>;
}

/** Of a cell's stores whose PostgreSQL is ours: archived in repositories of their own, or brought to the vault; of Odoo's, which share one, that. */
function keptIn(cell: AnyCellConfig): readonly Kept[] {
  if (cell.kind === 'odoo') {
    const { pgbackrest } = cell.postgresql;
    if (pgbackrest === undefined) return [];
    const of = { cell: cell.cell, name: SERVER, where: 'repository', everyMs: pgbackrest.logEveryMs } as const;
    return [{ ...of, make: (signal) => serverLog(cell, signal) }];
  }
  return Object.entries(cell.stores).flatMap(([name, { pgbackrest }]): Kept[] => {
    const of = { cell: cell.cell, name };
    if (pgbackrest !== undefined)
      return [
        {
          ...{ ...of, where: 'repository', everyMs: pgbackrest.logEveryMs },
          make: (signal) => repositoryLog(cell, name, signal),
        },
      ];
    if (!hasVault(cell) || cell.vault.wal === undefined) return [];
    const { everyMs } = cell.vault.wal;
    return [
      { ...{ ...of, where: 'vault', everyMs }, make: (signal) => vaultLog({ ...cell, kind: 'process' }, name, signal) },
    ];
  });
}

export class WalRounds {
  readonly #parts: WalRoundsParts;
  readonly #stores: readonly Shipped[];

  constructor(parts: WalRoundsParts) {
    this.#parts = parts;
    this.#stores = parts.cells.flatMap(keptIn).map((kept) => this.#shipped(kept));
  }

  start(): this {
    for (const { every } of this.#stores) every.start();
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stores.map(({ every }) => every.stop()));
  }

  of(cell: string): readonly StoreWal[] {
    return this.#stores.filter((each) => each.cell === cell).map(({ standing }) => standing);
  }

  /** A store's restore points aren't what they were: its log is looked at from there, now. */
  lookAgain(cell: string, store: string): void {
    const shipped = this.#stores.find((each) => each.cell === cell && each.name === store);
    shipped?.made?.lookAgain();
    shipped?.every.nudge();
  }

  #shipped({ cell, name, where, everyMs, make }: Kept): Shipped {
    const every = new Every(
      everyMs,
      (signal) => this.#round(shipped, make, signal),
      (error) => this.#failed(shipped, (error as Error).message),
    );
    const shipped: Shipped = { cell, name, every, standing: { store: name, where } };
    return shipped;
  }

  async #round(shipped: Shipped, make: Kept['make'], signal: AbortSignal): Promise<void> {
    const { cell, name, standing } = shipped;
    if (this.#parts.worker(cell)?.cell === undefined) return;
    shipped.made ??= await make(signal);
    const { at: reachedAt, why, pieces = 0, bytes, wholeFrom } = await shipped.made.ship();
    const { where, why: before } = standing;
    shipped.standing = {
      ...{ store: name, where, reachedAt },
      ...(wholeFrom !== undefined && { wholeFrom }),
      ...(why !== undefined && { why, gap: why }),
    };
    if (before !== why) {
      if (why === undefined) this.#parts.log.info({ cell, store: name }, `the WAL lies in the ${where} again`);
      else this.#parts.log.error({ cell, store: name, why }, `the WAL in the ${where} has a gap`);
    }
    if (pieces > 0) this.#parts.log.debug({ cell, store: name, pieces, bytes }, 'WAL brought to the vault');
  }

  #failed(shipped: Shipped, words: string): void {
    const why = words.slice(0, 500);
    const { cell, name, standing } = shipped;
    shipped.standing = { ...standing, why };
    // Told when it begins and when it becomes another trouble: it may last for hours, and comes every few seconds.
    if (standing.why !== why)
      this.#parts.log.warn(
        { cell, store: name, why },
        `the WAL can’t be brought to the ${standing.where}; it is kept, and tried again`,
      );
  }
}

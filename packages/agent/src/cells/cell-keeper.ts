import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { CellState } from '@headgate/domain';
import type { Baselines } from '../artifacts/baselines.ts';
import type { CellWorker } from '../assignments/cell-worker.ts';
import type { PinnedEnvironment } from '../checks/facts.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import { type AccountParts, accountOf } from './account.ts';
import type { Cell } from './cell.ts';
import { Observer } from './observer.ts';

/** How often it is looked whether something died. A killed store must be back within a second. Milliseconds. */
const KEEP_EVERY_MS = 250;
/** How long to wait before a cell that couldn't be opened is tried again. Milliseconds. */
const OPEN_AGAIN_MS = 2_000;
/** The same trouble is said again at most this often. Milliseconds. */
const SAY_AGAIN_MS = 60_000;

export interface KeeperParts {
  readonly config: AnyCellConfig;
  open(): Promise<Cell>;
  readonly worker: CellWorker;
  readonly observeEveryMs: number;
  readonly pinned: PinnedEnvironment | undefined;
  readonly plane: ControlPlane;
  readonly baselines: Baselines;
  readonly account: AccountParts;
  readonly log: Logger;
}

/**
 * Keeps one cell: opens it (and tries again until it can), starts what dies in it, observes it. Runs whether the server
 * is there or not.
 */
export class CellKeeper {
  readonly worker: CellWorker;
  readonly #parts: KeeperParts;
  readonly #log: Logger;
  readonly #said = new Map<string, number>();
  readonly #looks = new Set<Promise<void>>();
  #cell: Cell | undefined;
  readonly #keeping: Every;
  #observer: Observer | undefined;
  #observing: Every | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.worker = parts.worker;
    this.#log = parts.log.child({ cell: parts.config.cell });
    this.#keeping = new Every(
      () => (this.#cell === undefined ? OPEN_AGAIN_MS : KEEP_EVERY_MS),
      () => this.#keep(),
      (error) => this.#trouble('the cell can’t be kept', error),
    );
  }

  start(): void {
    this.#keeping.start();
  }

  /** Something was done in the cell, or the server is another one now: asks for a look at once. */
  lookAgain(): void {
    this.#observer?.insist();
    this.#observing?.nudge();
  }

  /** The cell as it was last seen. */
  get seen(): CellState | undefined {
    return this.#observer?.seen;
  }

  async stop(): Promise<void> {
    await this.#keeping.stop();
    await this.#observing?.stop();
    await Promise.all(this.#looks);
    await this.#cell?.close();
  }

  async #keep(): Promise<void> {
    if (this.#cell !== undefined) {
      this.#look(this.#cell);
      return;
    }
    const cell = await this.#parts.open();
    this.#cell = cell;
    this.worker.holds(cell);
    this.#log.info('cell opened');
    const account = (of: Cell) => accountOf(of, this.#parts.account, () => this.worker.busy);
    const observer = new Observer(cell, { ...this.#parts, account, log: this.#log });
    this.#observer = observer;
    this.#observing = new Every(
      this.#parts.observeEveryMs,
      () => observer.look(),
      (error) => this.#trouble('the cell can’t be observed, or the server can’t be told', error),
    ).start();
  }

  /**
   * One look, which isn't waited for: a slot that is being deployed answers only when that is done, and the deploy itself
   * may be waiting for a store that died meanwhile.
   */
  #look(cell: Cell): void {
    const look = cell
      .keep()
      .catch((error: unknown) => this.#trouble('the cell can’t be kept', error))
      .finally(() => this.#looks.delete(look));
    this.#looks.add(look);
  }

  #trouble(what: string, error: unknown): void {
    const why = (error as Error).message;
    const last = this.#said.get(what);
    if (last !== undefined && performance.now() - last < SAY_AGAIN_MS) return;
    this.#said.set(what, performance.now());
    this.#log.warn({ why }, what);
  }
}

import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { CellState, Digest, ReleaseRef } from '@headgate/domain';
import type { Baselines } from '../artifacts/baselines.ts';
import type { PinnedEnvironment } from '../checks/facts.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Logger } from '../log.ts';
import type { Telling } from './account.ts';
import type { Cell } from './cell.ts';

/** An unchanged observation is said again after this, so that the server knows that somebody still looks. Milliseconds. */
const SAY_AGAIN_MS = 60_000;

/** For how long after a step every look is told, changed or not. Milliseconds. */
const INSIST_MS = 30_000;

export interface ObserverParts {
  readonly plane: Pick<ControlPlane, 'observe' | 'tell' | 'putBlob'>;
  /** What is told of the cell when the server asks for it, after a restore. */
  account(cell: Cell): Promise<Telling>;
  /** What this agent holds the plans of the cell's environment to. */
  readonly pinned: PinnedEnvironment | undefined;
  readonly baselines: Baselines;
  readonly log: Logger;
}

/** Looks at a cell and tells the server what it sees, when that changed. */
export class Observer {
  readonly #cell: Cell;
  readonly #parts: ObserverParts;
  #said: { readonly digest: Digest; readonly at: number } | undefined;
  readonly #uploaded = new Set<Digest>();
  #insistUntil = 0;
  #seen: CellState | undefined;

  constructor(cell: Cell, parts: ObserverParts) {
    this.#cell = cell;
    this.#parts = parts;
  }

  /** What was seen last, told or not; undefined: nothing yet. */
  get seen(): CellState | undefined {
    return this.#seen;
  }

  /** One look. Throws when the cell can't be seen, or the server can't be told. */
  async look(): Promise<void> {
    const { plane, baselines, pinned, log } = this.#parts;
    const { state, manifests } = await this.#cell.observe();
    this.#seen = state;
    const running = runningReleases(state);
    await baselines.record(state.cell, running, new Date());
    const digest = digestOfJson(state);
    const said = this.#said;
    const now = performance.now();
    if (said?.digest === digest && now - said.at < SAY_AGAIN_MS && now >= this.#insistUntil) return;
    // What an adoption will ask for: the manifest whose digest the slot names.
    for (const manifest of manifests) {
      const own = digestOfJson(manifest);
      if (manifest.origin !== 'adopted' || this.#uploaded.has(own) || !running.some((r) => r.digest === own)) continue;
      await plane.putBlob(canonicalBytes(manifest));
      this.#uploaded.add(own);
    }
    const { unread } = await plane.observe(state, pinned);
    if (said?.digest !== digest)
      log.info({ cell: state.cell, slots: state.slots, stores: state.stores }, 'cell observed');
    this.#said = { digest, at: performance.now() };
    if (unread) await this.#tell();
  }

  /** The server was restored from a backup and doesn't know what was done here: it is told, now and until it has understood. */
  async #tell(): Promise<void> {
    const { plane, log } = this.#parts;
    this.insist();
    const telling = await this.#parts.account(this.#cell);
    if (!telling.ok) {
      const { why, unblock } = telling;
      return log.warn({ why, unblock }, 'the server was restored, and asks what was done here; nothing is told yet');
    }
    const { asked } = await plane.tell(telling.account);
    if (asked) log.warn('the server was restored, and a person is asked about this cell: headgate recovery');
    else log.info({ plans: telling.account.plans }, 'the server was restored, and was told what was done here');
  }

  /** After a step every look is told for a while: the server may wait for one to learn what became of the cell. */
  insist(): void {
    this.#insistUntil = performance.now() + INSIST_MS;
  }
}

function runningReleases(state: CellState): readonly ReleaseRef[] {
  const all = Object.values(state.slots).flatMap((slot) => (slot.release === undefined ? [] : [slot.release]));
  return [...new Map(all.map((ref) => [ref.digest, ref])).values()];
}

/**
 * Compares the data that is being moved in each cell, and tells the server how it stands: while nothing runs there but what
 * writes both places, and no step of a promotion is at work. A step that begins ends a comparison, which holds locks that a
 * migration would wait for.
 */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { type CellMove, movesOf } from '@headgate/adapters/execution/moved/cell-moves';
import type { ComparedPlaces } from '@headgate/adapters/execution/moved/compare-places';
import { type CellState, movedDifferenceText, type PlacesCompared, type ToldMove } from '@headgate/domain';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import type { KeptMove, MovedFile } from './moved-file.ts';

export interface MovedRoundsParts {
  readonly cells: readonly AnyCellConfig[];
  /** Between two words to the server. Milliseconds. */
  readonly everyMs: number;
  readonly file: MovedFile;
  readonly plane: Pick<ControlPlane, 'tellMoves'>;
  readonly log: Logger;
  /** The cell as it was seen last. */
  seen(cell: string): CellState | undefined;
  /** Whether a step is at work there. */
  busy(cell: string): boolean;
}

/** What came to nothing is tried again so soon. Milliseconds. */
const AGAIN_MS = 30_000;
/** The server takes no more versions than this. */
const MOST_VERSIONS = 50;

/** A round for each cell that has any, at its own pace. */
export class MovedRounds {
  readonly #rounds: ReadonlyMap<string, CellRound>;

  constructor(parts: MovedRoundsParts) {
    this.#rounds = new Map(parts.cells.map((config) => [config.cell, new CellRound(config, parts)]));
  }

  start(): void {
    for (const round of this.#rounds.values()) round.every.start();
  }

  /** A step begins in the cell: settles once nothing is compared there. */
  async yields(cell: string): Promise<void> {
    await this.#rounds.get(cell)?.yields();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#rounds.values()].map((round) => round.stop()));
  }
}

interface Standing {
  /** The comparison of this process that is the last: when it was begun, by the monotonic clock. */
  begunAt?: number;
  triedAt?: number;
  why?: string;
}

class CellRound {
  readonly every: Every;
  readonly #cell: string;
  readonly #moves: readonly CellMove[];
  readonly #parts: MovedRoundsParts;
  readonly #standing = new Map<string, Standing>();
  #runs = '';
  /** When what runs was seen to change, by the monotonic clock. */
  #changedAt = 0;
  #comparing: { readonly end: AbortController; readonly done: Promise<void> } | undefined;
  #toldOfNone = false;
  #trouble: string | undefined;

  constructor(config: AnyCellConfig, parts: MovedRoundsParts) {
    this.#parts = parts;
    this.#cell = config.cell;
    this.#moves = movesOf(config);
    for (const { name } of this.#moves) this.#standing.set(name, {});
    this.every = new Every(
      parts.everyMs,
      () => this.#round(),
      (error) => this.#failed(error as Error),
    );
  }

  async yields(): Promise<void> {
    this.#comparing?.end.abort(new Error('a step of a promotion begins'));
    await this.#comparing?.done;
  }

  async stop(): Promise<void> {
    this.#comparing?.end.abort(new Error('the agent stops'));
    await this.every.stop();
    await this.#comparing?.done;
  }

  async #round(): Promise<void> {
    const { plane, seen, busy } = this.#parts;
    // Once, so that nobody goes by what was told when there still were some.
    if (this.#moves.length === 0 && this.#toldOfNone) return;
    const state = seen(this.#cell);
    if (state === undefined) return;
    const versions = this.#look(state);
    for (const move of this.#moves) {
      const writes = versions.length > 0 && versions.every((each) => move.move.writtenBy.includes(each));
      await this.#remember(move, versions, writes);
      if (writes && this.#comparing === undefined && !busy(this.#cell) && this.#isDue(move))
        this.#compare(move, versions);
    }
    await plane.tellMoves(
      this.#cell,
      this.#moves.map((move) => this.#told(move, versions)),
    );
    this.#toldOfNone = true;
    this.#trouble = undefined;
  }

  /** What runs, by version; that it changed is seen by the releases' digests. */
  #look({ slots }: CellState): readonly string[] {
    const releases = Object.values(slots).flatMap(({ release }) => release ?? []);
    const runs = [...new Set(releases.map(({ digest }) => digest))].sort().join(' ');
    if (runs !== this.#runs) {
      this.#runs = runs;
      this.#changedAt = performance.now();
      this.#comparing?.end.abort(new Error('what runs changed'));
    }
    return [...new Set(releases.map(({ version }) => version))].sort();
  }

  #isDue({ name, move }: CellMove): boolean {
    const { begunAt, triedAt } = this.#standing.get(name)!;
    const now = performance.now();
    const again = Math.min(AGAIN_MS, move.everyMs);
    if (triedAt !== undefined && triedAt > this.#changedAt && now - triedAt < again) return false;
    return begunAt === undefined || begunAt <= this.#changedAt || now - begunAt >= move.everyMs;
  }

  /** From the first version on that doesn't write both places, every one that is seen, until both were compared anew. */
  async #remember(move: CellMove, versions: readonly string[], writes: boolean): Promise<void> {
    const kept = this.#kept(move);
    if (kept?.last === undefined || (writes && kept.left === undefined)) return;
    const { declared, last, left = { at: Date.now(), versions: [] } } = kept;
    const known = [...new Set([...left.versions, ...versions])];
    if (kept.left !== undefined && known.length === left.versions.length) return;
    await this.#parts.file.keep(this.#cell, move.name, { declared, last, left: { at: left.at, versions: known } });
  }

  #compare(move: CellMove, versions: readonly string[]): void {
    const end = new AbortController();
    const standing = this.#standing.get(move.name)!;
    const begunAt = performance.now();
    const at = Date.now();
    standing.triedAt = begunAt;
    const work = async (): Promise<void> => {
      const found = await move.compare(end.signal);
      end.signal.throwIfAborted();
      await this.#keep(move, { at, versions }, found);
      standing.begunAt = begunAt;
      standing.why = undefined as never;
    };
    const done = work()
      .catch((error: Error) => {
        // That it was ended is nobody's trouble: it is begun again.
        if (end.signal.aborted) standing.triedAt = undefined as never;
        else this.#couldNot(move, standing, error);
      })
      .finally(() => {
        this.#comparing = undefined;
        this.every.nudge();
      });
    this.#comparing = { end, done };
  }

  async #keep(
    { name, store, declared }: CellMove,
    { at, versions }: { readonly at: number; readonly versions: readonly string[] },
    { keys, statements, tookMs, ...found }: ComparedPlaces,
  ): Promise<void> {
    await this.#parts.file.keep(this.#cell, name, { declared, last: { at, tookMs, versions, found } });
    const difference = movedDifferenceText(found);
    const { rows, differences } = found;
    // Which rows stays unsaid: a log goes to places that customers' data may not go to.
    const facts = { cell: this.#cell, store, move: name, rows, differences, tookMs, statements };
    if (difference === '') this.#parts.log.info(facts, 'both places of moved data agree');
    else this.#parts.log.warn({ ...facts, named: keys.length }, 'both places of moved data differ');
  }

  #couldNot({ name, store }: CellMove, standing: Standing, error: Error): void {
    const why = error.message.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 300) || 'it isn’t known why';
    if (standing.why !== why)
      this.#parts.log.warn({ cell: this.#cell, store, move: name, why }, 'both places of moved data can’t be compared');
    standing.why = why;
  }

  #kept({ name, declared }: CellMove): KeptMove | undefined {
    return this.#parts.file.of(this.#cell, name, declared);
  }

  #told(cellMove: CellMove, runs: readonly string[]): ToldMove {
    const { store, name, move } = cellMove;
    const { writtenBy, readBy, removedBy } = move;
    const { begunAt, why } = this.#standing.get(name)!;
    const { last, left } = this.#kept(cellMove) ?? {};
    const now = Date.now();
    const ageMs = (at: number): number => Math.max(0, now - at);
    return {
      ...{ store, name, writtenBy, readBy, removedBy, runs },
      ...(last !== undefined && {
        last: {
          ...(last.found as PlacesCompared),
          ageMs: begunAt === undefined ? ageMs(last.at) : Math.round(performance.now() - begunAt),
          tookMs: last.tookMs,
          versions: last.versions,
          current: begunAt !== undefined && begunAt > this.#changedAt,
        },
        ...(left !== undefined && {
          left: { ageMs: ageMs(left.at), gapMs: left.at - last.at, versions: toldVersions(left.versions, move) },
        }),
      }),
      ...(why !== undefined && { why }),
    };
  }

  #failed({ message }: Error): void {
    if (this.#moves.length > 0 && message !== this.#trouble)
      this.#parts.log.warn({ cell: this.#cell, why: message }, 'the server can’t be told of moved data');
    this.#trouble = message;
  }
}

/** Those first that the gate stops at: which neither write both places nor read the new one. */
function toldVersions(versions: readonly string[], { writtenBy, readBy }: CellMove['move']): readonly string[] {
  const known = (each: string): boolean => writtenBy.includes(each) || readBy.includes(each);
  return [...versions.filter((each) => !known(each)), ...versions.filter(known)].slice(0, MOST_VERSIONS);
}

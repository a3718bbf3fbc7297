/** What one statement does, as plain data: written by the statements' families, judged in `judge/`. */
import type { MigrationPhase } from '@headgate/domain/model/release';
import type { TableState } from '../catalogue/table-state.ts';
import { type LockMode, stronger } from './lock-modes.ts';

export interface LockTaken {
  /** `schema.name`. */
  readonly relation: string;
  readonly mode: LockMode;
  /** Made in the same file: nobody else knows it yet, so nobody waits. */
  readonly fresh: boolean;
  /** Nobody waits for it, whatever its mode: nobody does to the relation what it keeps out. */
  readonly unfelt?: true;
}

/** A statement does several things: each belongs to one part of it, and so does the way around what that part does. */
interface InPart {
  /** Counted in the order of the text, from 0. */
  readonly part: number;
}

/**
 * Work that grows with a table. `rewrite`: a new copy of table and indexes. `scan`: every row is read. `index-build`: every
 * row is read and an index written. `write`: rows are changed. `read`: a query.
 */
export type WorkKind = 'rewrite' | 'scan' | 'index-build' | 'write' | 'read';

export interface Work extends InPart {
  readonly kind: WorkKind;
  readonly relation: string;
  /** As far as the catalogue knows; null: not known. */
  readonly rows: number | null;
  /** Bytes to be read, or written again; null: not known. */
  readonly bytes: number | null;
  /** What of the statement makes it. */
  readonly why: string;
  /** The relation has no locks that others would wait for, by whichever way: it was made in the same file. */
  readonly fresh: boolean;
  /** Only a part of the rows, by a condition whose share isn't known. */
  readonly partly: boolean;
}

/** How to get there without the harm. */
export interface SafeWay {
  readonly words: string;
  /** The steps as SQL, where they can be derived. Each runs as a transaction of its own unless the words say else. */
  readonly sql: readonly string[];
}

/**
 * What a safe way spares. `lock`: others wait for a lock while there is work. `queue`: others queue behind who waits for a
 * lock. `write`: rows stay locked. `loss`: data is gone. `break`: running code suffers. `fails`: the statement does, or does
 * nothing. `held`: a lock is taken and kept by itself.
 */
export type Harm = 'lock' | 'queue' | 'write' | 'loss' | 'break' | 'fails' | 'held';

/** A way around some of what one part of a statement does, and around nothing else. */
export interface PartsWay extends SafeWay, InPart {
  readonly spares: readonly Harm[];
}

/** Data that is gone afterwards. */
export interface Loss extends InPart {
  readonly what: string;
}

/** Something that code which still runs on the old schema can't do any more, or not as before. */
export interface Break extends InPart {
  /** `possible`: whether it happens depends on what that code does, or on the data. */
  readonly certainty: 'certain' | 'possible';
  readonly what: string;
  /** The relation, column, type or function that is taken away: what the order across releases looks at. */
  readonly removes: string | undefined;
}

/** How it is taken back. `until-written`: without loss only as long as the new code has written nothing into it. */
export type Undo = 'yes' | 'until-written' | 'never';

/** Something that a rule says beyond locks, work and breaks. */
export interface Remark extends InPart {
  readonly rule: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly what: string;
}

/** What running code sets off from now on, without knowing of it. */
export interface Later extends InPart {
  /** The function that runs. */
  readonly runs: string;
  /** For what is written to it. */
  readonly relation: string;
  readonly effects: Effects;
}

export interface Effects {
  readonly locks: readonly LockTaken[];
  readonly work: readonly Work[];
  readonly breaks: readonly Break[];
  readonly destroys: readonly Loss[];
  readonly undo: Undo;
  readonly phase: MigrationPhase;
  /** Why it can't run in a transaction block; absent: it can. */
  readonly noTransaction?: string;
  /** What can't be known of it. Never empty-handed: each is an error. */
  readonly notKnown: readonly string[];
  readonly remarks: readonly Remark[];
  readonly safeWays: readonly PartsWay[];
  /** Of a trigger that it makes. */
  readonly later?: readonly Later[];
}

/** Collects the effects of one statement. */
export class Recorder {
  readonly #locks = new Map<string, LockTaken>();
  readonly #work: Work[] = [];
  readonly #breaks: Break[] = [];
  readonly #destroys: Loss[] = [];
  readonly #notKnown = new Set<string>();
  readonly #remarks: Remark[] = [];
  readonly #safeWays: PartsWay[] = [];
  /** Parts and words of the safe ways. */
  readonly #said = new Set<string>();
  readonly #later: Later[] = [];
  readonly #first = new Set<string>();
  #undo: Undo = 'yes';
  #phase: MigrationPhase = 'expand';
  #noTransaction: string | undefined;
  #part = 0;
  #parts = 0;

  /** What this writes down is a part of its own; what comes after it belongs to the part before again. */
  within<T>(work: () => T): T {
    const before = this.#part;
    this.#parts += 1;
    this.#part = this.#parts;
    try {
      return work();
    } finally {
      this.#part = before;
    }
  }

  /** Whether something of this key is read for the first time: what it does is written down then. */
  isFirst(key: string): boolean {
    const before = this.#first.size;
    return this.#first.add(key).size > before;
  }

  lock(table: TableState, mode: LockMode, unfelt = false): void {
    const relation = table.key;
    const held = this.#locks.get(relation);
    const silent = unfelt && (held === undefined || held.unfelt === true);
    this.#locks.set(relation, {
      ...{ relation, mode: stronger(mode, held?.mode), fresh: table.fresh },
      ...(silent ? { unfelt: true as const } : {}),
    });
  }

  /** A partitioned table has nothing to work on itself: its partitions do. */
  work(kind: WorkKind, table: TableState, why: string, more: { readonly partly?: boolean } = {}): void {
    if (table.kind === 'partitioned' || table.kind === 'view' || table.kind === 'sequence') return;
    const relation = table.key;
    const { rows, fresh } = table;
    const bytes = table.bytes === null ? null : table.bytes + (kind === 'rewrite' ? (table.indexBytes ?? 0) : 0);
    this.#work.push({ kind, relation, rows, bytes, why, fresh, partly: more.partly === true, part: this.#part });
  }

  /** What the old code of a table that was just made could break, nobody runs. */
  breaks(certainty: Break['certainty'], what: string, removes?: string): void {
    this.#breaks.push({ certainty, what, removes, part: this.#part });
    if (certainty === 'certain') this.phase('contract');
  }

  destroys(what: string): void {
    this.#destroys.push({ what, part: this.#part });
    this.undo('never');
    this.phase('contract');
  }

  undo(undo: Undo): void {
    const order: readonly Undo[] = ['yes', 'until-written', 'never'];
    if (order.indexOf(undo) > order.indexOf(this.#undo)) this.#undo = undo;
  }

  phase(phase: MigrationPhase): void {
    const order: readonly MigrationPhase[] = ['expand', 'data', 'contract'];
    if (order.indexOf(phase) > order.indexOf(this.#phase)) this.#phase = phase;
  }

  /** Why it can't run in a transaction block, as far as it was written down. */
  get alone(): string | undefined {
    return this.#noTransaction;
  }

  outsideTransaction(why: string): void {
    this.#noTransaction ??= why;
  }

  notKnown(why: string): void {
    this.#notKnown.add(why);
  }

  remark(rule: string, level: Remark['level'], what: string): void {
    this.#remarks.push({ rule, level, what, part: this.#part });
  }

  /** A way around what the part at hand does. */
  safely(spares: Harm | readonly Harm[], words: string, ...sql: readonly string[]): void {
    const part = this.#part;
    const key = `${part} ${words}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#safeWays.push({ words, sql, spares: typeof spares === 'string' ? [spares] : spares, part });
  }

  later(later: Omit<Later, 'part'>): void {
    this.#later.push({ ...later, part: this.#part });
  }

  /** Everything together. What a rewrite does anyway isn't told beside it. */
  effects(): Effects {
    const rewritten = new Set(this.#work.filter(({ kind }) => kind === 'rewrite').map(({ relation }) => relation));
    const once = new Set<string>();
    const work = this.#work.filter(({ kind, relation, why }) => {
      if (rewritten.has(relation) && (kind === 'scan' || kind === 'index-build')) return false;
      const key = `${kind} ${relation} ${why}`;
      return once.has(key) ? false : once.add(key);
    });
    return {
      locks: [...this.#locks.values()],
      work,
      breaks: this.#breaks,
      destroys: this.#destroys,
      undo: this.#undo,
      phase: this.#phase,
      ...(this.#noTransaction === undefined ? {} : { noTransaction: this.#noTransaction }),
      notKnown: [...this.#notKnown],
      remarks: this.#remarks,
      safeWays: this.#safeWays,
      ...(this.#later.length === 0 ? {} : { later: this.#later }),
    };
  }
}

import type { MigrationPhase } from '@headgate/domain/model/release';
import type { Effects, SafeWay, Undo } from '../effects/effects.ts';
import type { LockMode } from '../effects/lock-modes.ts';
import type { Place } from '../parse/places.ts';
import type { Duration } from './rates.ts';
import type { Rule } from './rules.ts';

/** `error`: dangerous there. `warning`: may harm; somebody who knows the code decides. `note`: to be known. */
export type Level = 'error' | 'warning' | 'note';

/** One thing that is said about one statement. */
export interface Finding {
  readonly rule: Rule;
  readonly level: Level;
  readonly message: string;
  readonly file: string;
  readonly at: Place;
  readonly end: Place;
  /** Its number in the file, from 0. */
  readonly statement: number;
  /** `schema.name` of what others wait for. */
  readonly relation?: string;
  readonly lock?: LockMode;
  /** How long others wait; null: not known. */
  readonly stall?: Duration | null;
  readonly safeWays: readonly SafeWay[];
}

export interface StatementReport {
  readonly at: Place;
  readonly end: Place;
  readonly text: string;
  /** Absent: it doesn't parse. */
  readonly effects?: Effects;
  readonly findings: readonly Finding[];
}

export interface FileReport {
  readonly file: string;
  readonly statements: readonly StatementReport[];
  /** The furthest of its statements. */
  readonly phase: MigrationPhase;
  readonly undo: Undo;
  /** It is run outside of a transaction. */
  readonly alone: boolean;
}

export interface Report {
  readonly files: readonly FileReport[];
  /** All of them, in the order of files and statements. */
  readonly findings: readonly Finding[];
  /** Whether any finding is an error. */
  readonly dangerous: boolean;
}

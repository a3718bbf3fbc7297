/**
 * What a pass under load stands on. A cell of processes gives it (cell-trial.ts); a cell of another kind that migrates and
 * serves in its own way brings its own.
 */
import type { ReleaseRef } from '@headgate/domain';
import type { Answer } from '@headgate/execution';
import type pg from 'pg';
import type { Store } from '../../store/store-session.ts';

/** Carries migrations out as a step of a promotion does: the same runner, one at a time. */
export interface StepRunner {
  /** The login that a migration works by: its sessions are the ones that are ended. */
  readonly login: string;
  /** The file of that number (from 0), or a text in its place. Refuses and throws as it does in a promotion. */
  up(file: number, text?: string): Promise<Answer<{ readonly version: number }>>;
  /** Ends the application's own program, with whatever it started; absent: SQL migrates. */
  readonly kill?: () => Promise<void>;
}

/** One business transaction of one tenant, as the application answered it. */
export interface Carried {
  readonly tenant: string;
  readonly ok: boolean;
  readonly check?: string;
  readonly why?: string;
}

/** The version that serves, at work on a trial. */
export interface Serving {
  /** The nth one; whose it is, and what it writes, goes round. Doesn't throw. */
  carry(nth: number, signal: AbortSignal): Promise<Carried>;
  /** A session with the application's rights, for who reads and writes tables beside it. */
  readonly connection: pg.ClientConfig;
}

/** The version that serves doesn't come up, for the reason that its message says. */
export class NotServing extends Error {}

/** A copy whose schema is where the migrations begin. It is used up by them. */
export interface Trial {
  readonly store: Store;
  readonly old: ReleaseRef;
  migrating<T>(work: (runner: StepRunner) => Promise<T>): Promise<T>;
  /** Throws NotServing when it doesn't come up. `failed`: whether something went wrong that its own output may explain. */
  serving<T>(work: (serving: Serving) => Promise<T>, failed: (result: T) => boolean): Promise<T>;
  /** Another one, as this is now. Nobody may work with it meanwhile. */
  again(): Promise<Trial>;
  remove(): Promise<void>;
}

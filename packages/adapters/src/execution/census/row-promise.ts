/**
 * What a copy of a running cluster's files will hold, known without reading the copy: its moment is the end of the backup, and
 * no snapshot can be taken at exactly that place in the WAL. So one is taken just before and one just after. What is the same
 * in both is promised as it is; a table that somebody wrote to in between is promised as either.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Census, censusBetween } from '@headgate/domain';
import type pg from 'pg';
import { holdMoment, type Moment } from './count-rows.ts';

/**
 * A transaction whose commit is in the WAL already may be seen as open until it is on the disk: whoever looks again waits for
 * so long, so that the second look sees it as over. Milliseconds.
 */
const COMMIT_MS = 50;

export class RowPromise {
  readonly #connection: pg.ClientConfig | undefined;
  #before: Moment | undefined;
  #after: Moment | undefined;

  /** `undefined`: nothing is promised, and nothing is asked. */
  constructor(connection: pg.ClientConfig | undefined) {
    this.#connection = connection;
  }

  /** Right before the backup ends. */
  async before(): Promise<void> {
    if (this.#connection !== undefined) this.#before = await holdMoment(this.#connection);
  }

  /** Right after. */
  async after(): Promise<void> {
    if (this.#connection === undefined) return;
    await pause(COMMIT_MS);
    this.#after = await holdMoment(this.#connection);
  }

  /** Counts: once where nobody wrote in between, else twice. */
  async count(signal: AbortSignal): Promise<Census | undefined> {
    const [before, after] = [this.#before, this.#after];
    if (before === undefined || after === undefined) return undefined;
    const now = await after.count('physical', signal);
    return before.sees === after.sees ? now : censusBetween(await before.count('physical', signal), now);
  }

  async close(): Promise<void> {
    await Promise.all([this.#before?.close(), this.#after?.close()]);
  }
}

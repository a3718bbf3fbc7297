/**
 * Interrupts one call of Odoo's upgrade at a chosen moment, as a promotion's is: its process is killed, a report of the
 * customer's own keeps it waiting until its time is over, or who would write down that it is done is gone.
 */
import type { PlannedInterruption } from '@headgate/domain/rehearsal/interruptions';
import type { Answer } from '@headgate/execution';
import type pg from 'pg';
import type { StepCall } from '../../../rehearsal/under-load/chain.ts';
import {
  called,
  type Find,
  hold,
  type Login,
  modeFor,
  placeText,
  sessionOf,
  THEIRS,
  terminate,
  theirs,
  waitingFor,
  withHolder,
} from '../../../rehearsal/under-load/interrupt.ts';

/** The upgrade of one document, and how it is reached from outside. */
export interface UpgradeToInterrupt {
  /** Runs it as a step of a promotion does. `over` ends its time. */
  up(over?: AbortSignal): Promise<Answer<unknown>>;
  /** Ends Odoo's process, with whatever it started. */
  kill(): Promise<void>;
  /** Its database sessions. */
  readonly who: Login;
  /** A superuser in the copy's database, and in the one with what is remembered of it. */
  readonly control: pg.ClientConfig;
  readonly records: pg.ClientConfig;
  /** A login of the customer's own in the copy's database. */
  readonly beside: pg.ClientConfig;
  /** The strongest mode in which it was seen to lock each relation, undisturbed. */
  readonly locked: ReadonlyMap<string, string>;
}

/** How often it is looked whether it is there. Milliseconds. */
const LOOK_MS = 3;
/** It waits for a report for so long before its time is over: who holds it up is looked at twice a second. Milliseconds. */
const WAITS_MS = 1_500;

/** Calls it, and interrupts that. Unless it is planned to be recorded (`after`), it never is: whoever would is ended. */
export async function interruptUpgrade(
  planned: PlannedInterruption,
  upgrade: UpgradeToInterrupt,
): Promise<Required<StepCall>> {
  const at = placeText(planned, { how: 'program' });
  if (planned.moment === 'after') {
    const end = await called(() => upgrade.up());
    return { at, done: 'ok' in end && end.ok, missed: false, end };
  }
  return withHolder(upgrade.records, async (recordsHolder, recordsLooker) => {
    await recordsHolder.query('begin; lock table headgate.upgraded in share row exclusive mode');
    const recording = await waitingFor(recordsHolder);
    // A report is the customer's; what it is killed at is held by us.
    const holds = planned.moment === 'lock' ? upgrade.beside : upgrade.control;
    return withHolder(holds, (holder) =>
      withHolder(upgrade.control, async (_, looker) => {
        const over = new AbortController();
        const { find, hit } = await ending(planned, upgrade, { holder, looker, over });
        let ended = false;
        let done = false;
        let missed = false;
        const calling = called(() => upgrade.up(over.signal)).finally(() => {
          ended = true;
        });
        while (!ended) {
          const recorder = await recording(recordsLooker);
          if (recorder !== undefined) {
            await terminate(recordsLooker, recorder);
            if (planned.moment === 'unrecorded') done = true;
            else missed = !done;
            break;
          }
          const pid = done ? undefined : await find(looker);
          if (pid !== undefined && !ended) {
            done = true;
            await hit(pid);
          }
          await new Promise((next) => setTimeout(next, LOOK_MS));
        }
        const end = await calling;
        return { at, done, missed, end };
      }),
    );
  });
}

interface Ending {
  /** The session at whose moment it is to be ended. */
  readonly find: Find;
  /** Ends it. */
  hit(pid: number): Promise<void>;
}

async function ending(
  planned: PlannedInterruption,
  upgrade: UpgradeToInterrupt,
  { holder, looker, over }: { readonly holder: pg.Client; readonly looker: pg.Client; readonly over: AbortController },
): Promise<Ending> {
  const { who, locked } = upgrade;
  const kill = (): Promise<void> => upgrade.kill();
  if (planned.moment === 'unrecorded') return { find: async () => undefined, hit: kill };
  if (planned.commit !== undefined) {
    const commits = new Commits(who);
    const { commit } = planned;
    return {
      find: async () => ((await commits.look(looker)) >= commit ? commits.last : undefined),
      // Its session first: a process takes a while to be found, and would go on.
      async hit(pid) {
        await terminate(looker, pid);
        await kill();
      },
    };
  }
  if (planned.relation === undefined || planned.moment === 'before') return { find: sessionOf(who, 0), hit: kill };
  if (!(await hold(holder, planned.relation, modeFor(planned, { how: 'program', locked }))))
    return { find: async () => undefined, hit: kill };
  const find = await waitingBehind(who, holder);
  if (planned.moment !== 'lock') return { find, hit: kill };
  return {
    find,
    async hit() {
      await new Promise((waited) => setTimeout(waited, WAITS_MS));
      over.abort();
    },
  };
}

/** A session of theirs that waits for what the holder holds. */
async function waitingBehind(who: Login, holder: pg.Client): Promise<Find> {
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
  const own = rows[0]?.pid;
  return async (looker) => {
    const { rows: waiting } = await looker.query<{ pid: number }>(
      `select pid from pg_stat_activity where ${THEIRS} and wait_event_type = 'Lock' and $3 = any(pg_blocking_pids(pid))`,
      [...theirs(who), own],
    );
    return waiting[0]?.pid;
  };
}

/** Counts transactions that wrote and ended in the sessions of a login, as they are seen from another one. */
export class Commits {
  readonly #who: Login;
  readonly #writing = new Map<number, string>();
  #ended = 0;
  /** The session that ended the last one. */
  last: number | undefined;

  constructor(who: Login) {
    this.#who = who;
  }

  /** How many so far. It has to be asked every few milliseconds. */
  async look(looker: pg.ClientBase): Promise<number> {
    const { rows } = await looker.query<{ pid: number; xid: string | null }>(
      `select pid, backend_xid::text as xid from pg_stat_activity where ${THEIRS}`,
      [...theirs(this.#who)],
    );
    for (const { pid, xid } of rows) {
      const was = this.#writing.get(pid);
      if (was !== undefined && was !== xid) {
        this.#ended++;
        this.last = pid;
      }
      if (xid === null) this.#writing.delete(pid);
      else this.#writing.set(pid, xid);
    }
    return this.#ended;
  }

  /** Counts while `work` is done. */
  async during<T>(
    control: pg.ClientConfig,
    work: () => Promise<T>,
  ): Promise<{ readonly value: T; readonly n: number }> {
    return withHolder(control, async (_, looker) => {
      let over = false;
      const working = work().finally(() => {
        over = true;
      });
      // Whoever waits for it hears of it.
      working.catch(() => {});
      while (!over) {
        await this.look(looker);
        await new Promise((next) => setTimeout(next, LOOK_MS));
      }
      return { value: await working, n: this.#ended };
    });
  }
}

/**
 * Interrupts one call of a migration's runner at a chosen moment, as a promotion is interrupted: its session or its program is
 * ended, what it needs is held by somebody else, or who would write down that it is done is gone.
 */
import type { PlannedInterruption } from '@headgate/domain/rehearsal/interruptions';
import { othersWait } from '@headgate/domain/rehearsal/trace';
import type { Answer } from '@headgate/execution';
import { statementsOf } from '@headgate/migrations/parse/statements';
import pg from 'pg';
import type { Watched } from '../lock-watch.ts';
import type { StepRunner } from './ground.ts';

export interface InterruptedFile {
  readonly how: 'transaction' | 'alone' | 'program';
  readonly text: string;
  /** The strongest mode in which it was seen to lock each relation, undisturbed. */
  readonly locked: ReadonlyMap<string, string>;
  /** What it took undisturbed. Milliseconds. */
  readonly durationMs: number;
}

export interface InterruptAsk {
  readonly runner: StepRunner;
  readonly planned: PlannedInterruption;
  readonly file: InterruptedFile;
  /** A superuser of the copy. */
  readonly control: pg.ClientConfig;
  /** The call that nobody ends: it may commit. */
  readonly whole: () => Promise<CallEnd>;
}

/** How a call ended. */
export type CallEnd = Answer<unknown> | { readonly broke: string };

export interface Interrupted {
  /** Where, in words. */
  readonly at: string;
  /** False: nothing could be interrupted there. */
  readonly done: boolean;
  readonly end: CallEnd;
}

/** How often it is looked whether it is there. Milliseconds. */
const LOOK_MS = 3;
/** Whoever keeps a migration waiting lets go after so long. Milliseconds. */
const MOST_HELD_MS = 20_000;
/** The lock at which a transaction waits to be ended: a number that nobody else has. */
const GATE = [0x6864_6774, 0x6c6f_6164] as const;

/** Calls the runner for a file, and interrupts that. */
export async function interrupt(ask: InterruptAsk): Promise<Interrupted> {
  const { planned, file } = ask;
  const at = placeText(planned, file);
  const { moment } = planned;
  const call = (text?: string): Promise<CallEnd> => called(() => ask.runner.up(planned.file, text));
  const { kill } = ask.runner;
  if (moment === 'after') {
    const end = await ask.whole();
    return { at, done: 'ok' in end && end.ok, end };
  }
  return withHolder(ask.control, async (holder, looker) => {
    if (moment === 'lock' && planned.relation !== undefined) {
      const held = await hold(holder, planned.relation, modeFor(planned, file));
      // A program may be allowed to wait for ever.
      const letGo = setTimeout(() => void holder.query('rollback').catch(() => {}), MOST_HELD_MS);
      const end = await (held ? call() : ask.whole()).finally(() => clearTimeout(letGo));
      return { at, done: held && !('ok' in end && end.ok), end };
    }
    if (moment === 'unrecorded') {
      // Whoever reads goes on; who would record it waits, and is ended there.
      await holder.query('begin; lock table headgate.migration in share row exclusive mode');
      return endedWhere(at, call, looker, await waitingFor(holder), (pid) => terminate(looker, pid));
    }
    if (file.how === 'transaction') {
      await holder.query('select pg_advisory_lock($1, $2)', [...GATE]);
      const text = gated(file.text, moment === 'before' ? 0 : (planned.statement ?? 1));
      return endedWhere(
        at,
        () => call(text),
        looker,
        await waitingFor(holder),
        (pid) => terminate(looker, pid),
      );
    }
    const end = kill === undefined ? (pid: number) => terminate(looker, pid) : async () => kill();
    if (planned.relation !== undefined && !(file.how === 'program' && moment === 'before')) {
      const held = await hold(holder, planned.relation, modeFor(planned, file));
      if (held) return endedWhere(at, call, looker, waitingIn({ login: ask.runner.login }), end);
    }
    const wait = moment === 'within' ? (planned.share ?? 0.5) * file.durationMs : 0;
    return endedWhere(at, call, looker, sessionOf({ login: ask.runner.login }, wait), end);
  });
}

/** As a promotion's agent takes it: what throws broke off. */
export async function called(up: () => Promise<Answer<unknown>>): Promise<CallEnd> {
  try {
    return await up();
  } catch (error) {
    return { broke: (error as Error).message };
  }
}

/** Which session is to be ended now; undefined: none yet. */
export type Find = (looker: pg.Client) => Promise<number | undefined>;

/** Calls, looks until somebody is where they are to be ended, and ends them. */
async function endedWhere(
  at: string,
  call: () => Promise<CallEnd>,
  looker: pg.Client,
  find: Find,
  end: (pid: number) => Promise<void>,
): Promise<Interrupted> {
  let over = false;
  let done = false;
  const calling = call().finally(() => {
    over = true;
  });
  while (!over) {
    const pid = await find(looker);
    if (pid !== undefined && !over) {
      await end(pid);
      done = true;
      break;
    }
    await new Promise((next) => setTimeout(next, LOOK_MS));
  }
  const ended = await calling;
  return { at, done: done && !('ok' in ended && ended.ok), end: ended };
}

/** Who waits for what the holder holds, other than those who only use the tables. */
export async function waitingFor(holder: pg.Client): Promise<Find> {
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
  const own = rows[0]?.pid;
  return async (looker) => {
    const { rows: waiting } = await looker.query<{ pid: number }>(
      `select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and $1 = any(pg_blocking_pids(pid))`,
      [own],
    );
    return waiting[0]?.pid;
  };
}

/** Sessions in this database of a login ($1), or of logins whose names begin so ($2). */
export const THEIRS = '(usename = $1 or left(usename::text, length($2::text)) = $2) and datname = current_database()';

/** Whose sessions are ended. */
export type Login = Exclude<Watched, { readonly pid: number }>;

/** The values of {@link THEIRS}. */
export function theirs(who: Login): readonly [string | null, string | null] {
  return 'login' in who ? [who.login, null] : [null, who.loginsFrom];
}

/** A session of the migrations' login that waits for somebody's lock. */
export function waitingIn(who: Login): Find {
  return async (looker) => {
    const { rows } = await looker.query<{ pid: number }>(
      `select pid from pg_stat_activity where ${THEIRS} and wait_event_type = 'Lock'`,
      [...theirs(who)],
    );
    return rows[0]?.pid;
  };
}

/** A session of the migrations' login that has been there for so long. */
export function sessionOf(who: Login, forMs: number): Find {
  let since: number | undefined;
  return async (looker) => {
    const { rows } = await looker.query<{ pid: number }>(`select pid from pg_stat_activity where ${THEIRS}`, [
      ...theirs(who),
    ]);
    const [session] = rows;
    if (session === undefined) return undefined;
    since ??= performance.now();
    return performance.now() - since >= forMs ? session.pid : undefined;
  };
}

export async function terminate(looker: pg.Client, pid: number): Promise<void> {
  await looker.query('select pg_terminate_backend($1)', [pid]);
}

/** False: it is none that can be held (an index, or one that isn't there any more). */
export async function hold(holder: pg.Client, relation: string, mode: string): Promise<boolean> {
  await holder.query('begin');
  return holder.query(`lock table only ${relation} in ${mode} mode`).then(
    () => true,
    async () => {
      await holder.query('rollback');
      return false;
    },
  );
}

/** One that it waits for, and that keeps others from as little as can be. */
export function modeFor(
  { moment, relation = '' }: PlannedInterruption,
  { how, locked }: Pick<InterruptedFile, 'how' | 'locked'>,
): string {
  const mode = locked.get(relation) ?? '';
  if (how === 'alone' && moment === 'before') return 'share update exclusive';
  return how === 'alone' || othersWait({ mode }) ? 'row exclusive' : 'share';
}

/** The file's text with a wait in it, behind so many of its statements. */
export function gated(text: string, behind: number): string {
  const gate = `select pg_catalog.pg_advisory_xact_lock(${GATE[0]}, ${GATE[1]});`;
  const statements = statementsOf(text);
  const next = statements[behind];
  if (next === undefined) return `${text}\n;\n${gate}`;
  const bytes = Buffer.from(text);
  return `${bytes.subarray(0, next.at.offset)}${gate}\n${bytes.subarray(next.at.offset)}`;
}

export function placeText(
  { moment, statement, relation, commit, share }: PlannedInterruption,
  { how }: Pick<InterruptedFile, 'how'>,
): string {
  if (moment === 'before') return how === 'program' ? 'as its program began' : 'before its first statement';
  if (moment === 'lock') return `by somebody who holds ${relation} for longer than it waits`;
  if (moment === 'unrecorded') return 'when it was done and not recorded';
  if (moment === 'after') return 'when it was recorded, before anybody heard of it';
  if (statement !== undefined) return `after statement ${statement}, before its commit`;
  if (relation !== undefined) return `as it waited for ${relation}`;
  if (commit !== undefined) return commit === 1 ? 'as it had committed once' : `as it had committed ${commit} times`;
  return `after ${Math.round((share ?? 0.5) * 100)}% of its time`;
}

/** With two sessions of a superuser: one that holds, and one that looks and ends. What is held ends with it. */
export async function withHolder<T>(
  control: pg.ClientConfig,
  work: (holder: pg.Client, looker: pg.Client) => Promise<T>,
): Promise<T> {
  const clients = [0, 1].map(() => new pg.Client({ ...control, application_name: 'headgate rehearsal' }));
  const [holder, looker] = clients as [pg.Client, pg.Client];
  try {
    for (const client of clients) {
      client.on('error', () => {}); // what was under way is rejected, and tells
      await client.connect();
    }
    return await work(holder, looker);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
  }
}

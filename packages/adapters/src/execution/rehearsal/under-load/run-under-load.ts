/**
 * The migrations once more, as they will run: users work with the version that serves, and the runner is interrupted and called
 * again as a promotion would. The story in the order in which it happens:
 *
 *   quiet      on one trial, the old version alone: which tables sessions write, and what one transaction adds to each
 *   undisturbed the migrations on that trial, once nobody works: what the end has to look like
 *   under load on another one that was cloned in between: sessions go on while the migrations are interrupted, again and again
 *   compared   schema, and what no session wrote, with the undisturbed end; what sessions wrote by counting
 */
import type { Digest } from '@headgate/domain';
import type { Fingerprint } from '@headgate/domain/rehearsal/compare';
import type { PlannedInterruption } from '@headgate/domain/rehearsal/interruptions';
import type { UnderLoadFacts } from '@headgate/domain/rehearsal/under-load';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import { controlConnection } from '../../store/store-session.ts';
import { Canaries } from '../canaries.ts';
import { recordedVersion } from '../copy.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { type ChainRan, endText, named, runChain, type StepCall } from './chain.ts';
import { changedTables, compareEnds, type Learnt, type Reference } from './compare-ends.ts';
import { countRows, rowsIn, writingOf } from './count-rows.ts';
import { NotServing, type Serving, type StepRunner, type Trial } from './ground.ts';
import { type CallEnd, called, type InterruptedFile, interrupt } from './interrupt.ts';
import { pausing } from './pause.ts';
import { Sessions, type Stretch } from './sessions.ts';

/** How users work meanwhile, and how a promotion tries again. */
export interface Load {
  readonly sessions: number;
  /** Between the beginnings of two transactions of one session, at least. Milliseconds. */
  readonly everyMs: number;
  /** As a policy says: tries of a step in all, the first included. */
  readonly attempts: number;
  readonly seed: number;
}

export interface UnderLoadAsk extends Load {
  /** At the schema where the migrations begin. It is used up. */
  readonly trial: Trial;
  readonly files: readonly (InterruptedFile & {
    readonly name: string;
    readonly from: number;
    readonly to: number;
    readonly statements: number;
  })[];
  /** Before, and as the migrations leave it undisturbed where no session ever was. */
  readonly before: Fingerprint;
  readonly after: Fingerprint;
  readonly verification: { readonly name: string; readonly digest: Digest };
  /** Tables that are read and written meanwhile, and how many at most. */
  readonly tables: readonly string[];
  readonly mostTables: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface UnderLoadRan {
  readonly facts?: UnderLoadFacts;
  readonly missing: readonly string[];
}

/** Transactions of each session before the migrations begin, and once they have ended. */
const QUIET_EACH = 5;
const AFTER_EACH = 2;
/** And where what they write is learnt. */
const SOME_EACH = 2;
const CONNECTIONS = 2;

/** Runs it. Throws when it is interrupted by a person, or when the server is broken. */
export async function runUnderLoad(ask: UnderLoadAsk): Promise<UnderLoadRan> {
  const { trial, say, sessions } = ask;
  const none = (why: string): UnderLoadRan => ({ missing: [`nothing was run under load: ${why}`] });
  say('Under load: users alone …');
  const quiet = await learn(ask).catch(notServing);
  if ('why' in quiet) return none(quiet.why);
  const second = await trial.again();
  try {
    say('Under load: the migrations undisturbed …');
    const reference = await undisturbed(ask);
    if ('why' in reference) return none(`undisturbed, the runner said: ${reference.why}`);
    say(`Under load: ${sessions} sessions, and the migrations are interrupted …`);
    return await loaded(ask, second, quiet, reference);
  } finally {
    await second.remove();
  }
}

/** What sessions write, seen where nothing else happens. */
async function learn(ask: UnderLoadAsk): Promise<Learnt | { readonly why: string }> {
  const { trial, before, sessions, signal } = ask;
  const control = await controlConnection(trial.store);
  const all = before.tables.map(({ relation }) => relation);
  const ran = await trial.serving(
    async (serving) => {
      const zero = await countRows(control, all);
      const { tenant, ok, check, why } = await serving.carry(0, signal);
      signal.throwIfAborted();
      if (!ok) return { failed: `${tenant}: ${[check, why].filter(Boolean).join(': ')}` };
      const one = await countRows(control, all);
      const { transactions, failed, failures } = await someWork(ask, serving);
      if (failed > 0)
        return { failed: `${failed} of ${transactions} with ${sessions} sessions at once: ${failures[0]?.why}` };
      return { zero, one, transactions };
    },
    (result) => 'failed' in result,
  );
  if ('failed' in ran)
    return { why: `business transactions of ${trial.old.version} fail while nothing else happens: ${ran.failed}` };
  const end = await fingerprintOf(control, CONNECTIONS);
  const touched = changedTables(before, end);
  const many = { after: rowsIn(end), transactions: ran.transactions };
  return { end, touched, writing: writingOf(touched, [ran.zero, ran.one], many) };
}

/** What the migrations leave where nobody disturbs them; then what sessions write on that. */
async function undisturbed(ask: UnderLoadAsk): Promise<Reference | { readonly why: string }> {
  const { trial, files, signal } = ask;
  const why = await trial.migrating(async (runner) => {
    for (const i of files.keys()) {
      signal.throwIfAborted();
      const end = await called(() => runner.up(i));
      if (!('ok' in end) || !end.ok) return endText(end);
    }
    return undefined;
  });
  if (why !== undefined) return { why };
  const control = await controlConnection(trial.store);
  const fingerprint = await fingerprintOf(control, CONNECTIONS);
  // A trigger that the migrations bring may write for them what they didn't write before.
  const worked = await trial
    .serving(
      (serving) => someWork(ask, serving),
      () => false,
    )
    .catch(notServing);
  const later = await fingerprintOf(control, CONNECTIONS);
  return {
    fingerprint,
    touched: changedTables(fingerprint, later),
    added:
      'why' in worked || worked.failed > 0 ? undefined : { rows: rowsIn(later), transactions: worked.transactions },
  };
}

function notServing(error: unknown): { readonly why: string } {
  if (error instanceof NotServing) return { why: error.message };
  throw error;
}

async function someWork({ sessions, everyMs, signal }: UnderLoadAsk, serving: Serving): Promise<Stretch> {
  const users = new Sessions({ serving, sessions, everyMs, signal });
  users.start();
  await users.more(SOME_EACH).finally(() => users.stop());
  return users.take();
}

async function loaded(ask: UnderLoadAsk, trial: Trial, quiet: Learnt, reference: Reference): Promise<UnderLoadRan> {
  const { sessions, everyMs, attempts, seed, verification } = ask;
  const control = await controlConnection(trial.store);
  const deadlocks = await deadlocksOf(control);
  const ran = await trial.serving(
    async (serving) => {
      const begun = await countRows(control, quiet.writing.each.keys());
      return { begun, ...(await whileUsersWork(ask, trial, serving, control)) };
    },
    ({ during }) => during.failed > 0,
  );
  const { before, during, chain, stalls } = ran;
  const { failures, ...felt } = during;
  const { failures: _, ...quietly } = before;
  const ended = chain.stopped === undefined;
  const last = ended ? await fingerprintOf(control, CONNECTIONS) : undefined;
  const end = last && compareEnds({ before: ask.before, after: ask.after, quiet, reference, last, begun: ran.begun });
  const went = before.transactions - before.failed + during.transactions - during.failed;
  const { left, unpaused, ...rest } = chain;
  const beside = (what: readonly string[], why: string): readonly string[] =>
    what.length === 0 ? [] : [`under load: ${named(what)}${why}`];
  return {
    facts: {
      ...{ seed, sessions, everyMs, attempts, old: trial.old, quiet: quietly, during: felt, failures },
      verification: { name: verification.name, digest: verification.digest },
      ...rest,
      stalls: stalls.stalls,
      deadlocks: (await deadlocksOf(control)) - deadlocks,
      ...(end === undefined ? {} : { end: { tables: end.tables, differences: end.differences } }),
      written: end?.written({ went, failed: before.failed + during.failed }) ?? [],
    },
    missing: [
      ...beside(end?.uncounted ?? [], ': its rows weren’t counted, since transactions don’t each add as many'),
      ...beside(end?.following ?? [], ': values weren’t compared that come out anew or follow what sessions write'),
      ...beside(stalls.unwatched, ': nobody else read or wrote it'),
      ...unpaused,
      ...(left > 0 ? [`under load: ${left} more moments at which it could be interrupted`] : []),
    ],
  };
}

async function whileUsersWork(
  { sessions, everyMs, tables, mostTables, signal, ...ask }: UnderLoadAsk,
  trial: Trial,
  serving: Serving,
  control: pg.ClientConfig,
): Promise<{
  readonly before: Stretch;
  readonly during: Stretch;
  readonly chain: Chain;
  readonly stalls: Awaited<ReturnType<Canaries['stop']>>;
}> {
  const users = new Sessions({ serving, sessions, everyMs, signal });
  const canaries = new Canaries({ connection: serving.connection, settings: [], mostTables });
  let stalls: Awaited<ReturnType<Canaries['stop']>> = { stalls: [], unwatched: [] };
  try {
    users.start();
    await users.more(QUIET_EACH);
    const before = users.take();
    await Promise.all(tables.map((table) => canaries.watch(table).catch(() => {})));
    const chain = await interrupted({ ...ask, sessions, everyMs, tables, mostTables, signal }, trial, users, control);
    users.beside = 'after the migrations';
    await users.more(AFTER_EACH);
    await users.stop();
    stalls = await canaries.stop();
    return { before, during: users.take(), chain, stalls };
  } finally {
    await users.stop();
    await canaries.stop();
  }
}

type Chain = ChainRan & {
  /** Where it came to its commit without a pause in which everybody worked, in words. */
  readonly unpaused: readonly string[];
};

async function interrupted(
  { files, seed, attempts, signal }: UnderLoadAsk,
  trial: Trial,
  users: Sessions,
  control: pg.ClientConfig,
): Promise<Chain> {
  const kinds = files.map(({ how, statements, locked }) => ({ how, statements, locked: [...locked.keys()] }));
  const pauses = new Map<number, PausesOf>();
  const ran = await trial.migrating((runner) =>
    runChain({
      ...{ files, kinds, seed, attempts, signal },
      beside: (what) => {
        users.beside = what;
      },
      recorded: () => recorded(control),
      call: (planned) => callStep({ runner, files, planned, control, users, signal, pauses }),
    }),
  );
  return {
    ...ran,
    unpaused:
      ran.stopped === undefined ? files.flatMap(({ name, how }, i) => unpausedText(name, how, pauses.get(i))) : [],
  };
}

function unpausedText(name: string, how: InterruptedFile['how'], pauses: PausesOf | undefined): readonly string[] {
  const why = pauses?.amiss ?? (how === 'transaction' ? 'it had no pause' : NO_PAUSE[how]);
  if (why === '') return [];
  return [`under load: what ${name} loses of users’ writes is counted only where somebody wrote just then: ${why}`];
}

const NO_PAUSE = {
  alone: 'what runs outside of a transaction can’t be paused',
  program: 'a program can’t be paused between its statements',
} as const;

interface Call {
  readonly runner: StepRunner;
  readonly files: UnderLoadAsk['files'];
  readonly planned: PlannedInterruption | undefined;
  readonly control: pg.ClientConfig;
  readonly users: Sessions;
  readonly signal: AbortSignal;
  readonly pauses: Map<number, PausesOf>;
}

interface PausesOf {
  /** What was amiss with those of the call that committed it; empty: nothing. */
  readonly amiss?: string;
  /** The next call pauses at so many places: behind them users wait for what it holds, and it broke off, perhaps by waiting for them. */
  readonly most?: number;
}

/** One try of a promotion's step: every file from the first on, those that are there already included. */
async function callStep(call: Call): Promise<StepCall> {
  const { runner, files, planned, control } = call;
  let end: CallEnd = { ok: true, value: undefined };
  for (const [i, file] of files.entries()) {
    const whole = (): Promise<CallEnd> => wholeCall(call, i);
    if (planned?.file === i) return interrupt({ runner, planned, file, control, whole });
    end = await whole();
    if (!('ok' in end) || !end.ok) return { end };
  }
  return { end };
}

/** A call that nobody ends. Where it is going to commit, it pauses for everybody who works. */
async function wholeCall({ runner, files, control, users, signal, pauses }: Call, i: number): Promise<CallEnd> {
  const { how, to, text } = files[i]!;
  if (how !== 'transaction' || (await recorded(control)) >= to) return called(() => runner.up(i));
  const ask = { text, users, control, signal, most: pauses.get(i)?.most };
  const { end, paused, places, free } = await pausing({ ...ask, up: (gated) => runner.up(i, gated) });
  const amiss = `at ${paused} of ${places} places it paused until everybody had carried out a transaction, or waited`;
  if ('ok' in end && end.ok) pauses.set(i, { amiss: paused === places ? '' : amiss });
  else pauses.set(i, { most: free });
  return end;
}

async function recorded(control: pg.ClientConfig): Promise<number> {
  return withClient(control, async (client) => (await recordedVersion(client)) ?? 0);
}

async function deadlocksOf(control: pg.ClientConfig): Promise<number> {
  return withClient(control, async (client) => {
    const { rows } = await client.query<{ n: number }>(
      'select deadlocks::float8 as n from pg_stat_database where datname = current_database()',
    );
    return rows[0]?.n ?? 0;
  });
}

import { rm } from 'node:fs/promises';
import type { FailureCode } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import pg from 'pg';
import type { RunAs } from '../../machine/run-as.ts';
import { runBounded } from '../program-run/bounded-run.ts';
import { mask } from '../program-run/masking.ts';
import { lockHolders, watchingLocks } from '../store/lock-holders.ts';
import { closeMigrationLogin, openMigrationLogin } from '../store/migration-login.ts';
import { commandEnvironment } from './command-environment.ts';
import type { CommandStore } from './command-migrator.ts';
import { commandFailure } from './failure-words.ts';
import { askVersion, type Said } from './version-query.ts';

/** Kept back of a step's time, for asking the version afterwards and writing it down. Milliseconds. */
const READ_BACK_MS = 3_000;
/** Between asking a program to end and ending it. Milliseconds. */
const GRACE_MS = 2_000;
/** With less time left than this there is no use in beginning. Milliseconds. */
export const SPARE_MS = READ_BACK_MS + GRACE_MS;

export interface Command {
  /** The migrations' login of the store, closed. */
  readonly login: string;
  /** The arguments of the signed release. */
  readonly words: readonly string[];
  readonly secrets: Readonly<Record<string, string>>;
  readonly goal: string | null;
  readonly scratch: string;
  /** Where it begins to work; `undefined`: in its scratch folder. */
  readonly cwd: string | undefined;
  readonly user: RunAs | undefined;
  /** What `${node}` stands for as the program. */
  readonly node: string;
  readonly ctx: StepContext;
}

export interface CommandRun {
  readonly failure: { readonly code: FailureCode; readonly why: string } | undefined;
  /** What the version query says afterwards. */
  readonly said: Said;
  /** What it printed: bounded, and without secrets. */
  readonly output: string;
}

/** Runs the program under the store's migrations' login, and asks the application for its version once nobody is at it any more. */
export async function runCommand(control: pg.Client, store: CommandStore, command: Command): Promise<CommandRun> {
  const { login, words, secrets, goal, scratch, cwd, user, node, ctx } = command;
  const { migrations, database, cluster } = store;
  const [program, ...leading] = migrations.program;
  await rm(scratch, { recursive: true, force: true });
  await actAsOwner(control, login, store);
  const password = await openMigrationLogin(control, login);
  const { host = '127.0.0.1', port = 5432 } = await cluster.controlConnection(database);
  const environment = commandEnvironment(migrations, secrets, { host, port, user: login, password, database }, scratch);
  const { value: run, holders } = await watchingLocks(
    () => lockHolders(control, login),
    () =>
      runBounded({
        command: [program === '${node}' ? node : program!, ...leading, ...words],
        environment: environment.variables,
        workDir: scratch,
        ...(cwd === undefined ? {} : { cwd }),
        user,
        deadlineMs: Math.min(migrations.timeoutMs, ctx.remainingMs() - SPARE_MS),
        graceMs: GRACE_MS,
        signal: ctx.signal,
        secrets: environment.secrets,
        maxOutputBytes: migrations.maxOutputBytes,
      }),
  );
  await closeMigrationLogin(control, login);
  const said = await askVersion(store, migrations.versionQuery);
  const well = run.exitCode === 0 && said.kind === 'version' && said.answer === goal;
  if (well) return { failure: undefined, said, output: run.output };
  const { code, why } = commandFailure({ run, holders, said, goal });
  // Once more: its words are cleaned of colours, and may only now spell what was masked.
  return { failure: { code, why: mask(why, environment.secrets) }, said, output: run.output };
}

/** What the login makes belongs to the application's owner; nothing of ours queues behind it for long. Undone as it is closed. */
async function actAsOwner(control: pg.Client, login: string, store: CommandStore): Promise<void> {
  const role = pg.escapeIdentifier(login);
  await control.query(`alter role ${role} set role = ${pg.escapeLiteral(store.user)}`);
  await control.query(`alter role ${role} set lock_timeout = ${store.migrations.lockWaitMs}`);
}

/** The application's business transactions on the copy: a program of its own, which is given the copy's URL. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { externalDatabaseUrlOf } from '../external-store/external-store.ts';
import { runBounded } from '../program-run/bounded-run.ts';
import { controlConnection } from '../store/store-session.ts';
import type { BroughtBack } from './brought-back.ts';

export const DATABASE_URL_VARIABLE = 'HEADGATE_DRILL_DATABASE_URL';

export interface TransactionsAsk {
  readonly copy: Pick<BroughtBack, 'store' | 'url' | 'environment'>;
  /** Argument vector. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  readonly workDir: string;
  readonly signal: AbortSignal;
}

/** How they went. `failed`: in our words; what the program printed is for a person on this machine. */
export interface TransactionsRan {
  readonly failed?: string;
  readonly output: string;
}

/** Carries them out. The program logs in as the application does, by a password of this copy's own. */
export async function runTransactions(ask: TransactionsAsk): Promise<TransactionsRan> {
  const { copy, command, timeoutMs, workDir, signal } = ask;
  const password = randomBytes(24).toString('base64url');
  const { user } = copy.store;
  await withClient(await controlConnection(copy.store), (client) =>
    client.query(`alter role ${pg.escapeIdentifier(user)} with login password ${pg.escapeLiteral(password)}`),
  );
  const url = externalDatabaseUrlOf({ ...copy.url, user, password });
  const ran = await runBounded({
    command,
    environment: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      LC_ALL: 'C.UTF-8',
      [DATABASE_URL_VARIABLE]: url,
      ...copy.environment,
    },
    workDir,
    user: undefined,
    deadlineMs: timeoutMs,
    signal,
    secrets: [password],
  });
  signal.throwIfAborted();
  const output = ran.output.trim().slice(-2_000);
  if (ran.exitCode === 0) return { output };
  const how = ran.ended === 'by-itself' ? `ended with ${ran.exitCode}` : `was stopped (${ran.ended})`;
  return { failed: `their program ${how}`, output };
}

/** One way through all migrations, with readers and writers beside it. */
import type { Migration } from '@headgate/domain';
import type { Direction, Pass } from '@headgate/domain/rehearsal/rehearsal';
import { othersWait, type TracedFile } from '@headgate/domain/rehearsal/trace';
import pg from 'pg';
import { Canaries, type CanaryAsk } from './canaries.ts';
import { traceFile } from './trace-file.ts';
import { type ProgramSetting, traceProgram } from './trace-program.ts';

/** A file to run. */
export interface PassFile {
  readonly migration: Migration;
  readonly file: string;
  readonly text: string;
}

/** Sessions of a copy, and how its files are run. */
export interface PassSetting {
  /** Logs in with the owner's rights and no more. */
  readonly login: pg.ClientConfig;
  /** Sent as each of its sessions begins: it takes the owner's role. */
  readonly settings: readonly string[];
  /** A superuser of the copy. */
  readonly control: pg.ClientConfig;
  readonly how: 'headgate' | 'psql';
  /** Carries the files out, where they are none of SQL. */
  readonly program?: ProgramSetting;
  readonly lockWaitMs: number;
  readonly mostTables: number;
}

/** How long canaries go on when the last file has ended: who waited then has to be heard. Milliseconds. */
const AFTER_MS = 30;

/**
 * Runs files in order, and stops at the first that fails. `tables`: that others use and the files will hold, as far as it is
 * known before; what turns out to be held is joined at once. `between`: is called where a file is about to begin, with how many are done;
 * its time is nobody's.
 */
export async function runPass(
  direction: Direction,
  files: readonly PassFile[],
  tables: readonly string[],
  setting: PassSetting,
  between: (done: number) => Promise<void> = async () => {},
): Promise<Pass> {
  const { login, settings, control, how, program, lockWaitMs, mostTables } = setting;
  const asked: CanaryAsk = { connection: login, settings, mostTables };
  const canaries = new Canaries(asked);
  const clients = [login, control, control].map(
    (config) => new pg.Client({ ...config, application_name: 'headgate rehearsal' }),
  );
  const [runner, watcher, reader] = clients as [pg.Client, pg.Client, pg.Client];
  const traced: TracedFile[] = [];
  let felt: Awaited<ReturnType<Canaries['stop']>>;
  try {
    for (const client of clients) {
      client.on('error', () => {}); // what was under way is rejected, and tells
      await client.connect();
    }
    for (const sql of settings) await runner.query(sql);
    await Promise.all(tables.map((table) => canaries.watch(table)));
    const onLock = (relation: string, mode: string): void => {
      // It holds the table by now: they feel what is left of it. One that can't begin is told when they stop.
      if (othersWait({ mode })) canaries.watch(relation).catch(() => {});
    };
    for (const [done, { migration, file, text }] of files.entries()) {
      await between(done);
      const sessions = { runner, watcher, control: reader };
      const ran =
        program === undefined
          ? await traceFile(sessions, { migration: migration.id, file, text, how, lockWaitMs, onLock })
          : await traceProgram(sessions, program, { direction, migration, file, text, onLock });
      traced.push(ran);
      if (ran.failed !== undefined) break;
      // The next file finds a session as fresh as the migrator's.
      await runner.query('discard all');
      for (const sql of settings) await runner.query(sql);
    }
    await new Promise((over) => setTimeout(over, AFTER_MS));
  } finally {
    felt = await canaries.stop();
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
  }
  return {
    direction,
    durationMs: traced.reduce((sum, { durationMs }) => sum + durationMs, 0),
    files: traced,
    ...felt,
  };
}

/** Tables that a pass was seen to keep others from. */
export function heldTables({ files }: Pass): readonly string[] {
  const held = files.flatMap(({ statements }) =>
    statements.flatMap(({ locks }) => locks.filter(othersWait).map(({ relation }) => relation)),
  );
  return [...new Set(held)];
}
